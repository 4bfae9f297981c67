//! How bytes, times, states and tables are written for people.

use std::time::Duration;

use serde_json::Value;

use crate::error::ErrorKind;
use crate::model::Scope;
use crate::plugin::one_line;

/// Bytes with a binary unit and three digits: `1.75 GiB`.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let (mut value, mut unit) = (n as f64, 0);
    while value >= 1024.0 && unit < UNITS.len() - 1 {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{value:.2} {}", UNITS[unit]) }
}

/// Megabytes (10^6) a second.
pub(super) fn rate(bytes: u64, time: Duration) -> f64 {
    let seconds = time.as_secs_f64();
    if seconds > 0.0 { bytes as f64 / 1e6 / seconds } else { 0.0 }
}

/// Stored bytes per raw byte; 0 where there is none.
pub(super) fn ratio(stored: u64, raw: u64) -> f64 {
    if raw == 0 { 0.0 } else { stored as f64 / raw as f64 }
}

/// A scope in a sentence.
pub(super) fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Node => "node: one instant for everything",
        Scope::Collection => "collection: one instant for each collection",
        Scope::Shard => "shard: one instant for each shard",
    }
}

/// The name of a kind of error, for programs.
pub(super) fn kind(kind: ErrorKind) -> String {
    let mut name = String::new();
    for c in format!("{kind:?}").chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

/// Text from elsewhere on one line, without characters that a terminal would obey.
pub(super) fn plain(text: &str) -> String {
    one_line(text, usize::MAX)
}

/// Lines of a name and a value, in two columns.
pub(super) fn columns(lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    lines.iter().map(|(name, value)| format!("  {name:width$}  {}\n", plain(value))).collect()
}

/// A table whose last column is not padded.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{:width$}", plain(cell))).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A list of backups in the JSON of the API.
pub(super) fn backups(list: &Value) -> String {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        return "no backups\n".to_owned();
    }
    let mut rows = vec![["ID", "STATUS", "STARTED", "SIZE", "COLLECTIONS"].map(str::to_owned).to_vec()];
    for item in list {
        const GIB: f64 = (1u64 << 30) as f64;
        let size = item["size"].as_f64().map_or_else(|| "-".to_owned(), |s| bytes((s * GIB).round() as u64));
        let classes = item["classes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut names: Vec<&str> = classes.iter().filter_map(Value::as_str).collect();
        names.sort_unstable();
        let started = text(item, "startedAt").split('.').next().unwrap_or_default().replace('T', " ");
        rows.push(vec![text(item, "id"), text(item, "status"), started, size, names.join(", ")]);
    }
    table(&rows)
}

/// A text of an answer; empty if it is not there.
pub(super) fn text(answer: &Value, key: &str) -> String {
    answer[key].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bytes_have_the_unit_that_fits() {
        for (n, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (7 << 28, "1.75 GiB"),
            (u64::MAX, "16384.00 PiB"),
        ] {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn rates_and_ratios_of_nothing_are_zero() {
        assert_eq!((rate(5, Duration::ZERO), ratio(1, 0)), (0.0, 0.0));
        assert!((rate(3_000_000, Duration::from_secs(2)) - 1.5).abs() < 1e-9);
    }

    #[test]
    fn kinds_are_words_with_underscores() {
        assert_eq!(kind(ErrorKind::NotFound), "not_found");
        assert_eq!(kind(ErrorKind::Invalid), "invalid");
    }

    #[test]
    fn text_from_elsewhere_cannot_drive_the_terminal() {
        assert_eq!(plain("a\u{1b}[2J\nb ü\u{202e}"), "a\\u{1b}[2J\\nb ü\\u{202e}");
        assert_eq!(
            columns(&[("id", "a\nb".to_owned()), ("state", "x".to_owned())]),
            "  id     a\\nb\n  state  x\n"
        );
    }

    #[test]
    fn a_list_is_a_table_with_sorted_collections() {
        let list = json!([
            {"id": "nightly", "status": "SUCCESS", "startedAt": "2026-08-21T03:00:02.010Z", "size": 1.75,
             "classes": ["B", "A"]},
            {"id": "x", "status": "FAILED", "startedAt": "2026-08-20T03:00:02.010Z", "classes": []}
        ]);
        assert_eq!(
            backups(&list),
            "ID       STATUS   STARTED              SIZE      COLLECTIONS\n\
             nightly  SUCCESS  2026-08-21 03:00:02  1.75 GiB  A, B\n\
             x        FAILED   2026-08-20 03:00:02  -\n"
        );
        assert_eq!(backups(&json!([])), "no backups\n");
    }
}
