//! Collects the settings that a plugin declares from the environment that it is handed.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::describe::{PluginInfo, Required, SettingInfo, SettingKind};
use super::text;
use crate::error::{Error, Result};

/// Bytes of one value.
const MAX_VALUE: usize = 32 << 10;

/// Whose word a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Somebody has set it; what the plugin has as a default does not count.
    Operator,
    /// The default of the plugin counts as well.
    Anybody,
}

/// The settings of one plugin, each in its normal form.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    values: Vec<(SettingInfo, String)>,
    /// Names of those that somebody has set, as opposed to defaults.
    explicit: BTreeSet<String>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.values.iter().map(|(info, _)| &info.name)).finish()
    }
}

impl Settings {
    /// Reads every declared setting; `env` answers the value of a variable. An empty value counts as none. All
    /// problems are told at once, each with the variable, what was found unless it is secret, and what is expected.
    pub(crate) fn collect(info: &PluginInfo, env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut values = Vec::new();
        let mut explicit = BTreeSet::new();
        let mut problems = Vec::new();
        for setting in &info.settings {
            let set = env(&setting.name).filter(|v| !v.is_empty());
            if set.is_some() {
                explicit.insert(setting.name.clone());
            }
            let given = set.or_else(|| setting.default.clone());
            match given {
                Some(value) => match normal_form(setting.kind, &value) {
                    Some(normal) => values.push((setting.clone(), normal)),
                    None => problems.push(wrong_form(setting, &value)),
                },
                None if setting.required == Required::Yes => {
                    problems.push(format!("{} is not set: {}", setting.name, setting.doc));
                }
                None => {}
            }
        }
        if problems.is_empty() {
            return Ok(Self { values, explicit });
        }
        let message = format!("settings of the plugin `{}`: {}", info.name, problems.join("; "));
        Err(Error::invalid("configure", message))
    }

    /// Name and value, as the plugin gets them.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        self.values.iter().map(|(info, value)| (info.name.clone(), value.clone())).collect()
    }

    /// Name and value of the secret ones.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (String, String)> {
        self.of_kind(SettingKind::Secret).map(|(name, value)| (name.to_owned(), value.to_owned()))
    }

    /// Name and path of the ones that name files.
    pub(crate) fn files(&self, by: By) -> impl Iterator<Item = (&str, &Path)> {
        self.given(SettingKind::File, by).map(|(name, value)| (name, Path::new(value)))
    }

    /// The paths of the ones that name folders.
    pub(crate) fn folders(&self, by: By) -> impl Iterator<Item = PathBuf> {
        self.given(SettingKind::Folder, by).map(|(_, value)| PathBuf::from(value))
    }

    /// The values of the ones that name origins.
    pub(crate) fn origins(&self, by: By) -> impl Iterator<Item = &str> {
        self.given(SettingKind::Origin, by).map(|(_, value)| value)
    }

    fn given(&self, kind: SettingKind, by: By) -> impl Iterator<Item = (&str, &str)> {
        self.of_kind(kind).filter(move |(name, _)| by == By::Anybody || self.explicit.contains(*name))
    }

    /// Whether a setting that somebody has set names a host: as its whole value, in a URL, or in a connection string.
    pub(crate) fn names_host(&self, host: &str) -> bool {
        let is_end =
            |c: char| matches!(c, '/' | ';' | ',' | '=' | '@' | '?' | '[' | ']') || c.is_whitespace();
        let named = |value: &str| {
            value.split(is_end).any(|part| {
                let part = part.to_ascii_lowercase();
                let without_port = part.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
                part == host || without_port.is_some_and(|(name, _)| name == host)
            })
        };
        self.values
            .iter()
            .filter(|(info, _)| info.kind != SettingKind::Folder && self.explicit.contains(&info.name))
            .any(|(_, value)| named(value))
    }

    fn of_kind(&self, kind: SettingKind) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .filter(move |(info, _)| info.kind == kind)
            .map(|(info, value)| (info.name.as_str(), value.as_str()))
    }
}

fn wrong_form(setting: &SettingInfo, value: &str) -> String {
    let expected = setting.kind.expected();
    match setting.kind {
        SettingKind::Secret => format!("{} must be {expected}", setting.name),
        _ => format!("{} is {}; it must be {expected}", setting.name, text::quoted(value, 200)),
    }
}

/// The value as plugins see it, or nothing when it does not have the form of its kind.
pub(crate) fn normal_form(kind: SettingKind, value: &str) -> Option<String> {
    if value.len() > MAX_VALUE {
        return None;
    }
    match kind {
        // A secret may be a key in several lines.
        SettingKind::Secret => (!value.contains('\0')).then(|| value.to_owned()),
        SettingKind::Text => text::is_plain(value).then(|| value.to_owned()),
        SettingKind::Flag => matches!(value, "true" | "false").then(|| value.to_owned()),
        SettingKind::Size => size(value).map(|bytes| bytes.to_string()),
        SettingKind::Origin => origin(value),
        SettingKind::File | SettingKind::Folder => is_clean_path(value).then(|| value.to_owned()),
    }
}

