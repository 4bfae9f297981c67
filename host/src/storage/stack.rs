//! The wrappers in the one order in which they work together.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::{
    Bounded, Counters, Limited, ListingSettings, Observed, RetrySettings, Retrying, Storage, Timed,
    TimeoutSettings,
};
use crate::model::BackendName;

/// How a store is treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StackSettings {
    /// Attempts.
    pub retry: RetrySettings,
    /// Time of one attempt.
    pub timeout: TimeoutSettings,
    /// Calls at once; by default as many as the store says serve it best.
    pub in_flight: Option<NonZeroU32>,
    /// Names of one listing.
    pub listing: ListingSettings,
}

/// Wraps a store: retry around limit around counters around timeout around the bound of listings;
/// each says in its own file why it sits there.
#[must_use]
pub fn stack(
    store: Arc<dyn Storage>,
    backend: BackendName,
    settings: &StackSettings,
) -> (Arc<dyn Storage>, Arc<Counters>) {
    let counters = Arc::<Counters>::default();
    (stack_counting(store, backend, settings, Arc::clone(&counters)), counters)
}

/// The same with counters that count for other stores too.
#[must_use]
pub fn stack_counting(
    store: Arc<dyn Storage>,
    backend: BackendName,
    settings: &StackSettings,
    counters: Arc<Counters>,
) -> Arc<dyn Storage> {
    let at_once = settings
        .in_flight
        .or_else(|| NonZeroU32::new(store.capabilities().in_flight))
        .unwrap_or(NonZeroU32::MIN);
    let bounded = Bounded::new(store, backend.clone(), settings.listing);
    let timed = Timed::new(Arc::new(bounded), settings.timeout);
    let observed = Observed::counting(Arc::new(timed), backend, counters);
    let limited = Limited::new(Arc::new(observed), at_once);
    Arc::new(Retrying::new(Arc::new(limited), settings.retry))
}
