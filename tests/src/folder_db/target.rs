//! What a restore does to the database: staged folders become live by one rename of the catalogue.

use std::fs::{self, File};
use std::io;

use siltstone::model::{AttemptId, CollectionName, ShardId, TenantState};
use siltstone::source::{InstallState, RestorePlan, RestoreTarget, ShardPlan, Staging};
use siltstone::{Error, ErrorKind, Result};

use super::{Entry, FolderDb, Shard, read_tree};

impl RestoreTarget for FolderDb {
    fn admit(&self, plan: &RestorePlan) -> Result<()> {
        if plan.engine.name != "folders" {
            let text = format!("files of the engine `{}` mean nothing to this one", plan.engine.name);
            return Err(Error::new(ErrorKind::Unsupported, "restore", text));
        }
        let catalogue = self.lock();
        match plan.collections.iter().find(|c| catalogue.collections.contains_key(c.name.as_str())) {
            Some(c) => Err(exists(&c.name)),
            None => Ok(()),
        }
    }

    fn stage(&self, plan: &ShardPlan) -> Result<Staging> {
        let home = self.staging(plan.restore);
        fs::create_dir_all(&home).map_err(|e| Error::io("stage", &home, e))?;
        let number = fs::read_dir(&home).map_err(|e| Error::io("stage", &home, e))?.count();
        let folder = home.join(number.to_string());
        fs::create_dir(&folder).map_err(|e| Error::io("stage", &folder, e))?;
        Ok(Staging { shard: plan.shard.clone(), folder })
    }

    fn check(&self, staged: &Staging) -> Result<()> {
        self.hooks.check.pass();
        read_tree(&staged.folder).map(drop)
    }

    fn install(&self, plan: &RestorePlan, staged: Vec<Staging>) -> Result<()> {
        self.hooks.install.pass();
        let mut catalogue = self.lock();
        if let Some(c) = plan.collections.iter().find(|c| catalogue.collections.contains_key(c.name.as_str()))
        {
            return Err(exists(&c.name));
        }
        let home = plan.restore.to_string();
        let live = self.root.join("live");
        if !staged.is_empty() {
            fs::rename(self.staging(plan.restore), live.join(&home))
                .and_then(|()| File::open(&live)?.sync_all())
                .map_err(|e| Error::io("install", &live, e))?;
        }
        let mut next = catalogue.clone();
        for c in &plan.collections {
            let shard = |(id, state): &(ShardId, TenantState)| {
                let number = staged.iter().find(|s| s.shard == *id).and_then(|s| s.folder.file_name());
                let folder = match number {
                    Some(number) => format!("{home}/{}", number.to_string_lossy()),
                    None => format!("{home}/none"),
                };
                Shard { tenant: id.tenant.clone(), state: *state, folder }
            };
            let entry = Entry {
                schema: c.schema.clone(),
                aliases: c.aliases.clone(),
                shards: c.shards.iter().map(shard).collect(),
                installed_by: Some(plan.restore),
            };
            next.collections.insert(c.name.to_string(), entry);
        }
        self.save(&next)?;
        *catalogue = next;
        Ok(())
    }

    fn outcome(&self, restore: AttemptId) -> Result<InstallState> {
        let installed = self.lock().collections.values().any(|c| c.installed_by == Some(restore));
        Ok(if installed { InstallState::Installed } else { InstallState::Absent })
    }

    fn abort(&self, restore: AttemptId) -> Result<()> {
        let home = self.staging(restore);
        match fs::remove_dir_all(&home) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("abort", &home, e)),
            _ => Ok(()),
        }
    }
}

fn exists(name: &CollectionName) -> Error {
    Error::new(ErrorKind::AlreadyExists, "restore", format!("collection `{name}` already exists"))
}
