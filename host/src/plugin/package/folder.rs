//! Plugins as files in folders.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{PluginManifest, PluginPackage, Use};
use crate::error::{Error, ErrorKind, Result};
use crate::plugin::loader::MAX_COMPONENT;
use crate::plugin::plugin::PluginSource;

const OPERATION: &str = "load";
/// What names the folders.
const VARIABLE: &str = "BACKUP_PLUGIN_PATH";
/// Bytes of a manifest.
const MAX_MANIFEST: u64 = 1 << 20;

/// A component that was found in a plugin folder.
#[derive(Debug)]
pub struct Listed {
    /// The name of the file without its ending.
    pub name: String,
    /// The component.
    pub path: PathBuf,
    /// What it is with its manifest, or what is wrong with them.
    pub package: Result<PluginPackage>,
}

/// What the folders hold, by name. A name that is there twice is wrong at both places. Links are followed: what is checked is
/// the file that one leads to.
///
/// # Errors
///
/// When a folder cannot be read, and [`ErrorKind::Denied`] when every user of the machine can put files into it.
pub fn plugins_in(folders: &[PathBuf]) -> Result<Vec<Listed>> {
    let mut all: Vec<Listed> = Vec::new();
    for folder in folders {
        let named = |e| Error::io(OPERATION, folder, e).with("variable", VARIABLE);
        let metadata = std::fs::metadata(folder).map_err(named)?;
        expect_ours(folder, &metadata).map_err(|e| e.with("variable", VARIABLE))?;
        for entry in std::fs::read_dir(folder).map_err(named)? {
            let path = entry.map_err(named)?.path();
            if path.extension().is_some_and(|e| e == "wasm") {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                all.push(Listed { package: read(&path), name, path });
            }
        }
    }
    all.sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
    let twice: Vec<(usize, usize)> =
        (1..all.len()).filter(|&n| all[n - 1].name == all[n].name).map(|n| (n - 1, n)).collect();
    for (a, b) in twice {
        let message = format!(
            "two plugins have the name `{}`: {} and {}; remove one",
            all[a].name,
            all[a].path.display(),
            all[b].path.display()
        );
        for n in [a, b] {
            all[n].package = Err(Error::invalid(OPERATION, message.clone()));
        }
    }
    Ok(all)
}

/// Reads `NAME.wasm` with `NAME.toml`.
pub(super) fn read(path: &Path) -> Result<PluginPackage> {
    let name = path.file_stem().and_then(|n| n.to_str()).unwrap_or_default();
    let beside = path.with_extension("toml");
    let component = read_file(path, MAX_COMPONENT)?;
    let package = PluginPackage::new(name, component)
        .map_err(|e| e.with("file", path.display()))?
        .from(PluginSource::File(path.to_owned()));
    let manifest = match read_file(&beside, MAX_MANIFEST) {
        Ok(bytes) => bytes,
        Err(e) if e.is(ErrorKind::NotFound) => {
            let message = format!(
                "{} has no manifest: write {}, which pins and grants; its SHA-256 is {}",
                path.display(),
                beside.display(),
                super::hex(&package.sha256())
            );
            return Err(Error::new(ErrorKind::NotFound, OPERATION, message));
        }
        Err(e) => return Err(e),
    };
    let text = String::from_utf8(manifest)
        .map_err(|_| Error::invalid(OPERATION, format!("{} is not UTF-8", beside.display())))?;
    package.with_manifest(PluginManifest::parse(&text, &beside.display().to_string(), Use::Installed)?)
}

/// The content of a file that only its owner, or its owner's group, can change.
fn read_file(path: &Path, most: u64) -> Result<Vec<u8>> {
    use std::io::Read;
    let failed = |e| Error::io(OPERATION, path, e);
    // A pipe that nobody writes to must not hold up the start.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Error::invalid(OPERATION, format!("{} is not a file", path.display())));
    }
    expect_ours(path, &metadata)?;
    if metadata.len() > most {
        let message = format!("{} has {} bytes; at most {most}", path.display(), metadata.len());
        return Err(Error::invalid(OPERATION, message));
    }
    let mut content = Vec::new();
    file.by_ref().take(most + 1).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

/// Refuses what everybody can change, or somebody else: whoever can write here decides what a plugin may reach.
fn expect_ours(path: &Path, metadata: &Metadata) -> Result<()> {
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        let message = format!(
            "{} belongs to the user {owner}; it must belong to the user of this process, or to root",
            path.display()
        );
        return Err(Error::new(ErrorKind::Denied, OPERATION, message));
    }
    if metadata.mode() & 0o002 == 0 {
        return Ok(());
    }
    let message = format!(
        "{} can be written by every user of this machine; take that right away (chmod o-w)",
        path.display()
    );
    Err(Error::new(ErrorKind::Denied, OPERATION, message))
}

#[cfg(test)]
mod tests;
