//! The liar's own folder: what it tells the test, and what all its instances know.

use siltstone_plugin_filesystem::folder::{Code, File, Folder};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::types::Error;
use siltstone_plugin_sdk::wasi::clocks::monotonic_clock::subscribe_duration;
use siltstone_plugin_sdk::wasi::filesystem::types::Descriptor;
use siltstone_plugin_sdk::wasi::random::random::get_random_u64;

use crate::{Kind, OLDER, STRIKE};

/// How often something is looked for, ten milliseconds apart.
const LOOKS: u32 = 2000;
/// Bytes of one read.
const STEP: u64 = 64 << 10;

pub(crate) struct Notes(pub(crate) Descriptor);

impl Notes {
    /// Leaves a sign that a lie was told.
    pub(crate) fn strike(&self) -> Result<(), Error> {
        self.mark(&format!("{STRIKE}{:016x}", get_random_u64()))
    }

    /// Makes an empty file.
    pub(crate) fn mark(&self, name: &str) -> Result<(), Error> {
        match self.0.create(name) {
            Ok(_) | Err(Code::Exist) => Ok(()),
            Err(code) => Err(failed(name, code)),
        }
    }

    /// Whether there is such a file.
    pub(crate) fn has(&self, name: &str) -> bool {
        Folder::stat(&self.0, name).is_ok()
    }

    /// Waits until there is such a file; answers whether it came.
    pub(crate) fn wait(&self, name: &str) -> bool {
        (0..LOOKS).any(|_| {
            let found = self.has(name);
            if !found {
                subscribe_duration(10_000_000).block();
            }
            found
        })
    }

    /// How many have come here before, this one included.
    pub(crate) fn count(&self) -> Result<u32, Error> {
        for n in 1.. {
            match self.0.create(&format!("chance-{n}")) {
                Ok(_) => return Ok(n),
                Err(Code::Exist) => {}
                Err(code) => return Err(failed("chance", code)),
            }
        }
        Ok(0)
    }

    /// An older version of such an object; none when the test gave none.
    pub(crate) fn older(&self, kind: Kind) -> Option<Vec<u8>> {
        let file = self.0.open(&format!("{OLDER}{}", kind.name())).ok()?;
        let mut content = Vec::new();
        loop {
            let (piece, last) = File::read(&file, STEP, content.len() as u64).ok()?;
            content.extend_from_slice(&piece);
            if last || piece.is_empty() {
                return Some(content);
            }
        }
    }

    /// Does something that no other instance does meanwhile.
    pub(crate) fn alone<T>(&self, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        for _ in 0..LOOKS {
            match self.0.create("lock") {
                Ok(_) => {
                    let done = work();
                    self.0.unlink("lock").map_err(|code| failed("lock", code))?;
                    return done;
                }
                Err(Code::Exist) => subscribe_duration(10_000_000).block(),
                Err(code) => return Err(failed("lock", code)),
            }
        }
        Err(error::internal("the lock of the notes is not given up"))
    }
}

fn failed(name: &str, code: Code) -> Error {
    error::internal(format!("cannot write the note {name}: {}", code.name()))
}
