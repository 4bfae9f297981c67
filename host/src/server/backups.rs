//! What the routes need of a host, so that their HTTP behaviour is tested without plugins and storage.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::Location;
use crate::ops::{BackendInfo, BackupRequest, Order, RestoreRequest, Status};

/// The host, as the routes see it; every method is the [`crate::Host`] method of the same name.
#[async_trait]
pub(super) trait Backups: Send + Sync {
    fn backends(&self) -> Vec<BackendInfo>;
    async fn backup(&self, request: BackupRequest) -> Result<Status>;
    async fn backup_status(&self, backend: &str, id: &str, location: &Location) -> Result<Status>;
    async fn cancel_backup(&self, backend: &str, id: &str, location: &Location) -> Result<()>;
    async fn restore(&self, request: RestoreRequest) -> Result<Status>;
    async fn restore_status(&self, backend: &str, id: &str, location: &Location) -> Result<Status>;
    async fn cancel_restore(&self, backend: &str, id: &str, location: &Location) -> Result<()>;
    async fn list(&self, backend: &str, location: &Location, order: Order) -> Result<Vec<Status>>;
}

#[async_trait]
impl Backups for crate::Host {
    fn backends(&self) -> Vec<BackendInfo> {
        Self::backends(self)
    }

    async fn backup(&self, request: BackupRequest) -> Result<Status> {
        Self::backup(self, request).await
    }

    async fn backup_status(&self, backend: &str, id: &str, location: &Location) -> Result<Status> {
        Self::backup_status(self, backend, id, location).await
    }

    async fn cancel_backup(&self, backend: &str, id: &str, location: &Location) -> Result<()> {
        Self::cancel_backup(self, backend, id, location).await
    }

    async fn restore(&self, request: RestoreRequest) -> Result<Status> {
        Self::restore(self, request).await
    }

    async fn restore_status(&self, backend: &str, id: &str, location: &Location) -> Result<Status> {
        Self::restore_status(self, backend, id, location).await
    }

    async fn cancel_restore(&self, backend: &str, id: &str, location: &Location) -> Result<()> {
        Self::cancel_restore(self, backend, id, location).await
    }

    async fn list(&self, backend: &str, location: &Location, order: Order) -> Result<Vec<Status>> {
        Self::list(self, backend, location, order).await
    }
}
