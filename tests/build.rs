//! Checks what the tests need and compiles their guests.
#![expect(clippy::print_stderr, reason = "this is how a build script talks to cargo")]

mod prerequisites;

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=prerequisites.rs");
    println!("cargo::rerun-if-env-changed=PATH");
    let missing = prerequisites::missing();
    if !missing.is_empty() {
        for line in missing {
            eprintln!("error: {line}");
        }
        std::process::exit(1);
    }
    let wit = Path::new("../wit/storage");
    let sdk = Path::new("../plugins/sdk");
    let filesystem = Path::new("../plugins/filesystem");
    build("siltstone-hostile", "HOSTILE_WASM", &[wit, sdk, Path::new("hostile"), filesystem]);
    build("siltstone-liar", "LIAR_WASM", &[wit, sdk, Path::new("liar"), filesystem]);
    build("siltstone-webdav", "WEBDAV_WASM", &[wit, sdk, Path::new("../examples/vendor-plugin-webdav")]);
    build("siltstone-next", "NEXT_WASM", &[wit, Path::new("wit/next"), Path::new("next")]);
}

/// Compiles a guest and tells the tests by this variable where it lies.
fn build(package: &str, variable: &str, watch: &[&Path]) {
    match siltstone_guest_build::build(package, watch) {
        Ok(path) => println!("cargo::rustc-env={variable}={}", path.display()),
        Err(error) => {
            eprintln!("error: {error}");
            std::process::exit(1);
        }
    }
}
