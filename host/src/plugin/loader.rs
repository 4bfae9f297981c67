//! Turns the bytes of a component into a program: checks what it exports and imports, compiles and links it.

use std::sync::Arc;

use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use super::bindings::TransportPre;
use super::engine::PluginEngine;
use super::limits::Limits;
use super::state::State;
use super::text;
use crate::error::{Error, ErrorKind, Result};

const OPERATION: &str = "load";
/// Bytes of a component.
const MAX_SIZE: usize = 64 << 20;
/// How a component begins: the magic number, and the version that tells it from a core module.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// The line of the interface that this host speaks.
const STORAGE: (&str, &str) = ("siltstone:storage", "0.1.");
/// Interfaces of `siltstone:storage` that are offered to plugins.
const OFFERED: [&str; 3] = ["types", "io", "host"];
/// Packages of WASI that are offered to plugins, all of line 0.2.
const WASI: [&str; 7] = ["cli", "io", "clocks", "random", "filesystem", "sockets", "http"];

/// A plugin that is compiled and linked, ready to be instantiated any number of times.
pub(crate) struct Program {
    pub(crate) pre: TransportPre<State>,
    pub(crate) limits: Limits,
    /// What it implements, as `package@version`.
    pub(crate) interface: String,
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("imports", &self.imports).field("exports", &self.exports).finish()
    }
}

/// Compiles a component, or fetches it from the cache. Takes a second per megabyte when it has to compile.
pub(crate) fn load(
    engine: &PluginEngine,
    bytes: &[u8],
    origin: &str,
    limits: Limits,
) -> Result<Arc<Program>> {
    if bytes.starts_with(MODULE) {
        let message = format!("`{origin}` is a core module, not a component; build it for wasm32-wasip2");
        return Err(Error::invalid(OPERATION, message));
    }
    // Nothing but WebAssembly ever reaches the compiler: precompiled artefacts are native code.
    if !bytes.starts_with(COMPONENT) {
        return Err(Error::invalid(OPERATION, format!("`{origin}` is not a WebAssembly component")));
    }
    if bytes.len() > MAX_SIZE {
        let message = format!("`{origin}` has {} bytes; a component has at most {MAX_SIZE}", bytes.len());
        return Err(Error::invalid(OPERATION, message));
    }
    let component = Component::from_binary(engine.wasm(), bytes).map_err(|e| {
        Error::invalid(OPERATION, format!("`{origin}` is not a valid component")).with_source(shown(&e))
    })?;

    let ty = component.component_type();
    let exports: Vec<String> = ty.exports(engine.wasm()).map(|(name, _)| name.to_owned()).collect();
    let interface = check_exports(&exports, origin)?;
    let mut imports = Vec::new();
    let mut refused = Vec::new();
    for (name, item) in ty.imports(engine.wasm()) {
        if !(matches!(item.ty, ComponentItem::ComponentInstance(_)) && is_offered(name)) {
            refused.push(text::quoted(name, 200));
        }
        imports.push(name.to_owned());
    }
    if !refused.is_empty() {
        let message = format!("`{origin}` imports what no plugin may reach: {}", refused.join(", "));
        return Err(Error::new(ErrorKind::Denied, OPERATION, message));
    }

    let mismatch = |e: wasmtime::Error| {
        let message =
            format!("`{origin}` does not fit the interfaces of this host; was it built for a newer one?");
        Error::new(ErrorKind::Unsupported, OPERATION, message).with_source(shown(&e))
    };
    let pre = engine.linker().instantiate_pre(&component).and_then(TransportPre::new).map_err(mismatch)?;
    Ok(Arc::new(Program { pre, limits, interface, imports, exports }))
}

/// The interface that is spoken, as `package@version`.
fn check_exports(exports: &[String], origin: &str) -> Result<String> {
    let (package, line) = STORAGE;
    let spoken: Vec<&str> =
        exports.iter().filter_map(|name| name.strip_prefix(package)?.strip_prefix("/store@")).collect();
    if let Some(version) = spoken.iter().find(|version| version.starts_with(line)) {
        return Ok(format!("{package}@{version}"));
    }
    let what = match spoken.first() {
        Some(version) => format!("speaks {package}@{}", text::one_line(version, 40)),
        None => format!("does not export {package}/store, so it is no transport plugin"),
    };
    let message = format!("`{origin}` {what}; this host speaks {package}@{line}x");
    Err(Error::new(ErrorKind::Unsupported, OPERATION, message))
}

/// Whether an import stands in the closed list.
fn is_offered(name: &str) -> bool {
    let Some((package, rest)) = name.split_once('/') else { return false };
    let Some((interface, version)) = rest.split_once('@') else { return false };
    let line = |prefix: &str| {
        version.strip_prefix(prefix).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    if package == STORAGE.0 {
        return OFFERED.contains(&interface) && line(STORAGE.1);
    }
    package.strip_prefix("wasi:").is_some_and(|p| WASI.contains(&p)) && line("0.2.")
}

fn shown(error: &wasmtime::Error) -> String {
    text::one_line(&format!("{error:#}"), 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::EngineSettings;

    #[test]
    fn the_list_of_imports_is_closed() {
        for name in [
            "siltstone:storage/io@0.1.0",
            "siltstone:storage/host@0.1.12",
            "wasi:io/streams@0.2.0",
            "wasi:cli/environment@0.2.6",
            "wasi:sockets/tcp@0.2.0",
        ] {
            assert!(is_offered(name), "{name}");
        }
        for name in [
            "siltstone:storage/store@0.1.0",
            "siltstone:storage/io@0.2.0",
            "siltstone:storage/io",
            "wasi:io/streams@0.3.0",
            "wasi:io/streams@0.2.0-rc-2023-11-10",
            "wasi:keyvalue/store@0.2.0",
            "evil:io/streams@0.2.0",
            "env",
        ] {
            assert!(!is_offered(name), "{name}");
        }
    }

    #[test]
    fn a_plugin_of_another_line_is_told_which_line_this_host_speaks() {
        let exports = |name: &str| check_exports(&[name.to_owned()], "x.wasm");
        assert!(exports("siltstone:storage/store@0.1.7").is_ok());
        let text = exports("siltstone:storage/store@0.2.0").unwrap_err().to_string();
        assert!(text.contains("speaks siltstone:storage@0.2.0") && text.contains("0.1.x"), "{text}");
        let text = exports("wasi:cli/run@0.2.0").unwrap_err().to_string();
        assert!(text.contains("no transport plugin"), "{text}");
    }

    #[test]
    fn bytes_that_are_no_component_are_refused() {
        let engine = PluginEngine::new(EngineSettings::default()).unwrap();
        let mut broken = COMPONENT.to_vec();
        broken.extend([0xff; 16]);
        for (bytes, want) in [
            (&b"\x7fELF native code"[..], "not a WebAssembly component"),
            (MODULE, "core module"),
            (&broken, "not a valid component"),
            (COMPONENT, "no transport plugin"),
        ] {
            let text = load(&engine, bytes, "x.wasm", Limits::default()).unwrap_err().to_string();
            assert!(text.contains(want), "{text}");
        }
    }
}
