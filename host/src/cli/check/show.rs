//! A certificate as text and as JSON.

use serde_json::{Value, json};

use super::certificate::Certificate;
use crate::cli::render::{bytes, columns, plain, table};
use crate::cli::report::{Exit, Report};
use crate::conformance::{CaseReport, Figure, Outcome};
use crate::model::Timestamp;
use crate::storage::{Capabilities, PartOrder};

const HOST: &str = env!("CARGO_PKG_VERSION");

impl Certificate {
    /// What the command has to say.
    pub(super) fn report(&self) -> Report {
        let failure =
            (!self.passed()).then(|| (Exit::Failed, format!("the plugin did not pass: {}", self.worst())));
        Report { text: self.text(), json: self.json(), failure }
    }

    /// The first thing that is wrong.
    fn worst(&self) -> String {
        let first = self.failed().next().map(|row| match &row.outcome {
            Outcome::Failed(reason) => format!("{}: {reason}", words(row.name)),
            _ => words(row.name),
        });
        first.unwrap_or_else(|| "checks were not run".to_owned())
    }

    fn count(&self, is: impl Fn(&Outcome) -> bool) -> usize {
        self.rows.iter().filter(|row| is(&row.outcome)).count()
    }

    fn text(&self) -> String {
        let unknown = || "not known".to_owned();
        let (name, version, interface) = match &self.about {
            Some(about) => (about.name.clone(), about.version.clone(), about.interface.clone()),
            None => (unknown(), unknown(), unknown()),
        };
        let keys = match (self.check.many, self.check.most) {
            (many, most) if most > many => format!("{many} to {most}"),
            (many, _) => many.to_string(),
        };
        let tried =
            format!("{keys} keys, objects of {}, {} rounds", bytes(self.check.large), self.check.rounds);
        let mut head = vec![
            ("plugin", name),
            ("version", version),
            ("component", format!("{} ({})", self.source, bytes(self.bytes as u64))),
            ("SHA-256", self.sha256.clone()),
            ("interface", format!("siltstone:storage {interface}")),
            ("host", format!("siltstone {HOST}")),
            ("location", self.home.clone().unwrap_or_else(unknown)),
            ("begun", format!("{}, took {:.1} s", self.begun, self.elapsed().as_secs_f64())),
            ("tried with", tried),
        ];
        if self.calls > 0 {
            head.push((
                "calls",
                format!("{}, of which {} were to be made again", self.calls, self.asked_again),
            ));
        }
        let mut text = format!("certificate\n{}", columns(&head));
        if let Some(capabilities) = &self.capabilities {
            text.push_str(&format!("\ncapabilities\n{}", columns(&abilities(capabilities))));
        }
        text.push('\n');
        text.push_str(&table(&self.lines()));
        if !self.figures.is_empty() {
            text.push_str("\nthroughput (no part of the verdict)\n");
            text.push_str(&table(&self.figures.iter().map(figure).collect::<Vec<_>>()));
        }
        for note in &self.notes {
            text.push_str(&format!("\nnote: {}\n", plain(note)));
        }
        text.push_str(&format!("\n{}\n", self.verdict()));
        text
    }

    fn verdict(&self) -> String {
        let all = self.rows.len();
        let passed = self.count(|o| *o == Outcome::Passed);
        let failed = self.count(|o| matches!(o, Outcome::Failed(_)));
        let idle = self.count(|o| matches!(o, Outcome::NotApplicable(_)));
        let not_run = self.count(|o| matches!(o, Outcome::NotRun(_)));
        let shown = match self.rows.iter().filter(|row| matches!(row.outcome, Outcome::NotShown(_))) {
            rows if rows.clone().count() == 0 => String::new(),
            rows => {
                let names: Vec<String> = rows.map(|row| words(row.name)).collect();
                format!("; not shown: {}", names.join(", "))
            }
        };
        let word = if self.passed() { "PASSED" } else { "FAILED" };
        format!(
            "{word}: of {all} checks {passed} passed, {failed} failed, {idle} do not apply, {not_run} were not run{shown}"
        )
    }

    /// The table, its areas set apart.
    fn lines(&self) -> Vec<Vec<String>> {
        let mut lines = vec![["CHECK", "RESULT", "TIME", "REASON"].map(str::to_owned).to_vec()];
        let mut area = "";
        for row in &self.rows {
            if row.area != area {
                area = row.area;
                lines.push(vec![area.to_owned()]);
            }
            let (result, reason) = result(row);
            let time = match row.outcome {
                Outcome::Passed | Outcome::Failed(_) => format!("{:.2} s", row.elapsed.as_secs_f64()),
                Outcome::NotApplicable(_) | Outcome::NotShown(_) | Outcome::NotRun(_) => String::new(),
            };
            let result = match result {
                "failed" => "FAILED".to_owned(),
                result => result.replace('_', " "),
            };
            lines.push(vec![format!("  {}", words(row.name)), result, time, reason]);
        }
        lines
    }

