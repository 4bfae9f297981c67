//! A folder as something to back up, and as something to restore into.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::CollectionName;
use crate::source::directory::{DirectorySource, DirectoryTarget};
use crate::source::{RestoreTarget, SnapshotSource};

/// The folder that is backed up, without links in its path, and the files below it as one collection: with the given
/// name, or that of the folder.
pub(super) fn source(
    folder: &Path,
    collection: Option<&CollectionName>,
) -> Result<(PathBuf, Arc<dyn SnapshotSource>)> {
    let found = folder.canonicalize().and_then(|f| f.read_dir().map(|_| f));
    let folder = found.map_err(|e| {
        Error::invalid("backup", format!("`{}` is not a folder that can be read", folder.display()))
            .with_source(e)
    })?;
    let collection = match collection {
        Some(name) => name.clone(),
        None => {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            CollectionName::new(name)
                .map_err(|e| e.with("folder", folder.display()).with("remedy", "give --collection"))?
        }
    };
    let source = Arc::new(DirectorySource::new(&folder, collection));
    Ok((folder, source))
}

/// The folder that is restored into, as an absolute path.
pub(super) fn target(folder: &Path) -> Result<(PathBuf, Arc<dyn RestoreTarget>)> {
    let folder = std::path::absolute(folder).map_err(|e| Error::io("restore", folder, e))?;
    let target = Arc::new(DirectoryTarget::new(&folder));
    Ok((folder, target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_has_the_name_of_its_folder_or_the_given_one() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("Segments");
        std::fs::create_dir(&folder).unwrap();
        let name = |given: Option<&CollectionName>| {
            let (_, source) = source(&folder.join("."), given).unwrap();
            source.collections().unwrap()[0].name.to_string()
        };
        assert_eq!(name(None), "Segments");
        assert_eq!(name(Some(&CollectionName::new("Other").unwrap())), "Other");
    }

    #[test]
    fn what_is_no_folder_or_has_no_name_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "x").unwrap();
        for bad in [file, dir.path().join("missing")] {
            let error = source(&bad, None).err().unwrap().to_string();
            assert!(error.contains(&bad.display().to_string()), "{error}");
        }
        let error = source(Path::new("/"), None).err().unwrap().to_string();
        assert!(error.contains("--collection"), "{error}");
    }
}
