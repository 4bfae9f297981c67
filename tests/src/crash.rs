//! One round of killing a driver: what must be true of the store and of the database when the next process has started.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use siltstone::ErrorKind;
use siltstone::model::{Location, State};
use siltstone::ops::VerifyDepth;

use crate::driver::{Driver, Verb, arguments};
use crate::folder_db::Content;
use crate::ops_house::{BACKEND, House, Plan, error_of, fill, shown};

/// When a driver is killed.
#[derive(Clone, Debug)]
pub enum Moment {
    /// This long after it has said this much: the beginning of a line, and what its number has reached.
    After(&'static str, u64, Duration),
    /// At the n-th of some system calls, by strace.
    SystemCall(&'static str, u32),
}

/// What came of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It was killed before anybody was told that it had begun.
    Nothing,
    /// It was undone.
    Undone,
    /// It had taken effect.
    Done,
    /// It ended before the moment came.
    Survived,
}

/// A node `a` with data, a sound backup `good` of it, and the driver to be killed.
pub struct Arena {
    base: PathBuf,
    driver: PathBuf,
    plan: Plan,
    content: Content,
}

type Checked<T> = Result<T, String>;

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The fact, or what is violated by its absence.
fn holds(fact: Option<()>, violation: impl FnOnce() -> String) -> Checked<()> {
    fact.ok_or_else(violation)
}

impl Arena {
    /// Fills the node with about `2 * scale` bytes and makes `good`.
    pub async fn new(base: &Path, driver: &Path, scale: usize) -> Checked<Self> {
        let plan = Plan::new(base, "a").map_err(told)?;
        let a = plan.start().await.map_err(told)?;
        fill(&a.db, scale).map_err(told)?;
        let status = a.backup("good").await.map_err(told)?;
        holds((status.state == State::Success).then_some(()), || shown(&status))?;
        let content = a.db.content().map_err(told)?;
        a.stop().await;
        Ok(Self { base: base.to_path_buf(), driver: driver.to_path_buf(), plan, content })
    }

    fn run(&self, verb: Verb, node: &str, id: &str, moment: &Moment) -> Checked<(bool, Vec<String>)> {
        let delay = if verb == Verb::Backup { 1_000 } else { 0 };
        let arguments = arguments(verb, &self.base, node, id, delay);
        let mut command = match moment {
            Moment::After(..) => Command::new(&self.driver),
            Moment::SystemCall(calls, n) => {
                let mut strace = Command::new("strace");
                // Without --seccomp-bpf: with it, strace 6.1 forgets to count beyond the first call.
                strace.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
                strace.args([
                    format!("trace={calls}"),
                    "-e".into(),
                    format!("inject={calls}:signal=SIGKILL:when={n}"),
                ]);
                strace.arg(&self.driver);
                strace
            }
        };
        command.args(arguments);
        let mut driver = Driver::spawn(command).map_err(|e| format!("cannot start the driver: {e}"))?;
        let seen = match moment {
            Moment::After(word, reached, wait) => {
                driver.wait_for(|line| {
                    let number = line.split(' ').nth(1).and_then(|number| number.parse().ok());
                    line.starts_with(word) && number.unwrap_or(u64::MAX) >= *reached
                });
                std::thread::sleep(*wait);
                driver.kill().map_err(told)?
            }
            Moment::SystemCall(..) => driver.end().map_err(told)?,
        };
        let ended =
            seen.iter().any(|line| ["SUCCESS", "FAILED", "CANCELED"].iter().any(|s| line.starts_with(s)));
        Ok((ended, seen))
    }

    /// Kills a backup, and checks what the next start makes of it.
    pub async fn backup(&self, moment: &Moment) -> Checked<Outcome> {
        let (ended, seen) = self.run(Verb::Backup, "a", "x", moment)?;
        let a = self.plan.start().await.map_err(told)?;
        let outcome = self.look_at_backup(&a, ended, &seen).await;
        a.stop().await;
        outcome.map_err(|violation| format!("backup killed at {moment:?}: {violation}; it had said {seen:?}"))
    }