/// Decimal digits, with a binary unit or none.
fn size(value: &str) -> Option<u64> {
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let shift = match unit.trim_start_matches(' ') {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn origin(value: &str) -> Option<String> {
    let (scheme, rest) = value.split_once("://")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let authority: http::uri::Authority = rest.parse().ok()?;
    let (host, port) = (authority.host(), authority.as_str().strip_prefix(authority.host())?);
    // Without a port the rest is empty; a user name or an open `:` leaves something else.
    let port_is_fine = port.is_empty() || authority.port_u16().is_some_and(|p| p > 0);
    (matches!(scheme, "http" | "https") && !host.is_empty() && port_is_fine)
        .then(|| format!("{scheme}://{}", authority.as_str().to_ascii_lowercase()))
}

/// An absolute path of plain names: what is checked is what is opened.
pub(crate) fn is_clean_path(value: &str) -> bool {
    let path = Path::new(value);
    value.len() <= 4096
        && text::is_plain(value)
        && path.is_absolute()
        && path.components().all(|c| matches!(c, Component::RootDir | Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::model::BackendName;

    #[test]
    fn each_kind_takes_its_form_and_nothing_else() {
        use SettingKind::{File, Flag, Folder, Origin, Secret, Size, Text};
        let good = [
            (Text, "any tëxt", "any tëxt"),
            (Secret, "two\nlines", "two\nlines"),
            (Flag, "true", "true"),
            (Size, "0", "0"),
            (Size, "16MiB", "16777216"),
            (Size, "3 GiB", "3221225472"),
            (Origin, "https://S3.example.com", "https://s3.example.com"),
            (Origin, "http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
            (Origin, "https://[::1]:443", "https://[::1]:443"),
            (File, "/etc/key", "/etc/key"),
            (Folder, "/var/backups/", "/var/backups/"),
        ];
        for (kind, value, normal) in good {
            assert_eq!(normal_form(kind, value).as_deref(), Some(normal), "{kind:?} {value}");
        }
        let bad = [
            (Text, "two\nlines"),
            (Secret, "nul\0"),
            (Flag, "yes"),
            (Flag, "True"),
            (Size, "-1"),
            (Size, "MiB"),
            (Size, "1.5GiB"),
            (Size, "16MB"),
            (Size, "18446744073709551615KiB"),
            (Origin, "s3.example.com"),
            (Origin, "ftp://host"),
            (Origin, "https://user:pw@host"),
            (Origin, "https://host/path"),
            (Origin, "https://host:0"),
            (Origin, "https://host:"),
            (Origin, "https://:443"),
            (File, "relative"),
            (Folder, "/a/../b"),
            (Folder, ""),
            (Text, &"x".repeat(MAX_VALUE + 1)),
        ];
        for (kind, value) in bad {
            assert_eq!(normal_form(kind, value), None, "{kind:?} {value}");
        }
    }

    #[test]
    fn all_problems_are_told_at_once_and_secrets_are_not_shown() {
        let setting = |name: &str, kind, required| SettingInfo {
            name: name.to_owned(),
            kind,
            required,
            default: None,
            doc: "Where to.".to_owned(),
        };
        let info = PluginInfo {
            name: BackendName::new("x").unwrap(),
            version: "1".to_owned(),
            settings: vec![
                setting("X_BUCKET", SettingKind::Text, Required::Yes),
                setting("X_FLAG", SettingKind::Flag, Required::No),
                setting("X_KEY", SettingKind::Secret, Required::No),
                setting("X_SIZE", SettingKind::Size, Required::No),
            ],
        };
        let env = |name: &str| match name {
            "X_BUCKET" => Some(String::new()),
            "X_FLAG" => Some("maybe".to_owned()),
            "X_KEY" => Some("hush\0".to_owned()),
            "X_SIZE" => Some("1KiB".to_owned()),
            _ => None,
        };
        let error = Settings::collect(&info, &env).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let text = error.to_string();
        assert!(text.contains("X_BUCKET is not set: Where to."), "{text}");
        assert!(text.contains("X_FLAG is \"maybe\"; it must be `true` or `false`"), "{text}");
        assert!(text.contains("X_KEY must be") && !text.contains("hush"), "{text}");
        assert!(!text.contains("X_SIZE"), "{text}");
    }

    #[test]
    fn a_default_stands_in_for_a_value_and_debug_shows_no_values() {
        let info = PluginInfo {
            name: BackendName::new("x").unwrap(),
            version: "1".to_owned(),
            settings: vec![SettingInfo {
                name: "X_SIZE".to_owned(),
                kind: SettingKind::Size,
                required: Required::Yes,
                default: Some("1KiB".to_owned()),
                doc: "Size.".to_owned(),
            }],
        };
        let settings = Settings::collect(&info, &|_| None).unwrap();
        assert_eq!(settings.pairs(), [("X_SIZE".to_owned(), "1024".to_owned())]);
        assert_eq!(format!("{settings:?}"), "[\"X_SIZE\"]");
    }
}
