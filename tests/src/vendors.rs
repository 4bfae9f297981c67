//! The plugins of `examples/vendor-plugin-*`, built as their documents say: once for each content of their sources.

use std::fs::{read, read_dir, remove_file};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::install::{once, run};
use crate::ops_house::kept;

/// A template in a language of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// `vendor-plugin-python`: a granted folder.
    Python,
    /// `vendor-plugin-js`: a container of Azure Blob behind a shared access signature.
    Js,
}

impl Template {
    /// The name of the plugin.
    #[must_use]
    pub fn plugin(self) -> &'static str {
        match self {
            Self::Python => "folder",
            Self::Js => "sas",
        }
    }

    /// The folder with its sources.
    #[must_use]
    pub fn folder(self) -> PathBuf {
        let name = match self {
            Self::Python => "vendor-plugin-python",
            Self::Js => "vendor-plugin-js",
        };
        workspace().join("examples").join(name)
    }

    /// The build, with what it installs and makes below `target`.
    #[must_use]
    pub fn build(self, target: &Path) -> Command {
        let mut command = Command::new(self.folder().join("build.sh"));
        command.env("TARGET", target);
        command
    }

    /// The component, built now if that was not done yet for these sources. Test processes that want it at the same time wait
    /// for each other.
    ///
    /// # Errors
    ///
    /// When it cannot be built; the text holds what the build said.
    pub fn component(self) -> Result<PathBuf, String> {
        let needs = match self {
            Self::Python => "python3 with venv and the Python package registry",
            Self::Js => "node, npm and the Node package registry",
        };
        let target = kept(&format!("vendor-{}", self.plugin()));
        let component = target.join(format!("{}.wasm", self.plugin()));
        let mut sources = Vec::new();
        digest(&self.folder(), &mut sources)?;
        digest(&workspace().join("wit/storage"), &mut sources)?;
        once(&target, &sources.join("\n"), || {
            // It may be missing. What is there is of other sources.
            let _ = remove_file(&component);
            run(&mut self.build(&target), needs)
        })?;
        Ok(component)
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1).map(Path::to_path_buf).unwrap_or_default()
}

/// Names and checksums of all files in a folder but those that a build by hand has left there.
fn digest(folder: &Path, all: &mut Vec<String>) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    let mut paths = Vec::new();
    for entry in read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort_unstable();
    for path in paths {
        if path.is_dir() {
            if !path.ends_with("target") {
                digest(&path, all)?;
            }
        } else {
            let content = read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            all.push(format!("{} {} {:08x}", path.display(), content.len(), crc32c::crc32c(&content)));
        }
    }
    Ok(())
}
