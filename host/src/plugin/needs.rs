//! What a plugin asks to reach, validated; nothing is granted here.

use std::path::PathBuf;

use super::bindings::types;
use super::describe::plain;
use super::egress::Origin;
use super::grants::FolderAccess;
use super::settings::is_clean_path;
use super::text;

/// Origins of one location; the contract's bound.
const MAX_ORIGINS: usize = 64;
/// Files and folders of one location, each; the contract's bound.
const MAX_PATHS: usize = 16;

/// Everything that a plugin will reach for at one location.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Servers.
    pub origins: Vec<OriginNeed>,
    /// Files that it reads.
    pub files: Vec<PathBuf>,
    /// Folders that it uses.
    pub folders: Vec<FolderNeed>,
}

/// A server that a plugin will send requests to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginNeed {
    pub(crate) origin: Origin,
    /// What for, in one line.
    pub purpose: String,
}

impl std::fmt::Display for OriginNeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.origin.fmt(f)
    }
}

/// A folder that a plugin will use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderNeed {
    /// The folder.
    pub path: PathBuf,
    /// What it does there.
    pub access: FolderAccess,
}

/// Validates every bound of the contract; the error says which one was broken.
pub(crate) fn validate(needs: types::Needs) -> Result<Needs, String> {
    let types::Needs { origins, files, folders } = needs;
    count("origins", origins.len(), MAX_ORIGINS)?;
    count("files", files.len(), MAX_PATHS)?;
    count("folders", folders.len(), MAX_PATHS)?;
    let path = |path: String| {
        if is_clean_path(&path) {
            return Ok(PathBuf::from(path));
        }
        Err(format!("it needs the path {}, which is not absolute and plain", text::shown(&path)))
    };
    Ok(Needs {
        origins: origins.into_iter().map(origin).collect::<Result<_, _>>()?,
        files: files.into_iter().map(path).collect::<Result<_, _>>()?,
        folders: folders
            .into_iter()
            .map(|need| {
                plain("the purpose of a folder", &need.purpose, 0, 256)?;
                let access = match need.access {
                    types::FolderAccess::Read => FolderAccess::Read,
                    types::FolderAccess::Write => FolderAccess::Write,
                };
                Ok(FolderNeed { path: path(need.path)?, access })
            })
            .collect::<Result<_, String>>()?,
    })
}

fn count(what: &str, found: usize, max: usize) -> Result<(), String> {
    if found > max {
        return Err(format!("it needs {found} {what}; at most {max}"));
    }
    Ok(())
}

fn origin(need: types::OriginNeed) -> Result<OriginNeed, String> {
    plain("the purpose of an origin", &need.purpose, 0, 256)?;
    match Origin::new(&need.scheme, &need.host, need.port) {
        Some(origin) => Ok(OriginNeed { origin, purpose: need.purpose }),
        None => {
            let shown = format!("{}://{}:{}", need.scheme, need.host, need.port);
            Err(format!("it needs the origin {}", text::shown(&shown)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_origin(scheme: &str, host: &str, port: u16) -> types::Needs {
        let (scheme, host, purpose) = (scheme.to_owned(), host.to_owned(), "data".to_owned());
        types::Needs {
            origins: vec![types::OriginNeed { scheme, host, port, purpose }],
            files: vec![],
            folders: vec![],
        }
    }

    #[test]
    fn origins_are_names_wildcards_of_one_label_or_literals() {
        for host in ["s3.example.com", "*.blob.core.windows.net", "127.0.0.1", "[::1]", "localhost"] {
            assert!(validate(with_origin("https", host, 443)).is_ok(), "{host}");
        }
        for host in ["", "*", "*.", "a.*.b", "a/b", "u@h", "*.127..1", "a b", "*.[::1]"] {
            assert!(validate(with_origin("https", host, 443)).is_err(), "{host}");
        }
        assert!(validate(with_origin("ftp", "host", 21)).is_err());
        assert!(validate(with_origin("http", "host", 0)).is_err());
    }

    #[test]
    fn paths_are_absolute_and_plain_and_few() {
        let with = |path: &str, n: usize| types::Needs {
            origins: vec![],
            files: vec![path.to_owned(); n],
            folders: vec![types::FolderNeed {
                path: path.to_owned(),
                access: types::FolderAccess::Write,
                purpose: String::new(),
            }],
        };
        assert!(validate(with("/a/b", 16)).is_ok());
        assert!(validate(with("/a/b", 17)).is_err());
        for bad in ["a", "/a/../b", "", "/a\n"] {
            assert!(validate(with(bad, 1)).is_err(), "{bad:?}");
        }
    }
}
