//! Tenants of a class.

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use siltstone::Error;
use siltstone::model::{TenantName, TenantState};

use crate::server::Server;
use crate::server::reply::{Answer, ok, on, parse};

#[derive(Clone, Serialize, Deserialize)]
struct Tenant {
    name: TenantName,
    #[serde(rename = "activityStatus", default)]
    status: Option<String>,
}

impl Tenant {
    fn new(name: TenantName, state: TenantState) -> Self {
        let status = match state {
            TenantState::Hot => "HOT",
            TenantState::Cold => "COLD",
            TenantState::Offloaded => "OFFLOADED",
        };
        Self { name, status: Some(status.to_owned()) }
    }

    /// The state that a client asks for; `OFFLOADED` is where only a restore can bring a tenant.
    fn wanted(&self) -> siltstone::Result<(TenantName, TenantState)> {
        let state = match self.status.as_deref() {
            None | Some("" | "HOT" | "ACTIVE") => TenantState::Hot,
            Some("COLD" | "INACTIVE") => TenantState::Cold,
            Some(other) => {
                let message = format!("activityStatus `{}` is not HOT or COLD", other.escape_debug());
                return Err(Error::invalid("change tenants", message));
            }
        };
        Ok((self.name.clone(), state))
    }
}

pub(super) async fn list(State(server): State<Server>, Path(class): Path<String>) -> Answer {
    let name = server.db.resolve(&class)?;
    let tenants = server.db.tenants(&name)?.ok_or_else(|| {
        Error::invalid("list tenants", format!("multi-tenancy is not enabled for class `{name}`"))
    })?;
    let tenants: Vec<Tenant> = tenants.into_iter().map(|(name, state)| Tenant::new(name, state)).collect();
    Ok(ok(&tenants))
}

pub(super) async fn add(State(server): State<Server>, Path(class): Path<String>, body: Bytes) -> Answer {
    let tenants: Vec<Tenant> = parse(&body)?;
    let wanted = tenants.iter().map(Tenant::wanted).collect::<Result<Vec<_>, _>>()?;
    on(server, move |db| db.add_tenants(&db.resolve(&class)?, &wanted)).await?;
    Ok(ok(&tenants))
}

pub(super) async fn set(State(server): State<Server>, Path(class): Path<String>, body: Bytes) -> Answer {
    let tenants: Vec<Tenant> = parse(&body)?;
    let wanted = tenants.iter().map(Tenant::wanted).collect::<Result<Vec<_>, _>>()?;
    on(server, move |db| db.set_tenants(&db.resolve(&class)?, &wanted)).await?;
    Ok(ok(&tenants))
}

pub(super) async fn drop(State(server): State<Server>, Path(class): Path<String>, body: Bytes) -> Answer {
    let names: Vec<TenantName> = parse(&body)?;
    on(server, move |db| db.drop_tenants(&db.resolve(&class)?, &names)).await?;
    Ok(ok(&serde_json::json!({})))
}
