//! `NAME.toml`: what an operator writes beside a component.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use toml::{Table, Value};

use super::Sha256;
use super::grants::{Addresses, FolderGrant, OriginGrant, PluginGrants, PluginLimits};
use crate::error::{Error, Result};
use crate::model::{BackendName, nearest};
use crate::plugin::FolderAccess;
use crate::plugin::settings::{is_clean_path, normal_form};
use crate::plugin::{SettingKind, text};

/// What a manifest is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It lies in a plugin folder: the component must be pinned, and values of settings come from the environment.
    Installed,
    /// It is written for a check of a component: the pin may be left out, `[environment]` gives values, and `[wrong]` such as the
    /// service must refuse.
    Check,
}

/// What a manifest says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginManifest {
    /// The component that it was written for.
    pub sha256: Option<Sha256>,
    /// The bundled plugin whose place the component takes.
    pub replaces: Option<BackendName>,
    /// What it may reach.
    pub grants: PluginGrants,
    /// What it may use.
    pub limits: PluginLimits,
    /// Values of variables, for a check alone.
    pub environment: BTreeMap<String, String>,
    /// Values that the service must refuse, in the place of those, for a check alone.
    pub wrong: BTreeMap<String, String>,
}

const TOP: &[&str] = &["sha256", "replaces", "settings", "origins", "files", "folders", "limits"];
const ORIGIN: &[&str] = &["origin", "addresses"];
const FOLDER: &[&str] = &["path", "access"];
const LIMITS: &[&str] = &["memory", "call_timeout", "instances", "call_bytes"];

/// Smallest memory that a limit may leave, in bytes: less than this, and no language's runtime starts.
const LEAST_MEMORY: u64 = 1 << 20;
const MOST_MEMORY: u64 = 4 << 30;

impl PluginManifest {
    /// Reads a manifest; `origin` is the file's name in errors.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Invalid`] with every problem, each with its key, what was found and what is expected; an unknown
    /// key with the nearest known one.
    pub fn parse(text: &str, origin: &str, purpose: Use) -> Result<Self> {
        let table: Table = text.parse().map_err(|e: toml::de::Error| {
            let at = e.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let line = at.map_or_else(String::new, |line| format!(" at line {line}"));
            Error::invalid("load", format!("{origin} is not TOML{line}: {}", e.message()))
        })?;
        let mut reader = Reader { problems: Vec::new() };
        let manifest = reader.manifest(&table, purpose);
        if reader.problems.is_empty() {
            return Ok(manifest);
        }
        Err(Error::invalid("load", format!("{origin}: {}", reader.problems.join("; "))))
    }
}

/// Reads values and notes what is wrong with them.
struct Reader {
    problems: Vec<String>,
}

impl Reader {
    fn manifest(&mut self, table: &Table, purpose: Use) -> PluginManifest {
        let extra: &[&str] = if purpose == Use::Check { &["environment", "wrong"] } else { &[] };
        self.keys("", table, &[TOP, extra].concat());
        let mut manifest = PluginManifest::default();
        match table.get("sha256") {
            Some(value) => manifest.sha256 = self.take("sha256", value, "64 hexadecimal digits", digest),
            None if purpose == Use::Installed => self.problems.push(
                "`sha256` is missing: it pins the component, and `siltstone plugin inspect FILE.wasm` shows it".into(),
            ),
            None => {}
        }
        if let Some(value) = table.get("replaces") {
            let name = |value: &Value| BackendName::new(value.as_str()?).ok();
            manifest.replaces = self.take("replaces", value, "the name of a bundled plugin", name);
        }
        let grants = &mut manifest.grants;
        grants.settings = self.list(table, "settings", "the name of a variable: A-Z, 0-9 and `_`", |value| {
            let name = value.as_str()?;
            let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
            ((1..=64).contains(&name.len()) && name.bytes().all(plain)).then(|| name.to_owned())
        });
        grants.files = self.list(table, "files", "an absolute path without `..`", path);
        grants.origins = self.entries(table, "origins", Self::origin);
        grants.folders = self.entries(table, "folders", Self::folder);
        if let Some(value) = table.get("limits") {
            match value.as_table() {
                Some(limits) => manifest.limits = self.limits(limits),
                None => self.wrong("limits", value, "a table"),
            }
        }
        if purpose == Use::Check {
            manifest.environment = self.values(table, "environment");
            manifest.wrong = self.values(table, "wrong");
        }
        manifest
    }

    fn origin(&mut self, at: &str, value: &Value) -> Option<OriginGrant> {
        let (origin, addresses) = match value {
            Value::Table(table) => {
                self.keys(at, table, ORIGIN);
                let addresses = match table.get("addresses") {
                    None => Addresses::Public,
                    Some(value) => {
                        self.take(&format!("{at}.addresses"), value, "`public` or `private`", |value| {
                            match value.as_str()? {
                                "public" => Some(Addresses::Public),
                                "private" => Some(Addresses::Private),
                                _ => None,
                            }
                        })?
                    }
                };
                (self.required(at, table, "origin")?, addresses)
            }
            value => (value, Addresses::Public),
        };
        self.take(at, origin, "`https://host` or `http://host`, with `:port` if need be", |value| {
            OriginGrant::new(value.as_str()?, addresses).ok()
        })
    }

