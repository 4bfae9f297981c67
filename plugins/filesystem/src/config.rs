//! The one setting of this transport, and what follows from it.

use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::settings::Settings;
use siltstone_plugin_sdk::types::{
    Error, FolderAccess, FolderNeed, Info, Location, Needs, Setting, SettingKind,
};

/// The environment variable of the folder.
pub const PATH: &str = "BACKUP_FILESYSTEM_PATH";

/// The contract's bound on what `home` answers, in bytes.
const MAX_HOME: usize = 2048;

/// Which folder holds the objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Absolute, without a trailing slash.
    pub folder: String,
}

impl Config {
    /// Takes the folder of the location, or else of the setting. The bucket means nothing here.
    pub fn read(settings: &[(String, String)], location: &Location) -> Result<Self, Error> {
        let (name, given) = match &location.path {
            Some(path) => ("the path of the location", path.as_str()),
            None => (PATH, Settings::new(settings).required(PATH)?),
        };
        if !given.starts_with('/') || given.contains('\0') {
            return Err(error::invalid_config(format!("{name} must be an absolute path, not {given:?}")));
        }
        if given.split('/').any(|name| name == "." || name == "..") {
            return Err(error::invalid_config(format!(
                "{name} must have no `.` and `..` in it, not {given:?}"
            )));
        }
        if given.len() > MAX_HOME {
            return Err(error::invalid_config(format!("{name} must be at most {MAX_HOME} bytes long")));
        }
        let trimmed = given.trim_end_matches('/');
        Ok(Self { folder: if trimmed.is_empty() { "/" } else { trimmed }.to_owned() })
    }

    /// Exactly that folder, to be written to.
    pub fn needs(&self) -> Needs {
        Needs {
            origins: Vec::new(),
            files: Vec::new(),
            folders: vec![FolderNeed {
                path: self.folder.clone(),
                access: FolderAccess::Write,
                purpose: "holds the backups".to_owned(),
            }],
        }
    }
}

/// What this plugin is.
pub fn describe() -> Info {
    Info {
        name: "filesystem".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings: vec![Setting {
            name: PATH.to_owned(),
            kind: SettingKind::Folder,
            required: true,
            default: None,
            doc: "Absolute path of the folder that holds the backups.".to_owned(),
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use siltstone_plugin_sdk::types::ErrorKind;

    fn read(setting: Option<&str>, path: Option<&str>) -> Result<Config, Error> {
        let settings: Vec<_> = setting.map(|value| (PATH.to_owned(), value.to_owned())).into_iter().collect();
        let location = Location { bucket: Some("ignored".to_owned()), path: path.map(str::to_owned) };
        Config::read(&settings, &location)
    }

    #[test]
    fn the_location_replaces_the_setting() {
        assert_eq!(read(Some("/var/backups/"), None).unwrap().folder, "/var/backups");
        assert_eq!(read(Some("/var/backups"), Some("/mnt/other//")).unwrap().folder, "/mnt/other");
        assert_eq!(read(None, Some("/")).unwrap().folder, "/");
    }

    #[test]
    fn a_wrong_folder_is_invalid_config_and_names_where_it_came_from() {
        let long = format!("/{}", "x".repeat(MAX_HOME));
        for (setting, path, name) in [
            (None, None, PATH),
            (Some("backups"), None, PATH),
            (Some(""), None, PATH),
            (Some(long.as_str()), None, PATH),
            (Some("/ok"), Some("relative"), "the path of the location"),
            (Some("/ok"), Some("/nul\0"), "the path of the location"),
            (Some("/ok"), Some("/a/../b"), "the path of the location"),
            (Some("/ok"), Some("/a/."), "the path of the location"),
        ] {
            let error = read(setting, path).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidConfig);
            assert!(error.message.starts_with(name), "{}", error.message);
        }
    }

    #[test]
    fn the_only_need_is_the_folder() {
        let needs = read(Some("/var/backups/"), None).unwrap().needs();
        assert!(needs.origins.is_empty() && needs.files.is_empty());
        assert_eq!(needs.folders.len(), 1);
        assert_eq!(needs.folders[0].path, "/var/backups");
        assert_eq!(needs.folders[0].access, FolderAccess::Write);
    }

    #[test]
    fn the_description_keeps_the_bounds_of_the_contract() {
        let info = describe();
        assert_eq!(info.name, "filesystem");
        assert!(info.version.len() <= 64);
        assert!(info.settings.iter().all(|setting| setting.name.len() <= 64 && setting.doc.len() <= 1024));
    }
}
