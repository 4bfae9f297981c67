//! One instance of a plugin in a store of its own, for one call at a time.

use std::future::Future;
use std::sync::Arc;

use wasmtime::component::ResourceAny;
use wasmtime::{Store as WasmStore, UpdateDeadline};

use super::fault::Fault;
use super::handles;
use super::limits::Limits;
use super::loader::Program;
use super::log::LogPipe;
use super::meter::{self, Vitals};
use super::state::State;
use super::tally::End;
use super::version::Transport;

/// An instance that can be called. After a fault or a call that was dropped it is spent: its store is poisoned.
pub(crate) struct Instance {
    store: WasmStore<State>,
    transport: Box<dyn Transport>,
    life: Life,
    vitals: Arc<Vitals>,
    stderr: LogPipe,
    calls: u32,
}

/// Counts an instance from its first moment to its last.
struct Life {
    program: Arc<Program>,
    spent: bool,
}

impl Life {
    fn begin(program: Arc<Program>) -> Self {
        program.tally.begin();
        // Until it has started.
        Self { program, spent: true }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.program.tally.end(if self.spent { End::Discarded } else { End::InOrder });
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance")
            .field("calls", &self.calls)
            .field("spent", &self.life.spent)
            .finish_non_exhaustive()
    }
}

impl Instance {
    /// Instantiates the program; its start code runs under the same limits as a call.
    pub(crate) async fn start(program: Arc<Program>, state: State) -> Result<Self, Fault> {
        let mut life = Life::begin(program);
        let (program, limits) = (&life.program, &life.program.limits);
        let (vitals, stderr) = (Arc::clone(state.vitals()), state.stderr().clone());
        let mut store = WasmStore::new(program.linked.engine(), state);
        store.limiter(|state| state.limiter_mut());
        store.set_hostcall_fuel(usize::try_from(limits.hostcall_bytes).unwrap_or(usize::MAX));
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
        let started = program.linked.instantiate(&mut store);
        let transport = metered(started, &vitals, &stderr, limits, 0).await?;
        life.spent = false;
        Ok(Self { store, transport, life, vitals, stderr, calls: 0 })
    }

    /// Makes one call that moves `payload` bytes.
    pub(crate) async fn run<'a, T, F>(
        &'a mut self,
        payload: u64,
        call: impl FnOnce(&'a dyn Transport, &'a mut WasmStore<State>) -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = wasmtime::Result<T>> + 'a,
    {
        let Self { store, transport, life, vitals, stderr, calls } = self;
        *calls = calls.saturating_add(1);
        // Until the call has come to its end: a dropped call leaves it so.
        life.spent = true;
        let value = metered(call(&**transport, store), vitals, stderr, &life.program.limits, payload).await?;
        life.spent = false;
        Ok(value)
    }

    /// Keeps it from being called again, because of what it has answered.
    pub(crate) fn spend(&mut self) {
        self.life.spent = true;
    }

    /// What the instance sees of the host, between calls.
    pub(crate) fn data_mut(&mut self) -> &mut State {
        self.store.data_mut()
    }

    /// Whether it can and should be used for another call.
    pub(crate) fn is_fit(&mut self) -> bool {
        let limits = &self.life.program.limits;
        !self.life.spent
            && !self.vitals.is_retired()
            && self.calls < limits.calls_per_instance
            && self.vitals.memory() < limits.recycle_memory
            // What a guest, or the runtime for it, never lets go of adds up until a call fails.
            && self.store.data_mut().table_mut().iter_mut().count() < limits.resources as usize / 2
            && handles::is_light(self.store.data_mut())
    }
}

/// Runs a future of the runtime to its end or to a limit.
async fn metered<T>(
    call: impl Future<Output = wasmtime::Result<T>>,
    vitals: &Vitals,
    stderr: &LogPipe,
    limits: &Limits,
    payload: u64,
) -> Result<T, Fault> {
    stderr.begin();
    meter::drive(call, vitals, limits, limits.allowance(payload)).await?.map_err(|e| {
        let refused = vitals.memory_refused().then_some(limits.memory);
        Fault::from_runtime(&e, stderr.last_words().as_deref(), refused)
    })
}

/// An instance with the handle of its location.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) instance: Instance,
    pub(crate) handle: ResourceAny,
}

impl Seat {
    /// Makes one call of the handle that moves `payload` bytes.
    pub(crate) async fn run<'a, T, F>(
        &'a mut self,
        payload: u64,
        call: impl FnOnce(&'a dyn Transport, &'a mut WasmStore<State>, ResourceAny) -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = wasmtime::Result<T>> + 'a,
    {
        let handle = self.handle;
        self.instance.run(payload, |transport, store| call(transport, store, handle)).await
    }
}
