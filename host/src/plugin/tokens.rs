//! The cache that all instances of one location share: values with an expiry, each renewed by one caller.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Entries of a cache; the contract's bound.
pub(crate) const MAX_ENTRIES: usize = 64;
/// Bytes of a value; the contract's bound.
pub(crate) const MAX_VALUE: usize = 64 << 10;
/// Bytes of a key; the contract's bound.
pub(crate) const MAX_KEY: usize = 256;
/// How long a caller may take to bring a new value before another one is asked.
const LEASE: Duration = Duration::from_secs(15);
/// The longest time before the expiry at which a value counts as near it.
const NEAR: Duration = Duration::from_secs(300);

/// Who asks: one instance of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner(pub(crate) u64);

/// What a caller gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cached {
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) refresh: Refresh,
}

/// Whether the caller is to bring a new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresh {
    No,
    Yes,
}

/// The shared cache of one location.
#[derive(Debug, Default)]
pub(crate) struct TokenCache {
    entries: Mutex<HashMap<String, Entry>>,
    changed: Notify,
}

#[derive(Default)]
struct Entry {
    value: Option<Value>,
    lease: Option<(Owner, Instant)>,
}

struct Value {
    bytes: Vec<u8>,
    refresh_at: Instant,
    expires: Instant,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("value", &self.value.is_some()).field("lease", &self.lease).finish()
    }
}

impl TokenCache {
    /// The value, or the task to bring one. Waits while another caller has that task and there is no value.
    pub(crate) async fn get(&self, key: &str, owner: Owner) -> Cached {
        loop {
            // Registered before the look, so that a change after it is not missed.
            let changed = self.changed.notified();
            match self.look(key, owner, Instant::now()) {
                Ok(cached) => return cached,
                Err(until) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(until) => {}
                    }
                }
            }
        }
    }

    /// The answer now, or until when another caller has the task.
    fn look(&self, key: &str, owner: Owner, now: Instant) -> Result<Cached, Instant> {
        let mut entries = self.lock();
        if !entries.contains_key(key) && entries.len() >= MAX_ENTRIES {
            make_room(&mut entries, now);
        }
        let entry = entries.entry(key.to_owned()).or_default();
        if entry.value.as_ref().is_some_and(|v| v.expires <= now) {
            entry.value = None;
        }
        let taken = entry.lease.filter(|(holder, until)| *until > now && *holder != owner);
        match (&entry.value, taken) {
            (Some(v), _) if now < v.refresh_at => {
                Ok(Cached { value: Some(v.bytes.clone()), refresh: Refresh::No })
            }
            (Some(v), Some(_)) => Ok(Cached { value: Some(v.bytes.clone()), refresh: Refresh::No }),
            (None, Some((_, until))) => Err(until),
            (value, None) => {
                let value = value.as_ref().map(|v| v.bytes.clone());
                entry.lease = Some((owner, now + LEASE));
                Ok(Cached { value, refresh: Refresh::Yes })
            }
        }
    }

    /// Puts a value that must not be used after `ttl`.
    pub(crate) fn put(&self, key: &str, bytes: Vec<u8>, ttl: Duration) {
        self.put_at(key, bytes, ttl, Instant::now());
        self.changed.notify_waiters();
    }

    fn put_at(&self, key: &str, bytes: Vec<u8>, ttl: Duration, now: Instant) {
        let mut entries = self.lock();
        if !entries.contains_key(key) && entries.len() >= MAX_ENTRIES {
            make_room(&mut entries, now);
        }
        // A year is for ever here, and keeps the arithmetic within range.
        let ttl = ttl.min(Duration::from_secs(365 * 86_400));
        let expires = now + ttl;
        let value = Value { bytes, refresh_at: expires - (ttl / 5).min(NEAR), expires };
        entries.insert(key.to_owned(), Entry { value: Some(value), lease: None });
    }

    /// Takes every task from an instance that is gone.
    pub(crate) fn release(&self, owner: Owner) {
        let mut entries = self.lock();
        let mut any = false;
        for entry in entries.values_mut() {
            if entry.lease.is_some_and(|(holder, _)| holder == owner) {
                entry.lease = None;
                any = true;
            }
        }
        drop(entries);
        if any {
            self.changed.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        // Entries are replaced as a whole; a panic cannot leave half of one.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops the entry that is worth least: one without a value, else the one that expires first.
fn make_room(entries: &mut HashMap<String, Entry>, now: Instant) {
    let worth = |e: &Entry| e.value.as_ref().map_or(now, |v| v.expires);
    if let Some(key) = entries.iter().min_by_key(|(_, e)| worth(e)).map(|(k, _)| k.clone()) {
        entries.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const A: Owner = Owner(1);
    const B: Owner = Owner(2);

    fn cached(value: Option<&[u8]>, refresh: Refresh) -> Cached {
        Cached { value: value.map(<[u8]>::to_vec), refresh }
    }

    #[tokio::test]
    async fn one_caller_is_asked_for_a_value_and_the_others_wait_for_it() {
        let cache = Arc::new(TokenCache::default());
        assert_eq!(cache.get("k", A).await, cached(None, Refresh::Yes));
        let waiting = tokio::spawn({
            let cache = Arc::clone(&cache);
            async move { cache.get("k", B).await }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!waiting.is_finished());
        cache.put("k", b"v".to_vec(), Duration::from_secs(3600));
        assert_eq!(waiting.await.unwrap(), cached(Some(b"v"), Refresh::No));
    }

    #[tokio::test]
    async fn a_caller_that_is_gone_hands_its_task_to_one_that_waits() {
        let cache = Arc::new(TokenCache::default());
        assert_eq!(cache.get("k", A).await, cached(None, Refresh::Yes));
        let waiting = tokio::spawn({
            let cache = Arc::clone(&cache);
            async move { cache.get("k", B).await }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        cache.release(A);
        assert_eq!(waiting.await.unwrap(), cached(None, Refresh::Yes));
    }

    #[test]
    fn a_silent_caller_loses_its_task_after_a_while() {
        let cache = TokenCache::default();
        let now = Instant::now();
        assert_eq!(cache.look("k", A, now), Ok(cached(None, Refresh::Yes)));
        assert_eq!(cache.look("k", B, now), Err(now + LEASE));
        assert_eq!(cache.look("k", B, now + LEASE), Ok(cached(None, Refresh::Yes)));
    }

    #[test]
    fn near_the_expiry_one_caller_refreshes_and_the_others_use_the_old_value() {
        let cache = TokenCache::default();
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        cache.put_at("k", b"v".to_vec(), Duration::from_secs(3600), now);
        assert_eq!(cache.look("k", A, at(3290)), Ok(cached(Some(b"v"), Refresh::No)));
        assert_eq!(cache.look("k", A, at(3310)), Ok(cached(Some(b"v"), Refresh::Yes)));
        assert_eq!(cache.look("k", B, at(3310)), Ok(cached(Some(b"v"), Refresh::No)));
        assert_eq!(cache.look("k", B, at(3600)), Ok(cached(None, Refresh::Yes)));
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        let cache = TokenCache::default();
        let now = Instant::now();
        for i in 0..1000 {
            cache.put_at(&format!("k{i}"), vec![1], Duration::from_secs(1000 + i), now);
            cache.look(&format!("g{i}"), A, now).unwrap();
        }
        assert_eq!(cache.lock().len(), MAX_ENTRIES);
    }
}
