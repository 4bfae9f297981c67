//! A server in a process of its own.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it listens.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; ended when this is dropped, or when the thread that started it ends.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

/// A port that nobody listens at now.
pub(super) fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Process {
    /// Starts a program and waits until it listens at the port.
    ///
    /// # Errors
    ///
    /// When it ends or does not listen in time, with what it has written.
    pub(super) fn start(
        program: &Path,
        args: &[&str],
        variables: &[(&str, &str)],
        port: u16,
        folder: &Path,
    ) -> Result<Self, String> {
        let log = folder.join("server.log");
        let out = std::fs::File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        let errors = out.try_clone().map_err(|e| e.to_string())?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(program)
            .args(args)
            .envs(variables.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors)
            .spawn()
            .map_err(|e| format!("setpriv {}: {e}; setpriv comes with util-linux", program.display()))?;
        let mut process = Self { child, log };
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = process.child.try_wait().map_err(|e| e.to_string())?;
            if ended.is_some() || Instant::now() > until {
                let said = std::fs::read_to_string(&process.log).unwrap_or_default();
                return Err(format!("{} does not listen at {port} ({ended:?}): {said}", program.display()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
