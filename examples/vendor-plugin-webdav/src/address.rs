//! What keys are on the server: the URLs of objects and collections, and back.

use http::Uri;
use percent_encoding::percent_decode_str;
use siltstone_plugin_sdk::cloud::{Prefix, usual_port};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::http::percent;
use siltstone_plugin_sdk::types::Error;

use crate::config::name;

/// The collection of a location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `scheme://host[:port]`, without the usual port: servers compare it with the `host` of a request.
    pub origin: String,
    /// The path of the URL as it was given, without slashes at its ends; may be empty.
    root: String,
    below: Prefix,
}

impl Address {
    /// Of a URL and the collections below it.
    ///
    /// # Errors
    ///
    /// `invalid-config` for what is no URL of a collection.
    pub fn new(url: &str, below: Prefix) -> Result<Self, Error> {
        // It may hold a password, which is not to be shown, whether or not the rest is right.
        let wrong = |why: &str| {
            let shown = if url.contains('@') { String::new() } else { format!(" is {url:?}; it") };
            error::invalid_config(format!(
                "{}{shown} must be https://host/path, or http://host/path, {why}",
                name::URL
            ))
        };
        let uri: Uri = url.parse().map_err(|_| wrong("percent-encoded where need be"))?;
        let scheme = uri.scheme_str().filter(|s| matches!(*s, "http" | "https"));
        let (Some(scheme), Some(authority)) = (scheme, uri.authority()) else {
            return Err(wrong("with its scheme"));
        };
        if authority.as_str().contains('@') {
            return Err(wrong(&format!(
                "without credentials, which have {} and {}",
                name::USER,
                name::PASSWORD
            )));
        }
        if uri.query().is_some() || url.contains('#') {
            return Err(wrong("without a query"));
        }
        let port = authority.port_u16().filter(|port| *port != usual_port(scheme));
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let origin = format!("{scheme}://{}{port}", authority.host().to_ascii_lowercase());
        let root = uri.path().trim_matches('/').to_owned();
        if root.split('/').any(|part| matches!(part, "." | "..")) || root.contains("//") {
            return Err(wrong("without empty parts, `.` and `..`"));
        }
        Ok(Self { origin, root, below })
    }

    /// The URI for people.
    pub fn home(&self) -> String {
        self.below.home(self.url("").trim_end_matches('/'))
    }

    /// The URL of the object of a key.
    pub fn object(&self, key: &str) -> String {
        self.url(&percent::path(&self.below.full(key)))
    }

    /// The URL of a collection of the location: `a/b/`, or nothing for the location itself.
    pub fn collection(&self, path: &str) -> String {
        self.url(&percent::path(&with_slash(&self.below.full(path))))
    }

    /// The URLs of a collection and of all above it, the deepest first. The URL of the settings is not among them.
    pub fn levels(&self, path: &str) -> Vec<String> {
        let full = self.below.full(path);
        let full = full.trim_matches('/');
        let mut ends: Vec<usize> = full.match_indices('/').map(|(at, _)| at).collect();
        ends.push(full.len());
        let levels = ends.iter().rev().map(|end| &full[..*end]).filter(|level| !level.is_empty());
        levels.map(|level| self.url(&percent::path(&with_slash(level)))).collect()
    }

    /// The name in a collection of what a listing of it tells by this reference; nothing for the collection itself and for what
    /// lies deeper.
    ///
    /// # Errors
    ///
    /// `corrupt` for a reference to elsewhere.
    pub fn name(&self, path: &str, href: &str) -> Result<Option<String>, Error> {
        let (here, there) = (path_of(&self.collection(path)), path_of(href));
        let foreign =
            || error::corrupt(format!("a listing of {path:?} holds the foreign reference {href:?}"));
        let (here, there) = (here.ok_or_else(foreign)?, there.ok_or_else(foreign)?);
        let below = match there.strip_prefix(here.as_str()) {
            Some(below) => below,
            None if there == here.trim_end_matches('/') => return Ok(None),
            None => return Err(foreign()),
        };
        let name = below.strip_suffix('/').unwrap_or(below);
        Ok(Some(name).filter(|name| !name.is_empty() && !name.contains('/')).map(str::to_owned))
    }

    fn url(&self, path: &str) -> String {
        match self.root.as_str() {
            "" => format!("{}/{path}", self.origin),
            root => format!("{}/{root}/{path}", self.origin),
        }
    }
}

fn with_slash(path: &str) -> String {
    if path.is_empty() || path.ends_with('/') { path.to_owned() } else { format!("{path}/") }
}

/// The decoded path of a URL or of a reference without scheme and host.
fn path_of(href: &str) -> Option<String> {
    let path = match href.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => &rest[rest.find('/')?..],
        _ => href,
    };
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    decoded.starts_with('/').then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str, below: &str) -> Address {
        Address::new(url, Prefix::new("X", below).unwrap()).unwrap()
    }

    #[test]
    fn keys_are_resources_below_the_url() {
        let at = address("https://Dav.Example.com:443/dav%20x/me/", "a b");
        assert_eq!(at.home(), "https://dav.example.com/dav%20x/me/a b");
        assert_eq!(at.object("k/l=1~"), "https://dav.example.com/dav%20x/me/a%20b/k/l%3D1~");
        assert_eq!(at.collection(""), "https://dav.example.com/dav%20x/me/a%20b/");
        assert_eq!(at.collection("c/d/"), "https://dav.example.com/dav%20x/me/a%20b/c/d/");
        let bare = address("http://127.0.0.1:8080", "");
        assert_eq!(
            (bare.home(), bare.object("k")),
            ("http://127.0.0.1:8080".into(), "http://127.0.0.1:8080/k".into())
        );
        assert_eq!(bare.collection(""), "http://127.0.0.1:8080/");
    }

    #[test]
    fn the_levels_of_a_collection_end_below_the_url() {
        let at = address("http://h/root", "p/q");
        assert_eq!(at.levels("a/"), ["http://h/root/p/q/a/", "http://h/root/p/q/", "http://h/root/p/"]);
        assert!(address("http://h/root", "").levels("").is_empty());
    }

    #[test]
    fn a_reference_of_a_listing_is_a_name_whatever_its_form() {
        let at = address("https://h/r%20s", "p");
        let name = |href| at.name("a/", href).unwrap();
        assert_eq!(name("/r%20s/p/a/k%3d1").as_deref(), Some("k=1"));
        assert_eq!(name("https://other/r%20s/p/a/b/").as_deref(), Some("b"));
        for own in ["/r%20s/p/a/", "/r%20s/p/a", "http://h/r s/p/a/", "/r%20s/p/a/deeper/k"] {
            assert_eq!(name(own), None, "{own}");
        }
        for foreign in ["/", "", "k", "/r%20s/p/b/k", "/r%20s/p/ab", "https://h", "/r%20s/p/a/%ff"] {
            assert!(at.name("a/", foreign).is_err(), "{foreign}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_collection_is_refused_without_its_password() {
        for url in [
            "",
            "dav.example.com",
            "ftp://h/",
            "https:///x",
            "https://h/?q",
            "https://h/#f",
            "https://h/a/../b",
            "https://h/a//b",
        ] {
            assert!(Address::new(url, Prefix::default()).unwrap_err().message.contains(name::URL), "{url}");
        }
        let error = Address::new("https://me:hush@h/", Prefix::default()).unwrap_err();
        assert!(
            !error.message.contains("hush") && error.message.contains(name::PASSWORD),
            "{}",
            error.message
        );
    }
}
