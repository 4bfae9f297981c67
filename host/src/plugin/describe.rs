//! What a plugin says about itself, validated.

use super::bindings::types;
use super::settings;
use super::text;
use crate::model::BackendName;

/// Settings of one plugin; the contract's bound.
const MAX_SETTINGS: usize = 64;

/// What kind of value a setting has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingKind {
    /// Any text.
    Text,
    /// Text that is never shown.
    Secret,
    /// `true` or `false`.
    Flag,
    /// A number of bytes; operators may write `16MiB`.
    Size,
    /// `scheme://host[:port]`.
    Origin,
    /// The absolute path of a file that the plugin reads.
    File,
    /// The absolute path of a folder that is created and granted.
    Folder,
}

impl SettingKind {
    /// The form that is expected, for error texts and documents.
    #[must_use]
    pub fn expected(self) -> &'static str {
        match self {
            Self::Text | Self::Secret => "text without control characters, at most 32 KiB",
            Self::Flag => "`true` or `false`",
            Self::Size => "a number of bytes, such as `1048576`, `512KiB` or `16MiB`",
            Self::Origin => "`https://host` or `http://host`, with `:port` if need be",
            Self::File => "the absolute path of a file, without `..`",
            Self::Folder => "the absolute path of a folder, without `..`",
        }
    }
}

/// A setting that a plugin takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingInfo {
    /// The environment variable it comes from.
    pub name: String,
    /// See [`SettingKind`].
    pub kind: SettingKind,
    /// Whether the plugin cannot be used without it.
    pub required: Required,
    /// The value when none is given.
    pub default: Option<String>,
    /// One sentence for the operator.
    pub doc: String,
}

/// Whether a setting must have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    /// Without a value the plugin is not used.
    Yes,
    /// It may be left out.
    No,
}

/// What a plugin is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginInfo {
    /// The name by which users address the backend.
    pub name: BackendName,
    /// Version of the plugin, for people.
    pub version: String,
    /// The settings it takes, in its own order.
    pub settings: Vec<SettingInfo>,
}

/// Validates every bound of the contract; the error says which one was broken.
pub(crate) fn validate(info: types::Info) -> Result<PluginInfo, String> {
    let name = BackendName::new(info.name).map_err(|e| e.message().to_owned())?;
    plain("its version", &info.version, 1, 64)?;
    if info.settings.len() > MAX_SETTINGS {
        return Err(format!("it declares {} settings; at most {MAX_SETTINGS}", info.settings.len()));
    }
    let mut settings: Vec<SettingInfo> = Vec::with_capacity(info.settings.len());
    for given in info.settings {
        let setting = setting(given)?;
        if settings.iter().any(|other| other.name == setting.name) {
            return Err(format!("it declares the setting {} twice", setting.name));
        }
        settings.push(setting);
    }
    Ok(PluginInfo { name, version: info.version, settings })
}

fn setting(given: types::Setting) -> Result<SettingInfo, String> {
    let types::Setting { name, kind, required, default, doc } = given;
    let valid = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if !valid {
        return Err(format!("the name of a setting is {}; use A-Z, 0-9 and _", text::shown(&name)));
    }
    plain(&format!("the text of {name}"), &doc, 1, 1024)?;
    let kind = match kind {
        types::SettingKind::Text => SettingKind::Text,
        types::SettingKind::Secret => SettingKind::Secret,
        types::SettingKind::Flag => SettingKind::Flag,
        types::SettingKind::Size => SettingKind::Size,
        types::SettingKind::Origin => SettingKind::Origin,
        types::SettingKind::File => SettingKind::File,
        types::SettingKind::Folder => SettingKind::Folder,
    };
    if let Some(value) = &default
        && settings::normal_form(kind, value).is_none()
    {
        return Err(format!("the default of {name} is not {}", kind.expected()));
    }
    let required = if required { Required::Yes } else { Required::No };
    Ok(SettingInfo { name, kind, required, default, doc })
}

/// Checks the length in bytes and that the text is one printable line.
pub(crate) fn plain(what: &str, value: &str, min: usize, max: usize) -> Result<(), String> {
    if !(min..=max).contains(&value.len()) {
        return Err(format!("{what} has {} bytes; {min} to {max} are allowed", value.len()));
    }
    if !text::is_plain(value) {
        return Err(format!("{what} holds control characters: {}", text::shown(value)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting_of(name: &str) -> types::Setting {
        types::Setting {
            name: name.to_owned(),
            kind: types::SettingKind::Size,
            required: false,
            default: Some("16MiB".to_owned()),
            doc: "A size.".to_owned(),
        }
    }

    fn info() -> types::Info {
        types::Info { name: "s3".to_owned(), version: "1.0".to_owned(), settings: vec![setting_of("A_SIZE")] }
    }

    #[test]
    fn an_honest_description_passes() {
        let info = validate(info()).unwrap();
        assert_eq!(info.name.as_str(), "s3");
        assert_eq!(info.settings[0].required, Required::No);
    }

    #[test]
    fn every_bound_is_checked() {
        type Breach = fn(&mut types::Info);
        let broken: [(&str, Breach); 9] = [
            ("backend name", |i| i.name = "S3".to_owned()),
            ("version", |i| i.version = "x".repeat(65)),
            ("version", |i| i.version = "a\nb".to_owned()),
            ("at most 64", |i| i.settings = (0..65).map(|n| setting_of(&format!("S{n}"))).collect()),
            ("twice", |i| i.settings.push(setting_of("A_SIZE"))),
            ("name of a setting", |i| i.settings[0].name = "a".to_owned()),
            ("name of a setting", |i| i.settings[0].name = "A".repeat(65)),
            ("text of A_SIZE", |i| i.settings[0].doc = "x".repeat(1025)),
            ("default of A_SIZE", |i| i.settings[0].default = Some("big".to_owned())),
        ];
        for (want, breach) in broken {
            let mut info = info();
            breach(&mut info);
            let error = validate(info).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
    }
}
