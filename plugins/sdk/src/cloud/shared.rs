//! Credentials that all instances of a location share through the host's cache.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::dates::now_ms;
use crate::types::Error;
use crate::{error, host};

/// Credentials are not used in their last minute.
const MARGIN_MS: u64 = 60_000;
/// Credentials without an expiry are asked for again after this.
const WITHOUT_EXPIRY_MS: u64 = 900_000;
/// Credentials that a service does not accept so soon after they were handed out are wrong, not old.
const FRESH_MS: u64 = 10_000;

/// Credentials as they were handed out.
#[derive(Debug)]
pub struct Fetched<T> {
    /// What to keep.
    pub value: T,
    /// How many milliseconds they are good for, if that was said.
    pub lasts_ms: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Kept<T> {
    value: T,
    since_ms: u64,
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
    let known = cached.value.and_then(|bytes| serde_json::from_slice::<Kept<T>>(&bytes).ok());
    match (known, cached.refresh) {
        (Some(known), false) => Ok(known.value),
        (known, _) => match (fetch(), known) {
            (Ok(new), _) => keep(key, new),
            // The old ones are good for a little longer.
            (Err(_), Some(known)) => Ok(known.value),
            (Err(error), None) => Err(error),
        },
    }
}

fn keep<T: Serialize>(key: &str, new: Fetched<T>) -> Result<T, Error> {
    let kept = Kept { value: new.value, since_ms: now_ms() };
    let bytes = serde_json::to_vec(&kept).map_err(|e| error::internal(e.to_string()))?;
    let ttl_ms = new.lasts_ms.map_or(WITHOUT_EXPIRY_MS, |ms| ms.saturating_sub(MARGIN_MS));
    host::cache_put(key, &bytes, ttl_ms.max(1));
    Ok(kept.value)
}

/// Called when a service does not accept the shared credentials that `is_used` tells: whether the next call will have others,
/// so that the same request may succeed then. False for credentials that were handed out a moment ago: they are wrong, not
/// old.
pub fn renew<T: Serialize + DeserializeOwned>(
    key: &str,
    is_used: impl FnOnce(&T) -> bool,
    fetch: impl FnOnce() -> Result<Fetched<T>, Error>,
) -> bool {
    let cached = host::cache_get(key);
    let known = cached.value.and_then(|bytes| serde_json::from_slice::<Kept<T>>(&bytes).ok());
    if cached.refresh {
        // It falls to this caller, for which all others wait.
        return fetch().and_then(|new| keep(key, new)).is_ok();
    }
    match known {
        // Somebody has others already, or the old ones ended just now.
        Some(known) if !is_used(&known.value) => true,
        None => true,
        Some(known) if now_ms().saturating_sub(known.since_ms) < FRESH_MS => false,
        Some(_) => {
            host::cache_put(key, b"none", 1);
            true
        }
    }
}
