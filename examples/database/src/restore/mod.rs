//! The database as a target of restores: staged beside the live data, checked, installed all at once.

mod check;
mod install;
mod record;

use std::collections::BTreeSet;

use siltstone::model::AttemptId;
use siltstone::source::{InstallState, NamedBlob, RestorePlan, RestoreTarget, ShardPlan, Staging};
use siltstone::{Error, ErrorKind, Result};

use crate::backup::{USERS, engine_info};
use crate::catalogue::{Catalogue, Users, expect_fits};
use crate::database::Database;
use crate::engine::folder;
use crate::engine::sync::lock;

pub(crate) use install::recover;

impl RestoreTarget for Database {
    fn admit(&self, plan: &RestorePlan) -> Result<()> {
        admit(plan, &self.engine.catalogue.current())
    }

    fn stage(&self, plan: &ShardPlan) -> Result<Staging> {
        let folder = self.engine.data.restore(plan.restore).join(folder::relative(&plan.shard));
        folder::remove(&folder)?;
        folder::create(&folder)?;
        Ok(Staging { shard: plan.shard.clone(), folder })
    }

    /// Opens a twin of the staged folder (links to the tables, copies of the rest), so that what is installed is byte for
    /// byte what the host has verified; fjall opens it for good when the shard is first used.
    fn check(&self, staged: &Staging) -> Result<()> {
        check::check(staged, self.engine.budget, self.engine.link)
    }

    fn install(&self, plan: &RestorePlan, staged: Vec<Staging>) -> Result<()> {
        let _alone = lock(&self.engine.shaping);
        admit(plan, &self.engine.catalogue.current())?;
        install::install(&self.engine.data, &self.engine.pool, &self.engine.catalogue, plan, &staged)
    }

    fn outcome(&self, restore: AttemptId) -> Result<InstallState> {
        let is_installed = self.engine.catalogue.current().has_restore(restore);
        Ok(if is_installed { InstallState::Installed } else { InstallState::Absent })
    }

    fn abort(&self, restore: AttemptId) -> Result<()> {
        let _alone = lock(&self.engine.shaping);
        let record = self.engine.data.install_record(restore);
        let catalogue = self.engine.catalogue.current();
        if record.exists() && !catalogue.has_restore(restore) {
            let read = record::Record::read(&record)?;
            install::roll_back(&self.engine.data, &catalogue, &read, &record)?;
        }
        folder::remove(&self.engine.data.restore(restore))
    }
}

/// Whether a plan can be installed into what there is.
fn admit(plan: &RestorePlan, catalogue: &Catalogue) -> Result<()> {
    let ours = engine_info();
    if plan.engine != ours {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "admit restore",
            format!(
                "the backup holds files of {} {}; this database opens {} {}",
                plan.engine.name, plan.engine.version, ours.name, ours.version
            ),
        ));
    }
    if let Some(extra) = plan.extras.iter().find(|e| e.name != USERS) {
        let message = format!("this database has no state named `{}`", extra.name);
        return Err(Error::new(ErrorKind::Unsupported, "admit restore", message));
    }
    users(plan)?;
    let mut names = BTreeSet::new();
    for collection in &plan.collections {
        expect_fits(collection.name.as_str(), &collection.schema)?;
        catalogue.vacant(collection.name.as_str())?;
        if !names.insert(collection.name.as_str().to_lowercase()) {
            return Err(taken(format!("name `{}` stands twice in the restore", collection.name)));
        }
    }
    for alias in plan.collections.iter().flat_map(|c| &c.aliases) {
        let folded = alias.to_lowercase();
        let same = catalogue.collections.keys().find(|c| c.as_str().to_lowercase() == folded);
        if let Some(collection) = same {
            return Err(taken(format!("name of alias `{alias}`: collection `{collection}`")));
        }
        if names.contains(&folded) {
            return Err(taken(format!("name of alias `{alias}` as a collection of the restore")));
        }
    }
    Ok(())
}

/// The users that a plan brings, if it brings any; they take the place of those that there are.
fn users(plan: &RestorePlan) -> Result<Option<Users>> {
    let brought = plan.extras.iter().find(|e| e.name == USERS);
    let read = |e: &NamedBlob| {
        serde_json::from_slice(&e.content).map_err(|e| {
            Error::corrupt("admit restore", "the users of the backup cannot be read").with_source(e)
        })
    };
    brought.map(read).transpose()
}

fn taken(what: String) -> Error {
    Error::new(ErrorKind::AlreadyExists, "admit restore", format!("already exists: {what}"))
}

#[cfg(test)]
mod tests;