    async fn look_at_backup(&self, a: &House, ended: bool, seen: &[String]) -> Checked<Outcome> {
        no_leftovers(a)?;
        let place = Location::default();
        let outcome = match a.status("x").await {
            Err(e) if e.is(ErrorKind::NotFound) => {
                holds((!seen.iter().any(|l| l == "ACCEPTED")).then_some(()), || {
                    "an accepted backup is unknown".into()
                })?;
                Outcome::Nothing
            }
            Err(e) => return Err(told(e)),
            Ok(status) if status.state == State::Success => {
                let report =
                    a.host.verify(BACKEND, "x", &place, VerifyDepth::ReadData).await.map_err(told)?;
                holds(report.problems.is_empty().then_some(()), || format!("{:?}", report.problems))?;
                a.host.forget(BACKEND, "x", &place).await.map_err(told)?;
                if ended { Outcome::Survived } else { Outcome::Done }
            }
            Ok(status) => {
                let interrupted = status.state == State::Failed && error_of(&status).contains("interrupted");
                holds(interrupted.then_some(()), || shown(&status))?;
                let success = seen.iter().any(|l| l.starts_with("SUCCESS"));
                holds((!success).then_some(()), || "a SUCCESS was told and taken back".into())?;
                // The id is not burnt.
                let again = a.backup("x").await.map_err(told)?;
                holds((again.state == State::Success).then_some(()), || shown(&again))?;
                a.host.forget(BACKEND, "x", &place).await.map_err(told)?;
                Outcome::Undone
            }
        };
        let foreign: Vec<String> = a
            .objects()
            .map_err(told)?
            .into_iter()
            .filter(|name| !name.starts_with("good/") && !name.starts_with(".siltstone-tmp/none/"))
            .collect();
        holds(foreign.is_empty().then_some(()), || format!("objects stay: {foreign:?}"))?;
        Ok(outcome)
    }

    /// Kills a restore into a fresh node, and checks what the next start makes of it.
    pub async fn restore(&self, moment: &Moment) -> Checked<Outcome> {
        let root = self.base.join("r");
        let _ = std::fs::remove_dir_all(&root);
        let (ended, seen) = self.run(Verb::Restore, "r", "good", moment)?;
        let r = Plan::new(&self.base, "r").map_err(told)?.start().await.map_err(told)?;
        let outcome = self.look_at_restore(&r, ended, &seen).await;
        r.stop().await;
        outcome
            .map_err(|violation| format!("restore killed at {moment:?}: {violation}; it had said {seen:?}"))
    }

    async fn look_at_restore(&self, r: &House, ended: bool, seen: &[String]) -> Checked<Outcome> {
        no_leftovers(r)?;
        let content = r.db.content().map_err(told)?;
        let whole = content == self.content;
        holds((whole || content.is_empty()).then_some(()), || {
            format!("a mixture: {:?}", content.keys().collect::<Vec<_>>())
        })?;
        let success = seen.iter().any(|l| l.starts_with("SUCCESS"));
        holds((whole || !success).then_some(()), || "a SUCCESS was told and taken back".into())?;
        match r.host.restore_status(BACKEND, "good", &Location::default()).await {
            Err(e) if e.is(ErrorKind::NotFound) => {
                holds((!seen.iter().any(|l| l == "ACCEPTED")).then_some(()), || {
                    "an accepted restore is unknown".into()
                })?;
                holds((!whole).then_some(()), || "content without a restore".into())?;
                Ok(Outcome::Nothing)
            }
            Err(e) => Err(told(e)),
            Ok(status) if whole => {
                holds((status.state == State::Success).then_some(()), || shown(&status))?;
                Ok(if ended { Outcome::Survived } else { Outcome::Done })
            }
            Ok(status) => {
                let interrupted = status.state == State::Failed && error_of(&status).contains("interrupted");
                holds(interrupted.then_some(()), || shown(&status))?;
                let again = r.restore("good").await.map_err(told)?;
                holds((again.state == State::Success).then_some(()), || shown(&again))?;
                let restored = r.db.content().map_err(told)? == self.content;
                holds(restored.then_some(()), || "the second restore brought something else".into())?;
                Ok(Outcome::Undone)
            }
        }
    }
}

/// Whether a temporary object must have gone by now. Those that belong to no attempt, of looking at what the filesystem can do,
/// go after a day.
fn stays(name: &str) -> bool {
    name.starts_with('.') && !name.starts_with(".siltstone-tmp/none/")
}

fn no_leftovers(house: &House) -> Checked<()> {
    let left = house.local_leftovers().map_err(told)?;
    holds(left.is_empty().then_some(()), || format!("{left:?} stay"))?;
    let stay: Vec<String> = house.objects().map_err(told)?.into_iter().filter(|name| stays(name)).collect();
    holds(stay.is_empty().then_some(()), || format!("{stay:?} stay"))
}
