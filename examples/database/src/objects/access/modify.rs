//! Changing an object as it is stored, so that no other write comes between reading and writing.

use siltstone::Result;
use siltstone::model::ShardId;
use uuid::Uuid;

use super::{missing, read};
use crate::objects::{Change, Object};
use crate::{Database, engine::sync::lock};

impl Database {
    /// Changes an object; one that does not exist is [`siltstone::ErrorKind::NotFound`]. Nothing is written if `change`
    /// fails.
    pub(crate) fn modify(
        &self,
        shard: &ShardId,
        id: Uuid,
        change: impl FnOnce(&mut Object) -> Result<()>,
    ) -> Result<()> {
        let lease = self.serving(shard)?;
        lease.wait_for_room()?;
        let _alone = lock(&lease.write);
        let mut object = read(&lease, id)?.ok_or_else(|| missing("change object", id))?;
        change(&mut object)?;
        self.commit(&[(&lease, &[Change::Put(object)])])
    }
}
