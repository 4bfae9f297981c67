//! Everything wasmtime: how transport plugins are loaded, fenced in and called.
