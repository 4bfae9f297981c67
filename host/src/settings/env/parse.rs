//! The values that variables take: sizes, durations, flags, lists.

use std::path::{Component, PathBuf};
use std::time::Duration;

const UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// Bytes: a plain number, or one with a unit; `unlimited` and `nolimit` are the largest number.
pub(super) fn size(text: &str) -> Option<u64> {
    if matches!(text, "unlimited" | "nolimit") {
        return Some(u64::MAX);
    }
    let (digits, unit) = UNITS
        .iter()
        .find_map(|(name, bytes)| Some((text.strip_suffix(name)?.trim_end(), *bytes)))
        .unwrap_or((text, 1));
    number(digits)?.checked_mul(unit)
}

/// A number of decimal digits, without sign.
pub(super) fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// A duration with units, such as `50ms`, `2s`, `1h30m`; longer than nothing.
pub(super) fn duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok().filter(|d| !d.is_zero())
}

/// Yes or no, in the words that servers of this family take.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "enabled" | "1" => Some(true),
        "false" | "off" | "disabled" | "0" => Some(false),
        _ => None,
    }
}

/// The entries of a comma list, trimmed, without empty ones and repetitions, in order.
pub(super) fn list(text: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
        if !entries.iter().any(|e| e == entry) {
            entries.push(entry.to_owned());
        }
    }
    entries
}

/// Absolute paths without `..`, separated by colons.
pub(super) fn paths(text: &str) -> Option<Vec<PathBuf>> {
    text.split(':')
        .filter(|p| !p.is_empty())
        .map(|p| {
            let path = PathBuf::from(p);
            let plain = path.is_absolute() && !path.components().any(|c| c == Component::ParentDir);
            plain.then_some(path)
        })
        .collect()
}
