//! What a benchmark answers: the machine, rows of figures, and the goals that they are held against.

use std::fmt::Write as _;
use std::io::Write as _;

use serde::Serialize;

use crate::Result;
use crate::machine::Machine;

/// One benchmark.
#[derive(Serialize)]
pub(crate) struct Report {
    benchmark: &'static str,
    machine: Machine,
    rows: Vec<Row>,
}

/// Figures about one thing.
#[derive(Serialize)]
pub(crate) struct Row {
    name: String,
    figures: Vec<Figure>,
}

/// One figure.
#[derive(Serialize)]
pub(crate) struct Figure {
    name: &'static str,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<Goal>,
}

/// What a figure shall be.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

impl Row {
    /// A row without figures.
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), figures: Vec::new() }
    }

    /// Adds a figure.
    pub(crate) fn figure(mut self, name: &'static str, value: f64) -> Self {
        self.figures.push(Figure { name, value, goal: None });
        self
    }

    /// Adds a figure that is held against a goal, where there is one.
    pub(crate) fn goal(mut self, name: &'static str, value: f64, goal: Option<Goal>) -> Self {
        self.figures.push(Figure { name, value, goal });
        self
    }
}

impl Report {
    /// Of rows.
    pub(crate) fn new(benchmark: &'static str, machine: Machine, rows: Vec<Row>) -> Self {
        Self { benchmark, machine, rows }
    }

    /// As one JSON object.
    pub(crate) fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// As a table.
    pub(crate) fn text(&self) -> String {
        let mut out = format!("{}\n{}\n", self.benchmark, self.machine);
        for row in &self.rows {
            let _ = writeln!(out, "\n{}", row.name);
            for figure in &row.figures {
                let _ = write!(out, "  {:<28}{:>10}", figure.name, number(figure.value));
                let _ = match figure.goal {
                    Some(goal) => writeln!(out, "   {}", told(goal, figure.value)),
                    None => writeln!(out),
                };
            }
        }
        out
    }
}

fn told(goal: Goal, value: f64) -> String {
    let word = if goal.is_met(value) { "ok" } else { "MISSED" };
    match goal {
        Goal::AtMost(most) => format!("{word:<6} at most {}", number(most)),
        Goal::AtLeast(least) => format!("{word:<6} at least {}", number(least)),
    }
}

fn number(value: f64) -> String {
    if value >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// Writes to standard output.
pub(crate) fn print(text: &str) -> Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

/// Writes a line to standard error; there is nowhere to complain when that fails.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
