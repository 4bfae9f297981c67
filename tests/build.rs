//! Compiles the hostile guest for the suites.
#![expect(clippy::print_stderr, reason = "this is how a build script talks to cargo")]

use std::path::Path;

fn main() {
    let watch = ["../wit/storage", "../plugins/sdk", "hostile"].map(Path::new);
    match siltstone_guest_build::build("siltstone-hostile", &watch) {
        Ok(path) => println!("cargo::rustc-env=HOSTILE_WASM={}", path.display()),
        Err(error) => {
            eprintln!("error: {error}");
            std::process::exit(1);
        }
    }
}