    fn folder(&mut self, at: &str, value: &Value) -> Option<FolderGrant> {
        let Value::Table(table) = value else {
            self.wrong(at, value, "a table with `path` and `access`");
            return None;
        };
        self.keys(at, table, FOLDER);
        let given = self.required(at, table, "path");
        let access = self.required(at, table, "access");
        let path = self.take(&format!("{at}.path"), given?, "an absolute path without `..`", self::path)?;
        let access = self.take(&format!("{at}.access"), access?, "`read` or `write`", |value| match value
            .as_str()?
        {
            "read" => Some(FolderAccess::Read),
            "write" => Some(FolderAccess::Write),
            _ => None,
        })?;
        Some(FolderGrant { path, access })
    }

    fn limits(&mut self, table: &Table) -> PluginLimits {
        self.keys("limits", table, LIMITS);
        let mut get = |key: &str, expects: &str, read: &dyn Fn(&Value) -> Option<u64>| {
            table.get(key).and_then(|value| self.take(&format!("limits.{key}"), value, expects, read))
        };
        let memory = get("memory", "a size of 1MiB to 4GiB, such as `128MiB`", &|value| {
            size(value).filter(|s| (LEAST_MEMORY..=MOST_MEMORY).contains(s))
        });
        let call_bytes = get("call_bytes", "a size of 64KiB to 1GiB, such as `16MiB`", &|value| {
            size(value).filter(|s| (64 << 10..=1 << 30).contains(s))
        });
        let instances = get("instances", "a whole number of 1 to 256", &|value| {
            value.as_integer().and_then(|n| u64::try_from(n).ok()).filter(|n| (1..=256).contains(n))
        });
        let call_timeout = get("call_timeout", "a time of 1s to 1h, such as `60s`", &|value| {
            let time = humantime::parse_duration(value.as_str()?).ok()?;
            let is_fine = (Duration::from_secs(1)..=Duration::from_secs(3600)).contains(&time);
            is_fine.then_some(time.as_millis() as u64)
        });
        PluginLimits {
            memory,
            call_timeout: call_timeout.map(Duration::from_millis),
            instances: instances.map(|n| n as u32),
            call_bytes,
        }
    }

    /// Names and values of settings. They may be secrets, so none is shown.
    fn values(&mut self, table: &Table, key: &str) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        let pairs = match table.get(key) {
            None => return all,
            Some(Value::Table(pairs)) => pairs,
            Some(_) => {
                self.problems.push(format!("`{key}` must be a table of text"));
                return all;
            }
        };
        for (name, value) in pairs {
            match value.as_str() {
                Some(text) => drop(all.insert(name.clone(), text.to_owned())),
                None => self.problems.push(format!("`{key}.{}` must be text", text::one_line(name, 80))),
            }
        }
        all
    }

    fn keys(&mut self, at: &str, table: &Table, known: &[&str]) {
        for key in table.keys().filter(|key| !known.contains(&key.as_str())) {
            let shown = text::one_line(&joined(at, key), 120);
            let remedy = match nearest(key, known.iter().copied()) {
                Some(nearest) => format!("did you mean `{}`?", joined(at, nearest)),
                None => format!("known are {}", known.join(", ")),
            };
            self.problems.push(format!("the key `{shown}` is not known; {remedy}"));
        }
    }

    fn required<'t>(&mut self, at: &str, table: &'t Table, key: &str) -> Option<&'t Value> {
        let found = table.get(key);
        if found.is_none() {
            self.problems.push(format!("`{}` is missing", joined(at, key)));
        }
        found
    }

    fn list<T>(
        &mut self,
        table: &Table,
        key: &str,
        expects: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Vec<T> {
        self.entries(table, key, |reader, at, value| reader.take(at, value, expects, &read))
    }

    fn entries<T>(
        &mut self,
        table: &Table,
        key: &str,
        mut read: impl FnMut(&mut Self, &str, &Value) -> Option<T>,
    ) -> Vec<T> {
        match table.get(key) {
            None => Vec::new(),
            Some(Value::Array(values)) => {
                let at = |n: usize| format!("{key}[{n}]");
                values.iter().enumerate().filter_map(|(n, value)| read(self, &at(n), value)).collect()
            }
            Some(value) => {
                self.wrong(key, value, "a list");
                Vec::new()
            }
        }
    }

    fn take<T>(
        &mut self,
        at: &str,
        value: &Value,
        expects: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        let read = read(value);
        if read.is_none() {
            self.wrong(at, value, expects);
        }
        read
    }

    fn wrong(&mut self, at: &str, value: &Value, expects: &str) {
        let found = text::one_line(&value.to_string(), 200);
        self.problems.push(format!("`{at}` is {found}; it must be {expects}"));
    }
}

fn joined(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}

fn path(value: &Value) -> Option<PathBuf> {
    value.as_str().filter(|p| is_clean_path(p)).map(PathBuf::from)
}

/// Bytes as a number, or as text with a binary unit.
fn size(value: &Value) -> Option<u64> {
    match value {
        Value::Integer(bytes) => u64::try_from(*bytes).ok(),
        value => normal_form(SettingKind::Size, value.as_str()?)?.parse().ok(),
    }
}

fn digest(value: &Value) -> Option<Sha256> {
    let text = value.as_str().filter(|t| t.len() == 64 && t.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let mut digest = [0; 32];
    for (n, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * n..2 * n + 2], 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests;
