//! Which kind of object a key stands for.

use std::str::FromStr;

/// A kind of object of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `<backup>/backup.json`
    Descriptor,
    /// `<backup>/<attempt>/<node>/manifest.jsonl.gz`
    Manifest,
    /// `<backup>/<attempt>/<node>/chunks/<number>`
    Chunk,
    /// What a check of the plugin writes, under keys that begin with `siltstone-check-`.
    Checked,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Descriptor, Self::Manifest, Self::Chunk, Self::Checked];

    /// The kind of the object with this key; none when it belongs to no backup.
    #[must_use]
    pub fn of(key: &str) -> Option<Self> {
        if key.starts_with('.') {
            return None;
        }
        if key.starts_with("siltstone-check-") {
            return Some(Self::Checked);
        }
        match key.rsplit_once('/')? {
            (_, "backup.json") => Some(Self::Descriptor),
            (_, "manifest.jsonl.gz") => Some(Self::Manifest),
            (folder, _) if folder.ends_with("/chunks") => Some(Self::Chunk),
            _ => None,
        }
    }

    /// The value of the setting.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Descriptor => "descriptor",
            Self::Manifest => "manifest",
            Self::Chunk => "chunk",
            Self::Checked => "checked",
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| format!("there is no kind of object {name:?}"))
    }
}

/// The number of a chunk, from its key.
#[cfg_attr(not(target_family = "wasm"), expect(dead_code, reason = "only the component asks"))]
pub(crate) fn number(key: &str) -> Option<u32> {
    key.rsplit_once('/')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_the_kind_of_its_object() {
        let attempt = "x/0198f2c4-7d1e-7a3b-9c5d-2e8f6a1b4c7d/node";
        assert_eq!(Kind::of("x/backup.json"), Some(Kind::Descriptor));
        assert_eq!(Kind::of(&format!("{attempt}/manifest.jsonl.gz")), Some(Kind::Manifest));
        assert_eq!(Kind::of(&format!("{attempt}/chunks/00000007")), Some(Kind::Chunk));
        for other in ["backup.json", "x/other", ".siltstone-probe/a/backup.json"] {
            assert_eq!(Kind::of(other), None, "{other}");
        }
    }

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert!("Chunk".parse::<Kind>().is_err());
    }
}
