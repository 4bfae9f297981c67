//! Credentials that all instances of a location share through the host's cache.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::types::Error;
use crate::{error, host};

/// Credentials are not used in their last minute.
const MARGIN_MS: u64 = 60_000;
/// Credentials without an expiry are asked for again after this.
const WITHOUT_EXPIRY_MS: u64 = 900_000;

/// Credentials as they were handed out.
#[derive(Debug)]
pub struct Fetched<T> {
    /// What to keep.
    pub value: T,
    /// How many milliseconds they are good for, if that was said.
    pub lasts_ms: Option<u64>,
}

/// The credentials under this key, fetched anew by the one caller that the host picks.
///
/// # Errors
///
/// Those of `fetch`, unless the old ones are still good.
pub fn shared<T: Serialize + DeserializeOwned>(
    key: &str,
    fetch: impl FnOnce() -> Result<Fetched<T>, Error>,
) -> Result<T, Error> {
    let cached = host::cache_get(key);
    let known = cached.value.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match (known, cached.refresh) {
        (Some(value), false) => Ok(value),
        (known, _) => match (fetch(), known) {
            (Ok(new), _) => {
                let bytes = serde_json::to_vec(&new.value).map_err(|e| error::internal(e.to_string()))?;
                let ttl_ms = new.lasts_ms.map_or(WITHOUT_EXPIRY_MS, |ms| ms.saturating_sub(MARGIN_MS));
                host::cache_put(key, &bytes, ttl_ms.max(1));
                Ok(new.value)
            }
            // The old ones are good for a little longer.
            (Err(_), Some(value)) => Ok(value),
            (Err(error), None) => Err(error),
        },
    }
}
