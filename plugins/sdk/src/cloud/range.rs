//! Parts of objects.

use crate::error;
use crate::http::Response;
use crate::io::Sink;
use crate::types::Error;

/// Beyond what any object has: servers count in signed numbers.
const BEYOND: u64 = 1 << 50;

/// Which bytes are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    offset: u64,
    len: Option<u64>,
}

impl Range {
    /// `len` bytes from `offset`, or all of the rest; at least one byte.
    pub fn new(offset: u64, len: Option<u64>) -> Self {
        Self { offset, len: len.map(|len| len.max(1)) }
    }

    /// The value of the header, unless everything is wanted.
    pub fn header(self) -> Option<String> {
        let last = self.len.and_then(|len| self.offset.checked_add(len - 1)).filter(|last| *last < BEYOND);
        match last {
            Some(last) => Some(format!("bytes={}-{last}", self.offset)),
            None if self.offset > 0 => Some(format!("bytes={}-", self.offset)),
            None => None,
        }
    }
}

/// Moves the body of an answer to the sink and answers its length, once it is sure that it is the range that was asked for.
///
/// # Errors
///
/// `unsupported` when a server does not know ranges, `transient` when the body ends early.
pub fn receive(doing: &str, response: &Response, range: Range, to: &Sink) -> Result<u64, Error> {
    // Some stores answer a range with 200; the range is what counts.
    let is_partial = response.status.as_u16() == 206 || response.headers.contains_key("content-range");
    let expected = response.length();
    let fits = range.len.is_none_or(|len| expected.is_some_and(|found| found <= len));
    if range.header().is_some() && !is_partial && (range.offset > 0 || !fits) {
        return Err(error::unsupported(format!("cannot {doing}: the store does not know ranges")));
    }
    let got = response.copy_to(to)?;
    match expected {
        Some(expected) if expected != got => {
            Err(error::transient(format!("cannot {doing}: {got} of {expected} bytes came")))
        }
        _ => Ok(got),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_asked_for_only_where_one_is_meant() {
        let header = |offset, len| Range::new(offset, len).header();
        assert_eq!(header(0, None), None);
        assert_eq!(header(0, Some(10)).as_deref(), Some("bytes=0-9"));
        assert_eq!(header(5, Some(1)).as_deref(), Some("bytes=5-5"));
        assert_eq!(header(5, None).as_deref(), Some("bytes=5-"));
        assert_eq!(header(5, Some(u64::MAX)).as_deref(), Some("bytes=5-"));
        assert_eq!(header(0, Some(u64::MAX)), None);
    }
}
