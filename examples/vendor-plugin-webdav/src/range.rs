//! Parts of objects: what is asked for, and whether it is what came.

use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::types::Error;

/// Beyond what any object has: servers count in signed numbers.
pub const BEYOND: u64 = 1 << 50;

/// Which bytes are wanted: at least one, from an offset below [`BEYOND`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub offset: u64,
    /// How many; all of the rest if absent.
    pub len: Option<u64>,
}

impl Range {
    /// The value of the header. It is always sent: only the content of an object can be answered in part, so a 206 is no page
    /// that a server makes of a collection.
    pub fn header(self) -> String {
        let last = self.len.and_then(|len| self.offset.checked_add(len - 1)).filter(|last| *last < BEYOND);
        let last = last.map(|last| last.to_string()).unwrap_or_default();
        format!("bytes={}-{last}", self.offset)
    }

    /// How many of these bytes an object of this size has.
    pub fn within(self, size: u64) -> u64 {
        let rest = size.saturating_sub(self.offset);
        self.len.map_or(rest, |len| len.min(rest))
    }

    /// How many bytes a 206 brings, by its `content-range`.
    ///
    /// # Errors
    ///
    /// `corrupt` when that is not the range that was asked for.
    pub fn promised(self, content_range: Option<&str>) -> Result<u64, Error> {
        let promised = content_range.and_then(bounds).filter(|(first, last)| {
            *first == self.offset && last >= first && self.len.is_none_or(|len| last - first < len)
        });
        match promised {
            Some((first, last)) => Ok(last - first + 1),
            None => {
                let came = content_range.unwrap_or("no range at all");
                Err(error::corrupt(format!("{came:?} came where {} was asked for", self.header())))
            }
        }
    }
}

/// The size of the whole object in a `content-range`, if it is told.
pub fn size_of(content_range: &str) -> Option<u64> {
    content_range.rsplit_once('/')?.1.trim().parse().ok()
}

fn bounds(value: &str) -> Option<(u64, u64)> {
    let (range, _size) = value.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let last: u64 = last.trim().parse().ok()?;
    Some((first.trim().parse().ok()?, last)).filter(|(_, last)| *last < u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(offset: u64, len: Option<u64>) -> Range {
        Range { offset, len }
    }

    #[test]
    fn a_range_is_always_asked_for() {
        for (offset, len, header) in [
            (0, None, "bytes=0-"),
            (0, Some(10), "bytes=0-9"),
            (5, Some(1), "bytes=5-5"),
            (5, Some(u64::MAX), "bytes=5-"),
            (5, Some(BEYOND), "bytes=5-"),
        ] {
            assert_eq!(range(offset, len).header(), header);
        }
    }

    #[test]
    fn an_object_has_of_a_range_what_lies_in_it() {
        assert_eq!(range(0, None).within(7), 7);
        assert_eq!(range(5, Some(10)).within(7), 2);
        assert_eq!(range(1, Some(3)).within(7), 3);
        assert_eq!(range(7, None).within(7), 0);
        assert_eq!(range(9, Some(u64::MAX)).within(7), 0);
    }

    #[test]
    fn a_range_may_tell_the_size_of_the_whole() {
        assert_eq!(size_of("bytes 5-14/100"), Some(100));
        assert_eq!((size_of("bytes 5-14/*"), size_of("bytes 5-14")), (None, None));
    }

    #[test]
    fn another_range_than_was_asked_for_is_refused() {
        let asked = range(5, Some(10));
        assert_eq!(asked.promised(Some("bytes 5-14/100")).unwrap(), 10);
        assert_eq!(asked.promised(Some("bytes 5-6/*")).unwrap(), 2);
        assert_eq!(range(0, None).promised(Some("bytes 0-99/100")).unwrap(), 100);
        for bad in [
            "bytes 4-14/100",
            "bytes 5-15/100",
            "bytes 6-14/100",
            "bytes 5-4/9",
            "bytes */9",
            "5-14/100",
            "bytes 5-18446744073709551615/9",
            "",
        ] {
            assert!(asked.promised(Some(bad)).is_err(), "{bad}");
        }
        assert!(asked.promised(None).is_err());
    }
}
