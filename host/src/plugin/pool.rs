//! The warm instances of one location: exclusive use, a bounded number, thrown away when they misbehave.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::answer;
use super::bindings::types;
use super::brake::Brake;
use super::fault::{Effect, Fault};
use super::instance::{Instance, Seat};
use super::loader::Program;
use super::plugin::Location;
use super::state::{Phase, Services, State};
use super::validate::Breach;
use crate::error::{Error, Result};

/// What every instance of one location is made from.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) plugin: String,
    pub(crate) program: Arc<Program>,
    pub(crate) services: Arc<Services>,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) location: Location,
}

impl Site {
    /// A new instance that may do what the phase allows.
    pub(crate) async fn instance(&self, phase: Phase, operation: &'static str) -> Result<Instance> {
        let (services, limits) = (Arc::clone(&self.services), self.program.limits.clone());
        let state = tokio::task::spawn_blocking(move || State::new(phase, services, &limits))
            .await
            .map_err(|e| Error::internal(operation, "a background task failed").with_source(e))??;
        Instance::start(Arc::clone(&self.program), state)
            .await
            .map_err(|fault| self.fault(fault, operation, Effect::Reads))
    }

    /// A new instance with an open handle.
    pub(crate) async fn seat(&self) -> Result<Seat> {
        let mut instance = self.instance(Phase::Serve, "open").await?;
        let (settings, location) = (&self.settings, self.location.to_guest());
        let answer = instance
            .run(0, |transport, store| async move { transport.open(store, settings, &location).await })
            .await;
        let handle = self.settle("open", Effect::Reads, answer, Ok).inspect_err(|e| {
            if e.fault().is_some() {
                instance.spend();
            }
        })?;
        Ok(Seat { instance, handle })
    }

    /// What came of a call: its checked value, its honest error, or the fault behind either.
    pub(crate) fn settle<T, U>(
        &self,
        operation: &'static str,
        effect: Effect,
        answer: Result<Result<T, types::Error>, Fault>,
        check: impl FnOnce(T) -> Result<U, Breach>,
    ) -> Result<U> {
        let fault = match answer {
            Ok(Ok(value)) => match check(value) {
                Ok(value) => return Ok(value),
                Err(breach) => Fault::Contract(breach),
            },
            Ok(Err(error)) => match self.answer(error, operation, effect) {
                Ok(error) => return Err(error),
                Err(breach) => Fault::Contract(breach),
            },
            Err(fault) => fault,
        };
        Err(self.fault(fault, operation, effect))
    }

    /// The error for an honest error of the plugin.
    pub(crate) fn answer(
        &self,
        error: types::Error,
        operation: &'static str,
        effect: Effect,
    ) -> Result<Error, Breach> {
        answer::error(error, &self.plugin, operation, effect, &self.services.redactor)
    }

    /// The error for a fault of the plugin.
    pub(crate) fn fault(&self, fault: Fault, operation: &'static str, effect: Effect) -> Error {
        fault.into_error(&self.plugin, operation, effect, &self.services.redactor)
    }
}

/// The instances of one location.
#[derive(Debug)]
pub(crate) struct Pool {
    site: Arc<Site>,
    permits: Semaphore,
    idle: Mutex<Vec<Seat>>,
    /// When the next instance may be made.
    brake: Arc<Brake>,
}

/// An instance for the time of one call. Dropped, it takes the instance with it; see [`Lease::give_back`].
#[derive(Debug)]
pub(crate) struct Lease<'p> {
    pool: &'p Pool,
    pub(crate) seat: Seat,
    _permit: SemaphorePermit<'p>,
}

impl Pool {
    /// A pool of at most `size` instances, of which one is there already; the brake is that of the location.
    pub(crate) fn new(site: Arc<Site>, first: Seat, size: u32, brake: Arc<Brake>) -> Self {
        Self { site, permits: Semaphore::new(size as usize), idle: Mutex::new(vec![first]), brake }
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// Waits for a free instance or for the right to make one.
    pub(crate) async fn lease(&self) -> Result<Lease<'_>> {
        let permit = self
            .permits
            .acquire()
            .await
            .map_err(|e| Error::internal("open", "the pool of instances is closed").with_source(e))?;
        // The most recently used one, so that the others' memory can go cold.
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let seat = match idle {
            Some(seat) => seat,
            None => {
                let seat = self.brake.hold(self.site.seat()).await.inspect_err(|e| {
                    // Faults are counted already; an honest error costs an instance as well.
                    if e.fault().is_none() {
                        self.brake.faulted();
                    }
                })?;
                self.brake.opened();
                seat
            }
        };
        Ok(Lease { pool: self, seat, _permit: permit })
    }
}

impl Lease<'_> {
    /// Throws the instance away: it is at fault. Puts the next one off.
    pub(crate) fn fault(mut self) {
        self.seat.instance.spend();
        self.pool.brake.faulted();
    }

    /// Keeps the instance for the next call if it is still good.
    pub(crate) fn give_back(self) {
        let Self { pool, mut seat, _permit } = self;
        if seat.instance.is_fit() {
            pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(seat);
        }
    }
}
