//! Instants as the wire and the stored format write them: UTC, RFC 3339, milliseconds, `Z`.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{Clock, SystemClock};

/// What stands for "not yet" on the wire.
const ZERO: &str = "0001-01-01T00:00:00.000Z";

/// The last instant that RFC 3339 can write, 9999-12-31T23:59:59.999Z.
const LAST: i64 = 253_402_300_799_999;

/// Milliseconds since 1970-01-01T00:00:00Z, or [`Timestamp::ZERO`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// "Not yet": the year 1, as clients of the API expect it.
    pub const ZERO: Self = Self(i64::MIN);

    /// The instant, cut to milliseconds; instants before 1970 become 1970.
    #[must_use]
    pub fn from_system(time: SystemTime) -> Self {
        let millis = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
        Self(i64::try_from(millis).map_or(LAST, |m| m.min(LAST)))
    }

    /// Now, by a clock.
    #[must_use]
    pub fn by(clock: &dyn Clock) -> Self {
        Self::from_system(clock.now())
    }

    /// Now, by the system's clock.
    #[must_use]
    pub fn now() -> Self {
        Self::by(&SystemClock)
    }

    /// Whether this is [`Timestamp::ZERO`].
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// Milliseconds since 1970, `None` for [`Timestamp::ZERO`].
    #[must_use]
    pub fn as_millis(self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_millis() {
            None => f.write_str(ZERO),
            Some(ms) => humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(ms)).fmt(f),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        if text == ZERO {
            return Ok(Self::ZERO);
        }
        humantime::parse_rfc3339(&text).map(Self::from_system).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_milliseconds_and_read_back() {
        let t = Timestamp(1_787_281_214_201);
        let json = serde_json::to_string(&t).unwrap();
        assert_eq!(json, "\"2026-08-21T03:00:14.201Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), t);
        assert_eq!(Timestamp::ZERO.to_string(), "0001-01-01T00:00:00.000Z");
    }
}
