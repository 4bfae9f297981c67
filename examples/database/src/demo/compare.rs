//! Compares everything that was restored with what the backup must contain.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use siltstone::Result;
use siltstone::model::{Scope, TenantState};
use siltstone_db::{Database, Object};

use crate::demo::board::Bounds;
use crate::demo::consistency::{Seen, torn};
use crate::demo::content;
use crate::demo::dataset::{DataSet, Planned, tickets};
use crate::demo::progress::Progress;
use crate::demo::stop::Stop;
use crate::demo::writers::Written;

/// Objects that are read at once.
const PAGE: u64 = 256;
/// Most differences that are told of one shard.
const TOLD: usize = 5;

/// What is known of the backup, apart from its content.
pub(super) struct Expected<'a> {
    pub(super) data: &'a DataSet,
    pub(super) bounds: &'a Bounds,
    pub(super) written: &'a Written,
    pub(super) scope: Scope,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Objects that the backup must contain, counters of shards included.
    pub(super) objects: u64,
    /// Objects that were there and equal.
    pub(super) equal: u64,
    /// Operations of writers that are in the backup.
    pub(super) operations: u64,
    /// Everything that is not as it must be; empty is good.
    pub(super) problems: Vec<String>,
}

impl Expected<'_> {
    /// Compares a restored database; its cold tenants are activated for that.
    pub(super) fn compare(
        &self,
        restored: &Database,
        progress: &Progress,
        stop: &Stop,
    ) -> Result<Comparison> {
        let mut problems = self.shape(restored)?;
        if !problems.is_empty() {
            return Ok(Comparison { problems, ..Comparison::default() });
        }
        let hot: Vec<_> = self.data.tenants().into_iter().map(|(name, _)| (name, TenantState::Hot)).collect();
        restored.set_tenants(&tickets()?, &hot)?;

        let (objects, equal) = (AtomicU64::new(0), AtomicU64::new(0));
        let found = Mutex::new((BTreeMap::new(), Vec::new()));
        self.data.each(|shard| {
            let mut check =
                Check { shard, restored, progress, stop, objects: 0, equal: 0, problems: Vec::new() };
            let operations = check.run(self.bounds)?;
            objects.fetch_add(check.objects, Ordering::Relaxed);
            equal.fetch_add(check.equal, Ordering::Relaxed);
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.0.insert(shard.history.shard, operations);
            found.1.append(&mut check.problems);
            Ok(())
        })?;
        restored.set_tenants(&tickets()?, &self.data.tenants())?;
        let (operations, mut differences) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        problems.append(&mut differences);
        problems.extend(self.torn(&operations));
        Ok(Comparison {
            objects: objects.into_inner(),
            equal: equal.into_inner(),
            operations: operations.values().sum(),
            problems,
        })
    }

    /// Collections, definitions, tenants and their states.
    fn shape(&self, restored: &Database) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        let wanted: BTreeMap<_, _> =
            DataSet::schemas()?.into_iter().map(|(n, (schema, _))| (n, schema)).collect();
        let have: BTreeMap<_, _> = restored.schemas().into_iter().collect();
        if have != wanted {
            problems.push(format!(
                "the collections are [{}] and were [{}], or their definitions differ",
                listed(have.keys()),
                listed(wanted.keys())
            ));
            return Ok(problems);
        }
        let wanted: BTreeMap<_, _> = self.data.tenants().into_iter().collect();
        if restored.tenants(&tickets()?)?.as_ref() != Some(&wanted) {
            problems.push("the tenants, or their states, are not those that were backed up".to_owned());
        }
        Ok(problems)
    }

    fn torn(&self, operations: &BTreeMap<u64, u64>) -> Vec<String> {
        let seen: Vec<Seen<'_>> = self
            .written
            .shards
            .iter()
            .map(|lane| Seen {
                shard: &lane.shard.id,
                writer: lane.writer,
                operations: operations.get(&lane.shard.history.shard).copied().unwrap_or_default(),
                stamps: &lane.stamps,
            })
            .collect();
        torn(self.scope, &seen)
    }
}

fn listed<T: ToString>(names: impl Iterator<Item = T>) -> String {
    names.map(|n| n.to_string()).collect::<Vec<_>>().join(", ")
}

/// The comparison of one shard.
struct Check<'a> {
    shard: &'a Planned,
    restored: &'a Database,
    progress: &'a Progress,
    stop: &'a Stop,
    objects: u64,
    equal: u64,
    problems: Vec<String>,
}

impl Check<'_> {
    /// Compares all objects; how many operations the shard holds.
    fn run(&mut self, bounds: &Bounds) -> Result<u64> {
        let counter = self.restored.get(&self.shard.id, content::counter(0).id)?;
        let operations =
            counter.as_ref().and_then(|c| c.properties.get("operations")).and_then(serde_json::Value::as_u64);
        let Some(operations) = operations else {
            self.problem("its counter is missing".to_owned());
            return Ok(0);
        };
        let index = self.shard.history.shard as usize;
        let (least, most) = (bounds.least[index], bounds.most[index]);
        if operations < least || operations > most {
            self.problem(format!("it holds {operations} operations and must hold {least} to {most}"));
            if operations > most {
                return Ok(operations);
            }
        }
        let expected =
            std::iter::once(content::counter(operations)).chain(self.shard.history.after(operations));
        self.objects(expected.peekable())?;
        Ok(operations)
    }

    /// Both sides come in the order of ids.
    fn objects(&mut self, mut expected: std::iter::Peekable<impl Iterator<Item = Object>>) -> Result<()> {
        let mut after = None;
        loop {
            self.stop.check()?;
            let page = self.restored.list(&self.shard.id, after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            self.progress.add(page.len() as u64 * self.shard.history.kind.bytes_on_disk());
            for object in page {
                while let Some(lost) = expected.next_if(|e| e.id < object.id) {
                    self.objects += 1;
                    self.problem(format!("object `{}` is missing", lost.id));
                }
                match expected.next_if(|e| e.id == object.id) {
                    Some(same) => {
                        self.objects += 1;
                        if same == object {
                            self.equal += 1;
                        } else {
                            self.problem(format!("object `{}` differs", object.id));
                        }
                    }
                    None => self.problem(format!("object `{}` must not be there", object.id)),
                }
            }
        }
        for lost in expected {
            self.objects += 1;
            self.problem(format!("object `{}` is missing", lost.id));
        }
        Ok(())
    }

    fn problem(&mut self, text: String) {
        if self.problems.len() < TOLD {
            self.problems.push(format!("shard `{}`: {text}", self.shard.id));
        }
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
