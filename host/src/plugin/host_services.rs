//! The interface `host` as plugins see it: log, files and the shared cache.

use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;

use super::bindings::{host, types};
use super::log::Level;
use super::state::{Phase, State};
use super::text;
use super::tokens::{MAX_KEY, MAX_VALUE, Refresh};

/// Bytes of a file; the contract's bound.
const MAX_FILE: u64 = 64 << 10;

impl State {
    /// Ends the call when the plugin may not call this now.
    fn allow(&self, function: &str, from: Phase) -> wasmtime::Result<()> {
        let (now, allowed) = match self.phase() {
            Phase::Describe => ("describe", false),
            Phase::Needs => ("needs", from == Phase::Needs),
            Phase::Serve => return Ok(()),
        };
        if allowed { Ok(()) } else { Err(wasmtime::format_err!("it called host.{function} in {now}")) }
    }
}

impl types::Host for State {}

impl host::Host for State {
    fn log(&mut self, level: host::LogLevel, message: String) -> wasmtime::Result<()> {
        self.allow("log", Phase::Serve)?;
        let level = match level {
            host::LogLevel::Debug => Level::Debug,
            host::LogLevel::Info => Level::Info,
            host::LogLevel::Warn => Level::Warn,
        };
        // A line beyond the rate is dropped and counted there.
        let _written = self.services().log.write(level, &message);
        Ok(())
    }

    async fn read_file(&mut self, name: String) -> wasmtime::Result<Result<Vec<u8>, String>> {
        self.allow("read-file", Phase::Needs)?;
        let Some(path) = self.services().grants.file(&name).map(Path::to_owned) else {
            return Ok(Err(format!(
                "{} is neither a file setting that has a value nor a file that was granted",
                text::quoted(&name, 256)
            )));
        };
        let read = tokio::task::spawn_blocking(move || read_regular(&path)).await?;
        if let Ok(content) = &read {
            self.services().redactor.learn(&text::one_line(&name, 64), content);
        }
        Ok(read)
    }

    async fn cache_get(&mut self, key: String) -> wasmtime::Result<host::Cached> {
        self.allow("cache-get", Phase::Serve)?;
        check_key(&key)?;
        let services = std::sync::Arc::clone(self.services());
        let cached = services.tokens.get(&key, self.owner()).await;
        Ok(host::Cached { value: cached.value, refresh: cached.refresh == Refresh::Yes })
    }

    fn cache_put(&mut self, key: String, value: Vec<u8>, ttl_ms: u64) -> wasmtime::Result<()> {
        self.allow("cache-put", Phase::Serve)?;
        check_key(&key)?;
        if value.len() > MAX_VALUE {
            return Err(wasmtime::format_err!(
                "it cached a value of {} bytes; at most {MAX_VALUE}",
                value.len()
            ));
        }
        self.services().redactor.learn("cached value", &value);
        self.services().tokens.put(&key, value, Duration::from_millis(ttl_ms));
        Ok(())
    }
}

fn check_key(key: &str) -> wasmtime::Result<()> {
    if key.len() > MAX_KEY {
        return Err(wasmtime::format_err!("it used a cache key of {} bytes; at most {MAX_KEY}", key.len()));
    }
    Ok(())
}

/// The content of a regular file. Symbolic links are followed, since mounted secrets are links; what they lead to
/// is checked after the open, and the open does not wait for the other side of a pipe.
fn read_regular(path: &Path) -> Result<Vec<u8>, String> {
    let fail = |e: std::io::Error| format!("cannot read {}: {e}", path.display());
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or_default())
        .open(path)
        .map_err(fail)?;
    let metadata = file.metadata().map_err(fail)?;
    if !metadata.is_file() {
        return Err(format!("{} is not a regular file", path.display()));
    }
    let mut content = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut content).map_err(fail)?;
    if content.len() as u64 > MAX_FILE {
        return Err(format!("{} is longer than {MAX_FILE} bytes", path.display()));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::super::egress::Egress;
    use std::sync::Arc;

    use super::super::grants::Grants;
    use super::super::handles::OpenFiles;
    use super::super::limits::Limits;
    use super::super::log::Log;
    use super::super::redact::Redactor;
    use super::super::state::Services;
    use super::super::tokens::TokenCache;
    use super::*;

    fn state(phase: Phase) -> State {
        let redactor = Arc::new(Redactor::default());
        let log = Arc::new(Log::new("p", Arc::clone(&redactor), 10));
        let services = Services {
            log,
            redactor,
            tokens: TokenCache::default(),
            grants: Grants::default(),
            clock: Arc::new(crate::model::SystemClock),
            egress: Egress::Closed,
            files: OpenFiles::new(10),
        };
        State::new(phase, Arc::new(services), &Limits::default()).unwrap()
    }

    /// Whether `log`, `read-file`, `cache-get` and `cache-put` may be called.
    async fn allowed(phase: Phase) -> [bool; 4] {
        use host::Host;
        let mut state = state(phase);
        [
            state.log(host::LogLevel::Info, "line".to_owned()).is_ok(),
            state.read_file("X_FILE".to_owned()).await.is_ok(),
            state.cache_get("key".to_owned()).await.is_ok(),
            state.cache_put("key".to_owned(), vec![1], 1000).is_ok(),
        ]
    }

    #[tokio::test]
    async fn describe_may_call_nothing_and_needs_may_only_read_files() {
        assert_eq!(allowed(Phase::Describe).await, [false; 4]);
        assert_eq!(allowed(Phase::Needs).await, [false, true, false, false]);
        assert_eq!(allowed(Phase::Serve).await, [true; 4]);
    }

    #[tokio::test]
    async fn an_instance_that_is_gone_leaves_no_task_behind() {
        use host::Host;
        let mut first = state(Phase::Serve);
        let services = Arc::clone(first.services());
        assert!(first.cache_get("token".to_owned()).await.unwrap().refresh);
        drop(first);
        let mut second = State::new(Phase::Serve, services, &Limits::default()).unwrap();
        assert!(second.cache_get("token".to_owned()).await.unwrap().refresh);
    }

    #[test]
    fn only_regular_files_of_bounded_length_are_read_and_links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("key"), "secret").unwrap();
        std::os::unix::fs::symlink("key", at("link")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("zero")).unwrap();
        std::fs::write(at("long"), vec![0; 65_537]).unwrap();
        std::fs::write(at("limit"), vec![0; 65_536]).unwrap();
        let status = std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap();
        assert!(status.success());

        assert_eq!(read_regular(&at("key")).unwrap(), b"secret");
        assert_eq!(read_regular(&at("link")).unwrap(), b"secret");
        assert_eq!(read_regular(&at("limit")).unwrap().len(), 65_536);
        for name in ["long", "zero", "pipe", ".", "missing"] {
            assert!(read_regular(&at(name)).is_err(), "{name}");
        }
    }
}
