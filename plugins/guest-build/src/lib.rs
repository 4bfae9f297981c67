//! Compiles a package of the workspace to a WASI component from a build script.
//!
//! ```no_run
//! use std::path::Path;
//!
//! let watch = ["../wit/storage", "sdk", "filesystem"].map(Path::new);
//! let component = siltstone_guest_build::build("siltstone-plugin-filesystem", &watch)?;
//! println!("cargo::rustc-env=FILESYSTEM_COMPONENT={}", component.display());
//! # Ok::<(), String>(())
//! ```

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The target that makes components.
const TARGET: &str = "wasm32-wasip2";

/// The profile of the workspace that guests are built with.
const PROFILE: &str = "guest";

/// Compiles the package to a component and answers where it lies: in the `OUT_DIR` of the build script that
/// calls this, as `<package>.wasm`.
///
/// `watch` names the files and folders whose change makes the component stale, absolute or relative to the
/// package of the build script; the workspace's `Cargo.toml` and `Cargo.lock` and its `rust-toolchain.toml`
/// are watched as well. The error is a text for a person, of one or more lines.
pub fn build(package: &str, watch: &[&Path]) -> Result<PathBuf, String> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    let cargo = variable("CARGO")?;
    let workspace = workspace(&here)?;
    let shared = ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml"].map(|name| workspace.join(name));
    for path in watch.iter().map(|path| here.join(path)).chain(shared) {
        rerun_if_changed(&path)?;
    }
    ensure_target(&here)?;

    // A folder of its own: the outer cargo holds the lock of its own one until this script has ended.
    let target = target_dir(&out, &variable("TARGET")?)?.join("guests");
    let mut command = Command::new(&cargo);
    command
        .current_dir(&here)
        .args(["rustc", "--locked", "--profile", PROFILE, "--target", TARGET, "--package", package])
        .args(["--lib", "--crate-type", "cdylib", "--target-dir"])
        .arg(&target);
    for (name, _) in env::vars_os().filter(|(name, _)| is_for_the_outer_build(name)) {
        command.env_remove(name);
    }
    let output = run(&mut command)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("cannot build {package} for {TARGET}:\n{said}"));
    }

    let built = target.join(TARGET).join(PROFILE).join(format!("{}.wasm", package.replace('-', "_")));
    let kept = out.join(format!("{package}.wasm"));
    std::fs::copy(&built, &kept)
        .map_err(|error| format!("cannot copy {} to {}: {error}", built.display(), kept.display()))?;
    Ok(kept)
}

/// Tells cargo to run the build script again when the file, or anything in the folder, changes. An error when
/// there is no such path, since cargo would then run the script at every build.
pub fn rerun_if_changed(path: &Path) -> Result<(), String> {
    let path = path.canonicalize().map_err(|error| format!("cannot watch {}: {error}", path.display()))?;
    tell(&format!("cargo::rerun-if-changed={}", path.display()));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is how a build script talks to cargo")]
fn tell(line: &str) {
    println!("{line}");
}

fn variable(name: &str) -> Result<OsString, String> {
    env::var_os(name).ok_or_else(|| format!("{name} is not set: this is for build scripts"))
}

/// The nearest folder above with a lock file.
fn workspace(here: &Path) -> Result<&Path, String> {
    here.ancestors()
        .find(|folder| folder.join("Cargo.lock").is_file())
        .ok_or_else(|| format!("no Cargo.lock in {} or above", here.display()))
}

/// The outer target folder: `<it>[/<triple>]/<profile>/build/<package>-<hash>/out` is what `OUT_DIR` looks
/// like. Cargo marks the folder, but not where it was there before.
fn target_dir<'a>(out: &'a Path, triple: &OsStr) -> Result<&'a Path, String> {
    let marked =
        |folder: &&Path| ["CACHEDIR.TAG", ".rustc_info.json"].iter().any(|name| folder.join(name).is_file());
    if let Some(folder) = out.ancestors().skip(1).find(marked) {
        return Ok(folder);
    }
    let above_profile = out
        .ancestors()
        .find(|folder| folder.file_name() == Some(OsStr::new("build")))
        .and_then(|build| build.parent()?.parent());
    match above_profile {
        Some(folder) if folder.file_name() == Some(triple) => folder.parent(),
        folder => folder,
    }
    .ok_or_else(|| format!("cannot tell the target folder from OUT_DIR {}", out.display()))
}

