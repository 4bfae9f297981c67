//! The official clients of the API: installed once, pinned, below the target folder; and how a scenario is run with one.

use std::ffi::OsStr;
use std::fs::{File, copy, create_dir_all, read_dir, read_to_string};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::{node, python};

/// A client that scenarios are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// `weaviate-client` for Python, version 4: REST and gRPC.
    PythonV4,
    /// `weaviate-client` for Python, version 3: REST and GraphQL.
    PythonV3,
    /// `weaviate-client` for Node: REST and gRPC.
    TypescriptV3,
    /// `weaviate-ts-client` for Node: REST and GraphQL.
    TypescriptV2,
    /// `curl`, as it comes with the system.
    Curl,
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::PythonV4, Self::PythonV3, Self::TypescriptV3, Self::TypescriptV2, Self::Curl];

    /// The folder with its scenarios.
    #[must_use]
    pub fn folder(self) -> PathBuf {
        let name = match self {
            Self::PythonV4 => "python_v4",
            Self::PythonV3 => "python_v3",
            Self::TypescriptV3 => "typescript_v3",
            Self::TypescriptV2 => "typescript_v2",
            Self::Curl => "curl",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
    }

    fn extension(self) -> &'static str {
        match self {
            Self::PythonV4 | Self::PythonV3 => "py",
            Self::TypescriptV3 | Self::TypescriptV2 => "mjs",
            Self::Curl => "sh",
        }
    }

    /// The names of its scenarios, in order: its files but the one that they share.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn scenarios(self) -> Result<Vec<String>, String> {
        let mut names: Vec<String> = self
            .files()?
            .iter()
            .filter_map(|file| file.file_stem().and_then(OsStr::to_str).map(str::to_owned))
            .filter(|name| name != "support")
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    fn files(self) -> Result<Vec<PathBuf>, String> {
        let folder = self.folder();
        let entries = read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let files = entries.flatten().map(|entry| entry.path());
        Ok(files.filter(|file| file.extension().is_some_and(|found| found == self.extension())).collect())
    }

    /// The command that runs a scenario, without its arguments. It may put files into `scratch`. The client is installed
    /// now if that was not done yet.
    ///
    /// # Errors
    ///
    /// When it cannot be installed; the text holds what the installer said.
    pub fn command(self, scenario: &str, scratch: &Path) -> Result<Command, String> {
        let file = format!("{scenario}.{}", self.extension());
        let mut command = Command::new("setpriv");
        // It ends with the test that runs it.
        command.args(["--pdeathsig", "KILL"]);
        match self {
            Self::PythonV4 => {
                let packages = include_str!("../clients/python_v4/requirements.txt");
                self.python(&mut command, "weaviate-4.23.1", packages)?;
                command.arg(self.folder().join(file));
            }
            Self::PythonV3 => {
                let packages = include_str!("../clients/python_v3/requirements.txt");
                self.python(&mut command, "weaviate-3.26.7", packages)?;
                command.arg(self.folder().join(file));
            }
            Self::TypescriptV3 => {
                command.arg("node").arg(self.beside(scratch, "weaviate-3.12.1")?.join(file));
            }
            Self::TypescriptV2 => {
                command.arg("node").arg(self.beside(scratch, "weaviate-ts-2.2.0")?.join(file));
            }
            Self::Curl => {
                command.arg("bash").arg(self.folder().join(file));
            }
        }
        // A proxy of the machine is for the package index, not for the server.
        command.env("no_proxy", "127.0.0.1,localhost").env("NO_PROXY", "127.0.0.1,localhost");
        Ok(command)
    }

    /// A warning ends the scenario, and nothing is written beside the sources.
    fn python(self, command: &mut Command, name: &str, packages: &str) -> Result<(), String> {
        let packages: Vec<&str> = packages.lines().collect();
        let program = python::environment(name, &packages)?.join("python");
        command.arg(program).args(["-B", "-W", "error"]);
        Ok(())
    }

    /// The scenarios in a folder with the packages, where Node looks for them: beside the file that imports them.
    fn beside(self, scratch: &Path, name: &str) -> Result<PathBuf, String> {
        let programs = node::packages(name, &self.folder())?;
        let packages = programs.parent().ok_or_else(|| format!("{} is no folder", programs.display()))?;
        let folder = scratch.join("scenarios");
        let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
        create_dir_all(&folder).map_err(failed)?;
        for file in self.files()? {
            copy(&file, folder.join(file.file_name().unwrap_or_default())).map_err(failed)?;
        }
        symlink(packages, folder.join("node_modules")).map_err(failed)?;
        Ok(folder)
    }
}

/// What a program did.
#[derive(Debug)]
pub struct Done {
    /// How it ended; `None` if it was ended because it took too long.
    pub status: Option<ExitStatus>,
    /// What it wrote to standard output.
    pub said: String,
    /// What it wrote to standard error.
    pub complained: String,
}

/// Runs a program to its end, or to the limit; what it writes goes through files in `scratch`.
///
/// # Errors
///
/// When it cannot be started, or its output cannot be read.
pub fn run(mut command: Command, scratch: &Path, limit: Duration) -> Result<Done, String> {
    let failed = |e: std::io::Error| format!("{command:?}: {e}");
    let [said, complained] = ["said", "complained"].map(|name| scratch.join(name));
    let (out, errors) = (File::create(&said).map_err(failed)?, File::create(&complained).map_err(failed)?);
    command.stdin(Stdio::null()).stdout(out).stderr(errors);
    let failed = |e: std::io::Error| format!("{e}; setpriv comes with util-linux");
    let mut child = command.spawn().map_err(failed)?;
    let until = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            break Some(status);
        }
        if Instant::now() > until {
            child.kill().and_then(|()| child.wait()).map_err(failed)?;
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let text = |path: &Path| read_to_string(path).map_err(|e| format!("{}: {e}", path.display()));
    Ok(Done { status, said: text(&said)?, complained: text(&complained)? })
}
