//! The ids and tags of multipart uploads, which carry all that an instance must know.

use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::types::Error;

use crate::attributes::Attempt;
use crate::publish::Publish;
use crate::store::{MAX_FILE, MAX_PART, MAX_PARTS};

/// What the name of the temporary file of an upload ends in.
pub const SUFFIX: &str = ".parts";

/// An upload, as its id says: `1:<attempt>:<unique>:<part size>:<total or ->:<condition>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Who writes; the folder of the temporary file.
    pub attempt: Attempt,
    /// Name of the temporary file without [`SUFFIX`]: 32 hexadecimal digits.
    pub unique: String,
    /// Size of every part but the last.
    pub part_size: u64,
    /// Size of the object, where it was known.
    pub total: Option<u64>,
    /// How it is to be published.
    pub publish: Publish,
}

impl Upload {
    /// The id.
    pub fn id(&self) -> String {
        let total = self.total.map_or_else(|| "-".to_owned(), |total| total.to_string());
        let condition = match self.publish {
            Publish::Replace => "replace",
            Publish::IfAbsent => "if-absent",
        };
        format!("1:{}:{}:{}:{total}:{condition}", self.attempt.as_str(), self.unique, self.part_size)
    }

    /// Reads an id. Whatever we did not write is no upload, and can name no other file than one of ours.
    pub fn parse(id: &str) -> Option<Self> {
        let mut fields = id.split(':');
        let mut next = || fields.next();
        if next()? != "1" {
            return None;
        }
        let attempt = Attempt::parse(next()?)?;
        let unique = next()?.to_owned();
        if unique.len() != 32 || !unique.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let part_size = next()?.parse().ok().filter(|size| (1..=MAX_PART).contains(size))?;
        let total = match next()? {
            "-" => None,
            total => Some(total.parse().ok()?),
        };
        let publish = match next()? {
            "replace" => Publish::Replace,
            "if-absent" => Publish::IfAbsent,
            _ => return None,
        };
        let upload = Self { attempt, unique, part_size, total, publish };
        // Only what we write ourselves is read: no other spelling of a number, and nothing after the end.
        (upload.id() == id).then_some(upload)
    }

    /// Name of the temporary file.
    pub fn file(&self) -> String {
        format!("{}{SUFFIX}", self.unique)
    }

    /// Where a part of this many bytes begins; an error when the rules have no place for it.
    pub fn offset(&self, number: u32, size: u64) -> Result<u64, Error> {
        if !(1..=MAX_PARTS).contains(&number) {
            return Err(error::unsupported(format!("part {number} is not within 1 to {MAX_PARTS}")));
        }
        if size > self.part_size {
            let most = self.part_size;
            return Err(error::unsupported(format!(
                "part {number} has {size} bytes, at most {most} are allowed"
            )));
        }
        u64::from(number - 1)
            .checked_mul(self.part_size)
            .filter(|start| start.checked_add(size).is_some_and(|end| end <= self.total.unwrap_or(MAX_FILE)))
            .ok_or_else(|| error::unsupported(format!("part {number} lies beyond the end of the object")))
    }

    /// Length of the object that these parts make up; an error when they do not make one up.
    pub fn length(&self, tags: &[(u32, String)]) -> Result<u64, Error> {
        let mut length = 0;
        for (expected, (number, tag)) in (1..).zip(tags) {
            let size = parse_tag(*number, tag)
                .ok_or_else(|| error::internal(format!("{tag:?} is not the tag of part {number}")))?;
            if *number != expected || length != u64::from(expected - 1) * self.part_size {
                return Err(error::internal(format!(
                    "part {expected} is missing or part {number} misplaced"
                )));
            }
            length = self.offset(*number, size)? + size;
        }
        match self.total {
            Some(total) if total != length => {
                Err(error::internal(format!("the parts have {length} bytes, {total} were announced")))
            }
            _ => Ok(length),
        }
    }
}

/// The tag of a part that has been written.
pub fn tag(number: u32, size: u64) -> String {
    format!("{number}-{size}")
}

fn parse_tag(number: u32, text: &str) -> Option<u64> {
    let size = text.split_once('-')?.1.parse().ok()?;
    (tag(number, size) == text).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload() -> Upload {
        Upload {
            attempt: Attempt::parse("018f-ab").unwrap(),
            unique: "0123456789abcdef0123456789abcdef".to_owned(),
            part_size: 10,
            total: None,
            publish: Publish::IfAbsent,
        }
    }

    fn tags(of: &[(u32, u64)]) -> Vec<(u32, String)> {
        of.iter().map(|(number, size)| (*number, tag(*number, *size))).collect()
    }

    #[test]
    fn an_id_says_all_there_is_to_know() {
        let known = Upload { total: Some(25), publish: Publish::Replace, ..upload() };
        for upload in [upload(), known] {
            assert_eq!(Upload::parse(&upload.id()), Some(upload));
        }
    }

    #[test]
    fn an_id_that_we_did_not_write_is_no_upload() {
        let good = upload().id();
        for bad in [
            String::new(),
            "1".to_owned(),
            good.replace("018f-ab", ".."),
            good.replace("018f-ab", "a/b"),
            good.replace("0123", "../."),
            good.replace("0123", "ABCD"),
            good.replace(":10:", ":0:"),
            good.replace(":10:", ":+10:"),
            good.replace(":10:", ":1073741825:"),
            good.replace(":-:", "::"),
            good.replace("if-absent", "if-match"),
            format!("{good}:"),
            format!("2{}", &good[1..]),
        ] {
            assert_eq!(Upload::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_part_begins_where_those_before_it_end() {
        assert_eq!(upload().offset(1, 10).unwrap(), 0);
        assert_eq!(upload().offset(3, 4).unwrap(), 20);
        let known = Upload { total: Some(25), ..upload() };
        assert_eq!(known.offset(3, 5).unwrap(), 20);
        assert!(known.offset(3, 6).is_err());
        assert!(upload().offset(0, 1).is_err());
        assert!(upload().offset(1, 11).is_err());
        assert!(upload().offset(MAX_PARTS + 1, 1).is_err());
    }

    #[test]
    fn parts_without_a_gap_make_up_an_object() {
        assert_eq!(upload().length(&tags(&[(1, 10), (2, 10), (3, 4)])).unwrap(), 24);
        assert_eq!(upload().length(&tags(&[(1, 10)])).unwrap(), 10);
        assert_eq!(upload().length(&[]).unwrap(), 0);
        assert_eq!(Upload { total: Some(14), ..upload() }.length(&tags(&[(1, 10), (2, 4)])).unwrap(), 14);
    }

    #[test]
    fn parts_with_a_gap_or_a_wrong_size_make_up_none() {
        for bad in [
            tags(&[(2, 10)]),
            tags(&[(1, 10), (3, 10)]),
            tags(&[(2, 10), (1, 10)]),
            tags(&[(1, 10), (1, 10)]),
            tags(&[(1, 4), (2, 10)]),
            tags(&[(1, 11)]),
            vec![(1, tag(2, 10))],
            vec![(1, "1-010".to_owned())],
            vec![(1, String::new())],
        ] {
            assert!(upload().length(&bad).is_err(), "{bad:?}");
        }
        assert!(Upload { total: Some(15), ..upload() }.length(&tags(&[(1, 10), (2, 4)])).is_err());
    }
}
