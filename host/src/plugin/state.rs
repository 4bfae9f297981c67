//! What one instance of a plugin sees of the host: the data of its wasmtime store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::filesystem::Dir;
use wasmtime_wasi::{FsPerms, HostWallClock, OpenMode, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::egress::Egress;
use super::grants::{FolderAccess, Grants};
use super::handles::OpenFiles;
use super::io::{BlobSource, SinkTarget};
use super::limits::{Limits, MemoryLimiter};
use super::log::{Level, Log, LogPipe};
use super::meter::Vitals;
use super::redact::Redactor;
use super::tokens::{Owner, TokenCache};
use crate::error::Result;
use crate::model::Clock;
use crate::storage::{Blob, SinkWriter};

/// Random bytes that a guest may ask for at once.
const MAX_RANDOM: u64 = 64 << 10;
/// Bytes of the headers of one HTTP message.
const MAX_HEADERS: usize = 64 << 10;

static NEXT_OWNER: AtomicU64 = AtomicU64::new(0);

/// What the plugin is being asked for, and so what it may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// `describe`: nothing.
    Describe,
    /// `needs`: `read-file`.
    Needs,
    /// `handle`: everything that was granted.
    Serve,
}

/// What all instances of one location share.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) log: Arc<Log>,
    pub(crate) redactor: Arc<Redactor>,
    pub(crate) tokens: TokenCache,
    pub(crate) grants: Grants,
    pub(crate) clock: Arc<dyn Clock>,
    /// The way out of instances that serve.
    pub(crate) egress: Egress,
    /// What its instances have open.
    pub(crate) files: OpenFiles,
}

/// The data of one store.
pub(crate) struct State {
    phase: Phase,
    services: Arc<Services>,
    owner: Owner,
    vitals: Arc<Vitals>,
    stderr: LogPipe,
    limiter: MemoryLimiter,
    table: ResourceTable,
    folders: Vec<(Dir, String)>,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Egress,
}

impl State {
    /// Opens what was granted. Blocks on the file system.
    pub(crate) fn new(phase: Phase, services: Arc<Services>, limits: &Limits) -> Result<Self> {
        let stdout = LogPipe::new(Arc::clone(&services.log), Level::Debug);
        let stderr = LogPipe::new(Arc::clone(&services.log), Level::Warn);
        let mut wasi = WasiCtx::builder();
        wasi.stdout(stdout)
            .stderr(stderr.clone())
            .allow_tcp(false)
            .allow_udp(false)
            .wall_clock(GuestClock(Arc::clone(&services.clock)))
            .max_random_size(MAX_RANDOM);
        let mut folders = Vec::new();
        if phase == Phase::Serve {
            for folder in services.grants.folders() {
                let (perms, mode) = match folder.access {
                    FolderAccess::Read => (FsPerms::ReadOnly, OpenMode::READ),
                    FolderAccess::Write => (FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE),
                };
                // Files are worked on by threads that may block.
                let may_block_here = false;
                folders.push((Dir::new(folder.open()?, perms, mode, may_block_here), folder.name.clone()));
            }
        }
        let hooks = if phase == Phase::Serve { services.egress.clone() } else { Egress::Closed };
        let vitals = Arc::<Vitals>::default();
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources as usize);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MAX_HEADERS);
        Ok(Self {
            phase,
            services,
            owner: Owner(NEXT_OWNER.fetch_add(1, Ordering::Relaxed)),
            limiter: MemoryLimiter::new(limits, Arc::clone(&vitals)),
            vitals,
            stderr,
            table,
            folders,
            wasi: wasi.build(),
            http,
            hooks,
        })
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn services(&self) -> &Arc<Services> {
        &self.services
    }

    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    pub(crate) fn vitals(&self) -> &Arc<Vitals> {
        &self.vitals
    }

    pub(crate) fn stderr(&self) -> &LogPipe {
        &self.stderr
    }

    pub(crate) fn limiter_mut(&mut self) -> &mut MemoryLimiter {
        &mut self.limiter
    }

    /// The granted folders, with the names that the plugin knows them by.
    pub(crate) fn folders(&self) -> &[(Dir, String)] {
        &self.folders
    }

    pub(crate) fn table(&self) -> &ResourceTable {
        &self.table
    }

    pub(crate) fn table_mut(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// Puts a blob up for one call; the guest borrows it.
    pub(crate) fn lend_blob(&mut self, blob: &Blob) -> wasmtime::Result<Lent<BlobSource>> {
        let source = BlobSource::new(blob.clone(), Arc::clone(&self.vitals));
        Ok(Lent(self.table.push(source)?))
    }

    /// Puts a sink up for one call; the guest borrows it.
    pub(crate) fn lend_sink(
        &mut self,
        writer: SinkWriter,
        room: u64,
    ) -> wasmtime::Result<(Lent<SinkTarget>, SinkTarget)> {
        let target = SinkTarget::new(writer, room, Arc::clone(&self.vitals));
        Ok((Lent(self.table.push(target.clone())?), target))
    }

    /// Takes back what was lent. A guest that kept a stream of it (its language may collect garbage late) has
    /// done its last call.
    pub(crate) fn end<T: Send + 'static>(&mut self, lent: Lent<T>) {
        if self.table.delete(lent.0).is_err() {
            self.vitals.retire();
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.services.tokens.release(self.owner);
    }
}

/// A resource of the host for the time of one call.
pub(crate) struct Lent<T: 'static>(Resource<T>);

impl<T> Lent<T> {
    pub(crate) fn borrow(&self) -> Resource<T> {
        Resource::new_borrow(self.0.rep())
    }
}

/// The host's clock as guests read it. A time before 1970 cannot be told to them.
struct GuestClock(Arc<dyn Clock>);

impl HostWallClock for GuestClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        self.0.now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}
