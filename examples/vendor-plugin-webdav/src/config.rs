//! The settings of this transport, and what follows from them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use siltstone_plugin_sdk::cloud::{Prefix, origin_need};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::settings::Settings;
use siltstone_plugin_sdk::types::{Error, Info, Location, Needs, Setting, SettingKind};

use crate::address::Address;

/// Environment variables.
pub mod name {
    /// The collection that holds everything.
    pub const URL: &str = "BACKUP_WEBDAV_URL";
    /// Collections below it.
    pub const PATH: &str = "BACKUP_WEBDAV_PATH";
    /// The user of Basic authentication.
    pub const USER: &str = "BACKUP_WEBDAV_USER";
    /// The password of Basic authentication.
    pub const PASSWORD: &str = "BACKUP_WEBDAV_PASSWORD";
    /// The token of Bearer authentication.
    pub const TOKEN: &str = "BACKUP_WEBDAV_TOKEN";
    /// Whether a move that may not overwrite is one step of the server.
    pub const IF_ABSENT: &str = "BACKUP_WEBDAV_IF_ABSENT";
}

/// What a move with `Overwrite: F` is on this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExclusiveMove {
    /// One step: of two at the same time, one is refused.
    OneStep,
    /// A look and then a move; so it is no condition to rely on.
    TwoSteps,
}

/// One location.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it is.
    pub address: Address,
    /// The header that says who we are; none for servers that do not ask.
    pub authorization: Option<HeaderValue>,
    /// Who that is, for messages; never a secret.
    pub principal: String,
    /// What the server's moves can be used for.
    pub exclusive: ExclusiveMove,
}

impl Config {
    /// Reads the settings; the path of a location replaces the setting of that name. WebDAV has no buckets.
    ///
    /// # Errors
    ///
    /// `invalid-config`, naming the setting that is wrong or missing.
    pub fn read(settings: &[(String, String)], location: &Location) -> Result<Self, Error> {
        let settings = Settings::new(settings);
        let below = location.path.as_deref().or(settings.optional(name::PATH)).unwrap_or_default();
        let below = Prefix::new(name::PATH, below)?;
        let address = Address::new(settings.required(name::URL)?, below)?;
        let (authorization, principal) = authorization(&settings)?;
        let exclusive = match settings.flag(name::IF_ABSENT)? {
            Some(false) => ExclusiveMove::TwoSteps,
            _ => ExclusiveMove::OneStep,
        };
        Ok(Self { address, authorization, principal, exclusive })
    }

    /// The server, and nothing else.
    ///
    /// # Errors
    ///
    /// None that [`Config::read`] has not told.
    pub fn needs(&self) -> Result<Needs, Error> {
        let origin = origin_need(&self.address.origin, &format!("holds the backups, see {}", name::URL))?;
        Ok(Needs { origins: vec![origin], files: Vec::new(), folders: Vec::new() })
    }
}

/// The header, and whose it is.
fn authorization(settings: &Settings<'_>) -> Result<(Option<HeaderValue>, String), Error> {
    let [user, password, token] =
        [name::USER, name::PASSWORD, name::TOKEN].map(|name| settings.optional(name));
    let (value, principal, setting) = match (user, password, token) {
        (None, None, None) => return Ok((None, "nobody".to_owned())),
        (None, None, Some(token)) => {
            (format!("Bearer {token}"), "the bearer of a token".to_owned(), name::TOKEN)
        }
        // In Basic authentication a colon ends the name of the user.
        (Some(user), Some(_), None) if user.contains(':') => {
            return Err(error::invalid_config(format!("{} must have no colon", name::USER)));
        }
        (Some(user), Some(password), None) => (
            format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))),
            format!("user {user}"),
            name::PASSWORD,
        ),
        (_, _, Some(_)) => {
            return Err(error::invalid_config(format!(
                "{} is set beside {} or {}; set one kind of credentials",
                name::TOKEN,
                name::USER,
                name::PASSWORD
            )));
        }
        (user, _, None) => {
            let (set, missing) =
                if user.is_some() { (name::USER, name::PASSWORD) } else { (name::PASSWORD, name::USER) };
            return Err(error::invalid_config(format!("{set} is set and {missing} is not")));
        }
    };
    let header = HeaderValue::from_str(&value).map_err(|_| {
        error::invalid_config(format!("{setting} holds a character that no header can carry"))
    })?;
    Ok((Some(header), principal))
}

