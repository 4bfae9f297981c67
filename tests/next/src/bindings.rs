//! What wit-bindgen makes of `tests/wit/next`.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code; the documentation of every item is its doc comment in the WIT"
)]

wit_bindgen::generate!({
    path: ["../../wit/storage/deps/io", "../../wit/storage/deps/random", "../wit/next"],
    world: "siltstone:storage/transport",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export",
    default_bindings_module: "crate::bindings",
});
