//! What wasmtime's bindgen makes of `tests/wit/next`, the experimental version, and nothing else.

// The generated `Lift` and `Lower` implementations are `unsafe impl`s: the one exception to the crate's rule.
#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "generated code; the documentation of every item is its doc comment in the WIT"
)]

wasmtime::component::bindgen!({
    // The WASI interfaces are linked as a whole, so the world that is bound here is only our own part.
    inline: r#"
        package siltstone:runtime;

        world transport {
            import siltstone:storage/io@0.2.0-test;
            import siltstone:storage/host@0.2.0-test;
            export siltstone:storage/store@0.2.0-test;
        }
    "#,
    path: ["../wit/storage/deps/io", "../wit/storage/deps/random", "../tests/wit/next"],
    world: "siltstone:runtime/transport",
    imports: {
        "siltstone:storage/host.cache-get": async | trappable,
        "siltstone:storage/host.read-file": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    require_store_data_send: true,
    with: {
        "wasi:io": wasmtime_wasi::p2::bindings::io,
        "siltstone:storage/io.blob": crate::plugin::io::BlobSource,
        "siltstone:storage/io.sink": crate::plugin::io::SinkTarget,
    },
});

// Rustdoc also passes this crate to itself under the same name.
pub(crate) use self::siltstone::storage::{host, io, types};
