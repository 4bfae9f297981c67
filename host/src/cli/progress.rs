//! The progress bar on standard error; nothing is drawn where that is not a terminal.

use std::borrow::Cow;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

const WAITING: &str = "{spinner} {msg} {elapsed}";
const MOVING: &str =
    "{msg} [{bar:30}] {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left";

/// A bar: a spinner until the total is known.
#[derive(Debug)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// Begins to draw.
    pub(super) fn new(message: String) -> Self {
        let bar = ProgressBar::new_spinner().with_message(message);
        if let Ok(style) = ProgressStyle::with_template(WAITING) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// Shows how far it is, in bytes; a total of 0 is not known.
    pub(super) fn update(&self, done: u64, total: u64) {
        if total == 0 {
            return;
        }
        if self.0.length().is_none()
            && let Ok(style) = ProgressStyle::with_template(MOVING)
        {
            self.0.set_style(style.progress_chars("=> "));
            // What a rate is measured from: bytes that were done before the first look are not part of it.
            self.0.reset_eta();
        }
        self.0.set_length(total);
        self.0.set_position(done.min(total));
    }

    /// Says something else from now on.
    pub(super) fn say(&self, message: impl Into<Cow<'static, str>>) {
        self.0.set_message(message);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_valid_and_the_bar_follows() {
        assert!(
            ProgressStyle::with_template(WAITING).is_ok() && ProgressStyle::with_template(MOVING).is_ok()
        );
        let bar = Bar::new("backup".to_owned());
        bar.update(7, 0);
        assert_eq!(bar.0.length(), None);
        bar.update(7, 10);
        bar.update(11, 10);
        assert_eq!((bar.0.position(), bar.0.length()), (10, Some(10)));
    }
}