/// Whether a variable speaks of how the outer build compiles, which is not how a component is compiled: flags,
/// profiles and folders, and wrappers such as clippy's driver or a coverage tool.
fn is_for_the_outer_build(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let wrapper = name.starts_with("RUSTC") && name.ends_with("_WRAPPER");
    wrapper
        || ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR"].contains(&name)
        || ["CARGO_BUILD_", "CARGO_PROFILE_"].iter().any(|start| name.starts_with(start))
}

/// Makes sure that the standard library of the target is there, and asks rustup for it when it is not.
fn ensure_target(here: &Path) -> Result<(), String> {
    if has_target(here)? {
        return Ok(());
    }
    let remedy = format!("run `rustup target add {TARGET}` and build again");
    let added = run(Command::new("rustup").current_dir(here).args(["target", "add", TARGET]))
        .map_err(|error| format!("the standard library of {TARGET} is missing and {error}; {remedy}"))?;
    if !added.status.success() {
        let said = String::from_utf8_lossy(&added.stderr);
        return Err(format!("the standard library of {TARGET} is missing; {remedy}\n{said}"));
    }
    if has_target(here)? {
        return Ok(());
    }
    Err(format!("the compiler does not find the standard library of {TARGET} that rustup added; {remedy}"))
}

fn has_target(here: &Path) -> Result<bool, String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked =
        run(Command::new(rustc).current_dir(here).args(["--print", "target-libdir", "--target", TARGET]))?;
    let folder = String::from_utf8_lossy(&asked.stdout);
    Ok(asked.status.success() && Path::new(folder.trim()).is_dir())
}

fn run(command: &mut Command) -> Result<Output, String> {
    command.output().map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_folder_is_found_from_out_dir() {
        let host = OsStr::new("x86_64-unknown-linux-gnu");
        for (out, expected) in [
            ("/nowhere/target/debug/build/p-0123/out", "/nowhere/target"),
            ("/nowhere/target/x86_64-unknown-linux-gnu/release/build/p-0123/out", "/nowhere/target"),
            ("/nowhere/build/debug/build/p-0123/out", "/nowhere/build"),
        ] {
            assert_eq!(target_dir(Path::new(out), host).unwrap(), Path::new(expected));
        }
        assert!(target_dir(Path::new("/nowhere/out"), host).is_err());
    }

    #[test]
    fn the_mark_of_cargo_decides_where_there_is_one() {
        let marked = env::temp_dir().join(format!("siltstone-guest-build-{}", std::process::id()));
        let out = marked.join("odd/layout/out");
        std::fs::create_dir_all(&out).unwrap();
        std::fs::write(marked.join("CACHEDIR.TAG"), "").unwrap();
        let found = target_dir(&out, OsStr::new("any")).map(Path::to_owned);
        std::fs::remove_dir_all(&marked).unwrap();
        assert_eq!(found.unwrap(), marked);
    }

    #[test]
    fn settings_of_the_outer_build_do_not_reach_the_guest() {
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET",
            "CARGO_BUILD_RUSTC_WRAPPER",
            "CARGO_PROFILE_DEV_OPT_LEVEL",
        ] {
            assert!(is_for_the_outer_build(OsStr::new(name)), "{name}");
        }
        for name in ["RUSTC", "CARGO", "CARGO_HOME", "RUSTUP_TOOLCHAIN", "CARGO_NET_OFFLINE", "PATH"] {
            assert!(!is_for_the_outer_build(OsStr::new(name)), "{name}");
        }
    }
}
