//! `TenantsGet`: the tenants of a class.

use std::collections::BTreeSet;
use std::time::Instant;

use siltstone::model::TenantState;
use siltstone::{Error, Result};

use super::wire::tenants::{ActivityStatus, Tenant, TenantsGetReply, TenantsGetRequest};
use crate::Database;
use crate::objects::capitalized;

/// Lists all tenants, or those of the names that exist.
pub(super) fn get(db: &Database, request: TenantsGetRequest) -> Result<TenantsGetReply> {
    let began = Instant::now();
    let name = db.resolve(&capitalized(&request.collection))?;
    let tenants = db.tenants(&name)?.ok_or_else(|| {
        Error::invalid("list tenants", format!("multi-tenancy is not enabled for class `{name}`"))
    })?;
    let only: Option<BTreeSet<&str>> =
        request.names.as_ref().map(|names| names.values.iter().map(String::as_str).collect());
    let is_wanted = |name: &str| only.as_ref().is_none_or(|only| only.contains(name));
    let tenants = tenants.into_iter().filter(|(name, _)| is_wanted(name.as_str())).map(|(name, state)| {
        let status = match state {
            TenantState::Hot => ActivityStatus::Hot,
            TenantState::Cold => ActivityStatus::Cold,
            TenantState::Offloaded => ActivityStatus::Frozen,
        };
        Tenant { name: name.to_string(), activity_status: status.into() }
    });
    Ok(TenantsGetReply { tenants: tenants.collect(), took: began.elapsed().as_secs_f32() })
}
