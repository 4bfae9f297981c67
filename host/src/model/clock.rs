//! The clock behind every time that the host writes down.

use std::fmt::Debug;
use std::time::SystemTime;

/// Tells the time of day: what stands in descriptors, manifests, journals, statuses and ids of attempts, and what plugins
/// see, which sign requests with it. How long something may take is never measured with it.
///
/// It may stand still or jump. Servers that share a location need clocks that agree: a backup that a later clock made is
/// no base for one of an earlier clock.
pub trait Clock: Debug + Send + Sync {
    /// The time now. Called often, from any thread; it must not block.
    fn now(&self) -> SystemTime;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
