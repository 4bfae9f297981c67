//! Instants, as milliseconds since 1970-01-01T00:00:00Z.

use reqsign_core::time::Timestamp;

/// Of the date of a header (RFC 9110, section 5.6.7).
pub fn http_ms(text: &str) -> Option<u64> {
    ms(Timestamp::parse_rfc2822(text).ok()?)
}

/// Of a date as in RFC 3339.
pub fn iso_ms(text: &str) -> Option<u64> {
    ms(text.parse().ok()?)
}

/// Milliseconds from now until then; none if that is over.
pub fn left_ms(then: Timestamp) -> u64 {
    let then = u64::try_from(then.as_second()).unwrap_or_default().saturating_mul(1000);
    then.saturating_sub(now_ms())
}

/// This moment.
pub fn now_ms() -> u64 {
    ms(Timestamp::now()).unwrap_or_default()
}

fn ms(time: Timestamp) -> Option<u64> {
    u64::try_from(time.as_second())
        .ok()?
        .checked_mul(1000)?
        .checked_add(u64::try_from(time.subsec_nanosecond()).ok()? / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_headers_and_documents_are_read() {
        assert_eq!(http_ms("Sat, 21 Nov 2026 01:02:03 GMT"), Some(1_795_222_923_000));
        assert_eq!(iso_ms("2026-11-21T01:02:03.500Z"), Some(1_795_222_923_500));
        assert_eq!((http_ms("soon"), iso_ms("1969-01-01T00:00:00Z")), (None, None));
        assert!(now_ms() > 1_700_000_000_000);
    }
}
