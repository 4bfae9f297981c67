//! Progress on standard error: a bar on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

const TEMPLATE: &str =
    "{msg:10} [{bar:30}] {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left";
/// How often a line is printed where there is no terminal.
const EVERY: Duration = Duration::from_secs(2);

/// How far a step of a known number of bytes is.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    name: &'static str,
    /// When the last line was printed; `None` on a terminal.
    printed: Option<Mutex<Instant>>,
}

impl Progress {
    /// Begins a step of so many bytes; 0 is not known yet.
    pub(super) fn new(name: &'static str, total: u64) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = if is_terminal { ProgressBar::new(total) } else { ProgressBar::hidden() };
        bar.set_length(total);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(name);
        Self { bar, name, printed: (!is_terminal).then(|| Mutex::new(Instant::now())) }
    }

    /// More bytes are done.
    pub(super) fn add(&self, bytes: u64) {
        self.bar.inc(bytes);
        self.print();
    }

    /// So many bytes of so many are done.
    pub(super) fn set(&self, done: u64, total: u64) {
        if total > 0 {
            self.bar.set_length(total);
            self.bar.set_position(done.min(total));
            self.print();
        }
    }

    fn print(&self) {
        let Some(printed) = &self.printed else { return };
        let mut last = printed.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= EVERY {
            *last = Instant::now();
            let (done, total) = (self.bar.position(), self.bar.length().unwrap_or_default());
            let seconds = self.bar.elapsed().as_secs_f64().max(1e-3);
            let rate = done as f64 / seconds;
            let left = total.saturating_sub(done) as f64 / rate.max(1.0);
            say(&format!(
                "  {}: {} of {}, {}/s, {left:.0} s left",
                self.name,
                HumanBytes(done),
                HumanBytes(total),
                HumanBytes(rate as u64)
            ));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Tells what happens next.
pub(super) fn say(line: &str) {
    // Nobody may be listening; the work goes on.
    let _ = writeln!(std::io::stderr(), "{line}");
}
