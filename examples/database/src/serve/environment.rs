//! The environment with the defaults that make a server useful without any configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use siltstone::{Error, Result};

const DATA: &str = "PERSISTENCE_DATA_PATH";
const MODULES: &str = "ENABLE_MODULES";
const BACKUPS: &str = "BACKUP_FILESYSTEM_PATH";

type Variables = BTreeMap<String, String>;

/// Enables the filesystem backend if no module was chosen, below the current folder if no other was named.
pub(super) fn with_defaults(mut variables: Variables) -> Result<Variables> {
    if value(&variables, MODULES).is_some() {
        return Ok(variables);
    }
    variables.insert(MODULES.to_owned(), "backup-filesystem".to_owned());
    if value(&variables, BACKUPS).is_none() {
        let folder = std::path::absolute("backups").map_err(|e| Error::io("start", "./backups", e))?;
        let folder = folder.into_os_string().into_string().map_err(|_| {
            Error::invalid("start", format!("the current folder is not Unicode: set {BACKUPS}"))
        })?;
        variables.insert(BACKUPS.to_owned(), folder);
    }
    Ok(variables)
}

/// The data folder.
pub(super) fn data_folder(variables: &Variables) -> PathBuf {
    value(variables, DATA).map_or_else(|| Path::new("data").to_owned(), PathBuf::from)
}

/// The value of a variable; an empty one counts as not set.
pub(super) fn value<'a>(variables: &'a Variables, name: &str) -> Option<&'a str> {
    variables.get(name).map(|v| v.trim()).filter(|v| !v.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn without_modules_backups_go_to_an_absolute_folder_below_the_current_one() {
        for nothing in [of(&[]), of(&[(MODULES, " "), (BACKUPS, "")])] {
            let all = with_defaults(nothing).unwrap();
            assert_eq!(all[MODULES], "backup-filesystem");
            assert_eq!(Path::new(&all[BACKUPS]), std::env::current_dir().unwrap().join("backups"));
            assert_eq!(data_folder(&all), Path::new("data"));
        }
    }

    #[test]
    fn what_was_chosen_stays() {
        let all = with_defaults(of(&[(BACKUPS, "/elsewhere"), (DATA, "/db")])).unwrap();
        assert_eq!((all[MODULES].as_str(), all[BACKUPS].as_str()), ("backup-filesystem", "/elsewhere"));
        assert_eq!(data_folder(&all), Path::new("/db"));
        let chosen = of(&[(MODULES, "backup-s3")]);
        assert_eq!(with_defaults(chosen.clone()).unwrap(), chosen);
    }
}
