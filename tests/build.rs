//! Checks what the tests need and compiles the hostile guest for them.
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
    let watch = ["../wit/storage", "../plugins/sdk", "hostile"].map(Path::new);
    match siltstone_guest_build::build("siltstone-hostile", &watch) {
        Ok(path) => println!("cargo::rustc-env=HOSTILE_WASM={}", path.display()),
        Err(error) => {
            eprintln!("error: {error}");
            std::process::exit(1);
        }
    }
}
