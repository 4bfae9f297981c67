//! The component that a command names: a file, or a plugin of this build.

use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result};
use crate::model::BackendName;
use crate::plugin::{MAX_COMPONENT, PluginPackage, PluginSource};

/// What a component is called before it has said its own name.
const NAMELESS: &str = "nameless";

/// The component with where it comes from, and nothing granted. A file goes before a plugin of that name.
///
/// # Errors
///
/// [`crate::ErrorKind::Invalid`] when it is neither: that is a slip of the command, and not the lack of a backup.
pub(super) fn find(operation: &'static str, named: &Path) -> Result<PluginPackage> {
    if named.is_file() {
        let bytes = read(operation, named, "the component")?;
        return Ok(PluginPackage::new(NAMELESS, bytes)?.from(PluginSource::File(named.to_owned())));
    }
    match siltstone_plugins::all().iter().find(|plugin| Path::new(plugin.name) == named) {
        Some(plugin) => Ok(PluginPackage::bundled(BackendName::new(plugin.name)?, plugin.component)),
        None => {
            let message = format!("`{}` is neither a file nor a plugin of this build", named.display());
            Err(Error::invalid(operation, message))
        }
    }
}

/// The content of a file that is no larger than a component may be.
///
/// # Errors
///
/// As [`find`].
pub(super) fn read(operation: &'static str, path: &Path, what: &str) -> Result<Vec<u8>> {
    let refused = |why: String| Error::invalid(operation, format!("{what}, `{}`, {why}", path.display()));
    let failed = |e| refused(format!("cannot be read: {e}"));
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MAX_COMPONENT {
        return Err(refused(format!("has {size} bytes; at most {MAX_COMPONENT}")));
    }
    let mut content = Vec::new();
    // It may grow meanwhile, or say that it has no length.
    let file = std::fs::File::open(path).map_err(failed)?;
    let len = file.take(MAX_COMPONENT + 1).read_to_end(&mut content).map_err(failed)?;
    if len as u64 > MAX_COMPONENT {
        return Err(refused(format!("has more than {MAX_COMPONENT} bytes")));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_component_is_a_file_or_a_plugin_of_this_build_and_has_a_bound() {
        let bundled = find("check", Path::new("filesystem")).unwrap();
        assert_eq!((bundled.source(), bundled.name().as_str()), (&PluginSource::Bundled, "filesystem"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.wasm");
        let error = find("check", &path).unwrap_err();
        assert!(error.is(ErrorKind::Invalid) && error.to_string().contains("neither a file nor"), "{error}");
        std::fs::write(&path, "some bytes").unwrap();
        let file = find("check", &path).unwrap();
        assert_eq!(
            (file.component(), file.source()),
            (&b"some bytes"[..], &PluginSource::File(path.clone()))
        );
        std::fs::File::options().write(true).open(&path).unwrap().set_len(MAX_COMPONENT + 1).unwrap();
        let error = find("check", &path).unwrap_err();
        assert!(error.is(ErrorKind::Invalid) && error.to_string().contains("at most"), "{error}");
    }
}
