//! Compiles the bundled guests, or takes them from the folder that a packager names.
#![expect(clippy::print_stderr, reason = "this is how a build script talks to cargo")]

use std::path::{Path, PathBuf};

/// The bundled transports: each is a folder here, the package `siltstone-plugin-<name>`, and a line in `lib.rs`.
const GUESTS: [&str; 4] = ["azure", "filesystem", "gcs", "s3"];

/// A folder with a finished `<name>.wasm` of every guest.
const PREBUILT: &str = "SILTSTONE_PREBUILT_PLUGINS";

fn main() {
    println!("cargo::rerun-if-env-changed={PREBUILT}");
    for name in GUESTS {
        match component(name) {
            Ok(path) => {
                let variable = name.to_uppercase();
                println!("cargo::rustc-env=SILTSTONE_{variable}_COMPONENT={}", path.display());
            }
            Err(error) => {
                eprintln!("error: {error}");
                std::process::exit(1);
            }
        }
    }
}

fn component(name: &str) -> Result<PathBuf, String> {
    let Some(folder) = std::env::var_os(PREBUILT) else {
        let watch = [Path::new("../wit/storage"), Path::new("sdk"), Path::new(name)];
        return siltstone_guest_build::build(&format!("siltstone-plugin-{name}"), &watch);
    };
    let path = Path::new(&folder).join(format!("{name}.wasm"));
    let path = path
        .canonicalize()
        .map_err(|error| format!("{PREBUILT}: cannot find {}: {error}", path.display()))?;
    siltstone_guest_build::rerun_if_changed(&path)?;
    Ok(path)
}