    fn json(&self) -> Value {
        let checks: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let (result, reason) = result(row);
                json!({
                    "area": row.area,
                    "check": row.name,
                    "result": result,
                    "seconds": row.elapsed.as_secs_f64(),
                    "reason": if reason.is_empty() { Value::Null } else { reason.into() },
                })
            })
            .collect();
        let throughput: Vec<Value> = self
            .figures
            .iter()
            .map(|f| json!({ "what": f.what, "how": f.how, "atOnce": f.at_once, "rate": f.rate, "unit": f.unit }))
            .collect();
        json!({
            "passed": self.passed(),
            "plugin": {
                "name": self.about.as_ref().map(|a| a.name.as_str()),
                "version": self.about.as_ref().map(|a| a.version.as_str()),
                "interface": self.about.as_ref().map(|a| a.interface.as_str()),
                "component": self.source,
                "bytes": self.bytes,
                "sha256": self.sha256,
            },
            "hostVersion": HOST,
            "location": self.home,
            "begun": self.begun,
            "ended": Timestamp::now(),
            "seconds": self.elapsed().as_secs_f64(),
            "triedWith": { "keys": self.check.many, "mostKeys": self.check.most, "largeBytes": self.check.large, "rounds": self.check.rounds },
            "calls": self.calls,
            "askedAgain": self.asked_again,
            "capabilities": self.capabilities.as_ref().map(ability_values),
            "checks": checks,
            "throughput": throughput,
            "notes": self.notes,
            "verdict": self.verdict(),
        })
    }
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

fn result(row: &CaseReport) -> (&'static str, String) {
    match &row.outcome {
        Outcome::Passed => ("passed", row.seen.clone()),
        Outcome::Failed(reason) => ("failed", reason.clone()),
        Outcome::NotApplicable(why) => ("not_applicable", why.clone()),
        Outcome::NotShown(why) => ("not_shown", why.clone()),
        Outcome::NotRun(why) => ("not_run", why.clone()),
    }
}

fn figure(figure: &Figure) -> Vec<String> {
    let Figure { what, how, at_once, rate, unit } = figure;
    let calls =
        if *at_once == 1 { "1 call at a time".to_owned() } else { format!("{at_once} calls at once") };
    vec![format!("  {what}"), how.clone(), calls, format!("{rate:.1} {unit}")]
}

/// The names of what is there, or `none`.
fn names(all: &[(&'static str, bool)]) -> String {
    let there: Vec<&str> = all.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
    if there.is_empty() { "none".to_owned() } else { there.join(", ") }
}

fn order(order: PartOrder) -> &'static str {
    match order {
        PartOrder::None => "none",
        PartOrder::InOrder => "in-order",
        PartOrder::AnyOrder => "any-order",
    }
}

fn abilities(c: &Capabilities) -> Vec<(&'static str, String)> {
    let p = &c.parts;
    let parts = match p.order {
        PartOrder::None => "none".to_owned(),
        some => format!(
            "{}, {} to {} each, a multiple of {}, at most {}",
            order(some),
            bytes(p.min_size),
            bytes(p.max_size),
            bytes(p.multiple_of),
            p.max_count
        ),
    };
    let conditions = [("if-absent", c.preconditions.if_absent), ("if-match", c.preconditions.if_match)];
    let digests = [("sha256", c.digests.sha256), ("md5", c.digests.md5), ("crc32c", c.digests.crc32c)];
    vec![
        ("largest put", bytes(c.max_put)),
        ("largest object", bytes(c.max_object)),
        ("parts", parts),
        ("conditions", names(&conditions)),
        ("digests", names(&digests)),
        ("keys per delete", c.delete_batch.to_string()),
        ("calls at once", c.in_flight.to_string()),
    ]
}

fn ability_values(c: &Capabilities) -> Value {
    json!({
        "maxPut": c.max_put,
        "maxObject": c.max_object,
        "parts": {
            "order": order(c.parts.order),
            "minSize": c.parts.min_size,
            "maxSize": c.parts.max_size,
            "multipleOf": c.parts.multiple_of,
            "maxCount": c.parts.max_count,
        },
        "ifAbsent": c.preconditions.if_absent,
        "ifMatch": c.preconditions.if_match,
        "sha256": c.digests.sha256,
        "md5": c.digests.md5,
        "crc32c": c.digests.crc32c,
        "deleteBatch": c.delete_batch,
        "inFlight": c.in_flight,
    })
}