/// What this plugin is.
pub fn describe() -> Info {
    use SettingKind::{Flag, Secret, Text};
    let setting = |name: &str, kind, doc: &str| Setting {
        name: name.to_owned(),
        kind,
        required: name == name::URL,
        default: (name == name::IF_ABSENT).then(|| "true".to_owned()),
        doc: doc.to_owned(),
    };
    Info {
        name: "webdav".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings: vec![
            setting(
                name::URL,
                Text,
                "A collection that exists, as https://host/path; its origin must be granted.",
            ),
            setting(name::PATH, Text, "Collections below it, made when they are missing."),
            setting(name::USER, Text, "The user, for servers that want Basic authentication."),
            setting(name::PASSWORD, Secret, "The password of that user."),
            setting(name::TOKEN, Secret, "A token, for servers that want Bearer authentication."),
            setting(
                name::IF_ABSENT,
                Flag,
                "false for a server that does not refuse the second of two moves with `Overwrite: F` at once.",
            ),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use siltstone_plugin_sdk::types::ErrorKind;

    fn read(given: &[(&str, &str)], path: Option<&str>) -> Result<Config, Error> {
        let settings: Vec<_> = given.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Config::read(&settings, &Location { bucket: None, path: path.map(str::to_owned) })
    }

    const URL: (&str, &str) = (name::URL, "https://dav.example.com/files/me/");

    #[test]
    fn the_path_of_a_location_replaces_the_setting() {
        let given = [URL, (name::PATH, "/nightly/")];
        let home = |path| read(&given, path).unwrap().address.home();
        assert_eq!(home(None), "https://dav.example.com/files/me/nightly");
        assert_eq!(home(Some("other/place")), "https://dav.example.com/files/me/other/place");
    }

    #[test]
    fn credentials_are_a_user_with_a_password_or_a_token_or_none() {
        let header = |given: &[(&str, &str)]| {
            let config = read(&[&[URL], given].concat(), None).unwrap();
            (config.authorization.map(|v| v.to_str().unwrap().to_owned()), config.principal)
        };
        assert_eq!(header(&[]), (None, "nobody".to_owned()));
        assert_eq!(
            header(&[(name::USER, "Aladdin"), (name::PASSWORD, "open sesame")]),
            (Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned()), "user Aladdin".to_owned())
        );
        assert_eq!(header(&[(name::TOKEN, "t")]).0.as_deref(), Some("Bearer t"));
    }

    #[test]
    fn a_wrong_setting_is_named_and_no_secret_is() {
        for (given, words) in [
            (&[][..], "BACKUP_WEBDAV_URL is not set"),
            (&[(name::URL, "dav.example.com")], "BACKUP_WEBDAV_URL is \"dav.example.com\""),
            (&[URL, (name::PATH, "a/../b")], "BACKUP_WEBDAV_PATH"),
            (&[URL, (name::USER, "me")], "BACKUP_WEBDAV_USER is set and BACKUP_WEBDAV_PASSWORD is not"),
            (&[URL, (name::PASSWORD, "hush")], "BACKUP_WEBDAV_PASSWORD is set and BACKUP_WEBDAV_USER is not"),
            (&[URL, (name::TOKEN, "hush"), (name::USER, "me")], "one kind of credentials"),
            (&[URL, (name::TOKEN, "hush\nx: y")], "BACKUP_WEBDAV_TOKEN holds"),
            (&[URL, (name::USER, "a:b"), (name::PASSWORD, "hush")], "colon"),
            (&[URL, (name::IF_ABSENT, "maybe")], "BACKUP_WEBDAV_IF_ABSENT must be true or false"),
        ] {
            let error = read(given, None).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidConfig);
            assert!(error.message.contains(words) && !error.message.contains("hush"), "{}", error.message);
        }
    }

    #[test]
    fn the_server_is_all_that_is_needed() {
        let needs = read(&[URL], None).unwrap().needs().unwrap();
        let [origin] = &needs.origins[..] else { panic!("{needs:?}") };
        assert_eq!((&*origin.scheme, &*origin.host, origin.port), ("https", "dav.example.com", 443));
        assert!(needs.files.is_empty() && needs.folders.is_empty());
    }
}
