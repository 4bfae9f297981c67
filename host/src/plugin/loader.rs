//! Turns the bytes of a component into a program: checks what it exports and imports, compiles and links it.

use std::sync::Arc;

use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use super::engine::PluginEngine;
use super::limits::Limits;
use super::tally::Tally;
use super::text;
use super::version::{Linked, PACKAGE, SPOKEN, Version};
use crate::error::{Error, ErrorKind, Result};

const OPERATION: &str = "load";
/// Bytes of a component.
pub(crate) const MAX_COMPONENT: u64 = 64 << 20;
/// How a component begins: the magic number, and the version that tells it from a core module.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// Interfaces of `siltstone:storage` that are offered to plugins.
const OFFERED: [&str; 3] = ["types", "io", "host"];
/// Packages of WASI that are offered to plugins, all of line 0.2.
const WASI: [&str; 7] = ["cli", "io", "clocks", "random", "filesystem", "sockets", "http"];

/// A plugin that is compiled and linked, ready to be instantiated any number of times.
pub(crate) struct Program {
    pub(crate) linked: Box<dyn Linked>,
    pub(crate) limits: Limits,
    /// What it implements, as `package@version`.
    pub(crate) interface: String,
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    pub(crate) tally: Tally,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("interface", &self.interface)
            .field("imports", &self.imports)
            .field("exports", &self.exports)
            .finish_non_exhaustive()
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
    if bytes.len() as u64 > MAX_COMPONENT {
        let message =
            format!("`{origin}` has {} bytes; a component has at most {MAX_COMPONENT}", bytes.len());
        return Err(Error::invalid(OPERATION, message));
    }
    let component = Component::from_binary(engine.wasm(), bytes).map_err(|e| {
        Error::invalid(OPERATION, format!("`{origin}` is not a valid component")).with_source(shown(&e))
    })?;

    let ty = component.component_type();
    let exports: Vec<String> = ty.exports(engine.wasm()).map(|(name, _)| name.to_owned()).collect();
    let versions = check_exports(&exports, origin, SPOKEN)?;
    let mut imports = Vec::new();
    let mut refused = Vec::new();
    for (name, item) in ty.imports(engine.wasm()) {
        if !(matches!(item.ty, ComponentItem::ComponentInstance(_)) && is_offered(name, &versions)) {
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
    let newest = versions[0];
    let exported = exports_of(&exports).find(|version| (newest.is)(version)).unwrap_or(newest.name);
    let interface = format!("{PACKAGE}@{exported}");
    let linked = engine.linker().instantiate_pre(&component).and_then(newest.bind).map_err(mismatch)?;
    Ok(Arc::new(Program { linked, limits, interface, imports, exports, tally: Tally::default() }))
}

/// The versions of the interface that a component implements.
fn exports_of(exports: &[String]) -> impl Iterator<Item = &str> {
    exports.iter().filter_map(|name| name.strip_prefix(PACKAGE)?.strip_prefix("/store@"))
}

/// The versions that both the component and this host speak, the newest first; at least one.
fn check_exports<'v>(exports: &[String], origin: &str, spoken: &'v [Version]) -> Result<Vec<&'v Version>> {
    let exported: Vec<&str> = exports_of(exports).collect();
    let common: Vec<&Version> =
        spoken.iter().filter(|version| exported.iter().any(|name| (version.is)(name))).collect();
    if !common.is_empty() {
        return Ok(common);
    }
    let what = if exported.is_empty() {
        format!("does not export {PACKAGE}/store, so it is no transport plugin")
    } else {
        let exported: Vec<String> =
            exported.iter().take(8).map(|version| text::one_line(version, 40)).collect();
        format!("speaks {PACKAGE}@{}", exported.join(", "))
    };
    let spoken: Vec<&str> = spoken.iter().map(|version| version.name).collect();
    let message = format!("`{origin}` {what}; this host speaks {PACKAGE}@{}", spoken.join(", "));
    Err(Error::new(ErrorKind::Unsupported, OPERATION, message))
}

