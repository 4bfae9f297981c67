//! What wit-bindgen makes of `wit/storage`, generated once here for every guest.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code; the documentation of every item is its doc comment in the WIT"
)]

wit_bindgen::generate!({
    path: "../../wit/storage",
    world: "siltstone:storage/transport",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export",
    default_bindings_module: "siltstone_plugin_sdk::bindings",
});