/// Whether an import stands in the closed list, which has our own interfaces in the versions that are spoken.
fn is_offered(name: &str, versions: &[&Version]) -> bool {
    let Some((package, rest)) = name.split_once('/') else { return false };
    let Some((interface, version)) = rest.split_once('@') else { return false };
    if package == PACKAGE {
        return OFFERED.contains(&interface) && versions.iter().any(|spoken| (spoken.is)(version));
    }
    package.strip_prefix("wasi:").is_some_and(|p| WASI.contains(&p))
        && version
            .strip_prefix("0.2.")
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

fn shown(error: &wasmtime::Error) -> String {
    text::one_line(&format!("{error:#}"), 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::EngineSettings;

    /// What a host speaks that is built without the experimental version.
    fn released() -> &'static [Version] {
        let first = SPOKEN.iter().position(|version| (version.is)("0.1.0")).unwrap();
        &SPOKEN[first..]
    }

    #[test]
    fn the_list_of_imports_is_closed() {
        let versions: Vec<&Version> = released().iter().collect();
        for name in [
            "siltstone:storage/io@0.1.0",
            "siltstone:storage/host@0.1.12",
            "wasi:io/streams@0.2.0",
            "wasi:cli/environment@0.2.6",
            "wasi:sockets/tcp@0.2.0",
        ] {
            assert!(is_offered(name, &versions), "{name}");
        }
        for name in [
            "siltstone:storage/store@0.1.0",
            "siltstone:storage/io@0.2.0",
            "siltstone:storage/io@0.2.0-test",
            "siltstone:storage/io@0.1.0-test",
            "siltstone:storage/io",
            "wasi:io/streams@0.3.0",
            "wasi:io/streams@0.2.0-rc-2023-11-10",
            "wasi:keyvalue/store@0.2.0",
            "evil:io/streams@0.2.0",
            "env",
        ] {
            assert!(!is_offered(name, &versions), "{name}");
        }
    }

    fn store(version: &str) -> String {
        format!("{PACKAGE}/store@{version}")
    }

    #[test]
    fn a_plugin_of_another_version_is_told_which_ones_this_host_speaks() {
        let exports = |names: &[String]| check_exports(names, "x.wasm", released());
        let text = |names: &[String]| exports(names).err().unwrap().to_string();
        assert!(exports(&[store("0.1.7")]).is_ok());
        for version in ["0.2.0", "0.2.0-test", "1.0.0"] {
            let text = text(&[store(version)]);
            let both = format!("speaks {PACKAGE}@{version}; this host speaks {PACKAGE}@0.1.x");
            assert!(text.contains(&both), "{text}");
        }
        let several = text(&[store("0.3.0"), store("0.4.0")]);
        assert!(several.contains("@0.3.0, 0.4.0;"), "{several}");
        let none = text(&["wasi:cli/run@0.2.0".to_owned()]);
        assert!(none.contains("no transport plugin"), "{none}");
    }

    #[cfg(feature = "experimental-interface")]
    #[test]
    fn the_newest_version_that_both_speak_is_taken_and_only_its_interfaces_are_offered() {
        let names = |exports: &[String], spoken| -> Vec<&str> {
            check_exports(exports, "x.wasm", spoken).unwrap().iter().map(|v| v.name).collect()
        };
        let both = [store("0.1.0"), store("0.2.0-test"), store("0.9.0")];
        assert_eq!(names(&both, SPOKEN), ["0.2.0-test", "0.1.x"]);
        assert_eq!(names(&both, released()), ["0.1.x"]);
        let old = check_exports(&both[..1], "x.wasm", SPOKEN).unwrap();
        let new = check_exports(&both[1..], "x.wasm", SPOKEN).unwrap();
        let io = |version: &str| format!("{PACKAGE}/io@{version}");
        assert!(is_offered(&io("0.1.0"), &old) && !is_offered(&io("0.2.0-test"), &old));
        assert!(is_offered(&io("0.2.0-test"), &new) && !is_offered(&io("0.1.0"), &new));
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
