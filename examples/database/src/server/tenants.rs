//! Tenants of a class.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use siltstone::model::{CollectionName, TenantName, TenantState};
use siltstone::{Error, ErrorKind, Result};

use crate::Database;
use crate::objects::capitalized;
use crate::server::Server;
use crate::server::reply::{Answer, Content, ok, on, parse};

#[derive(Clone, Serialize, Deserialize)]
struct Tenant {
    name: TenantName,
    #[serde(rename = "activityStatus", default)]
    status: Option<String>,
}

impl Tenant {
    fn new(name: TenantName, state: TenantState) -> Self {
        Self { name, status: Some(status_of(state).to_owned()) }
    }

    /// The state that a client asks for, by its new name or its old one.
    fn wanted(&self) -> Result<(TenantName, TenantState)> {
        let state = match self.status.as_deref() {
            None | Some("" | "HOT" | "ACTIVE") => TenantState::Hot,
            Some("COLD" | "INACTIVE") => TenantState::Cold,
            Some("FROZEN" | "OFFLOADED") => TenantState::Offloaded,
            Some(other) => {
                let other = other.escape_debug();
                let message = format!("activityStatus `{other}` is not ACTIVE, INACTIVE or OFFLOADED");
                return Err(Error::invalid("change tenants", message));
            }
        };
        Ok((self.name.clone(), state))
    }
}

/// A state on the wire.
pub(super) fn status_of(state: TenantState) -> &'static str {
    match state {
        TenantState::Hot => "HOT",
        TenantState::Cold => "COLD",
        TenantState::Offloaded => "OFFLOADED",
    }
}

pub(super) async fn list(State(server): State<Server>, Path(class): Path<String>) -> Answer {
    let tenants = all(&server.db, &class)?.1;
    let tenants: Vec<Tenant> = tenants.into_iter().map(|(name, state)| Tenant::new(name, state)).collect();
    Ok(ok(&tenants))
}

pub(super) async fn one(
    State(server): State<Server>,
    Path((class, tenant)): Path<(String, String)>,
) -> Answer {
    match find(&server.db, &class, &tenant)? {
        Some(tenant) => Ok(ok(&tenant)),
        None => {
            let message = format!("no tenant `{}`", tenant.escape_debug());
            Err(Error::new(ErrorKind::NotFound, "get tenant", message).into())
        }
    }
}

/// 200 or 404, without a body.
pub(super) async fn exists(
    State(server): State<Server>,
    Path((class, tenant)): Path<(String, String)>,
) -> Answer {
    let found = find(&server.db, &class, &tenant)?.is_some();
    Ok(if found { StatusCode::OK } else { StatusCode::NOT_FOUND }.into_response())
}

/// Adds tenants, active or not; what is new has nothing to be offloaded.
pub(super) async fn add(
    State(server): State<Server>,
    Path(class): Path<String>,
    Content(body): Content,
) -> Answer {
    let wanted = wanted(&body)?;
    if let Some((name, _)) = wanted.iter().find(|(_, state)| *state == TenantState::Offloaded) {
        let message = format!("tenant `{name}` cannot begin as OFFLOADED: create it, then offload it");
        return Err(Error::invalid("add tenants", message).into());
    }
    change(server, class, wanted, Database::add_tenants).await
}

/// Sets the status of tenants. An offloaded one keeps its folder, since there is no other place for it, and serves
/// nothing until it is activated. As with Weaviate, backups name it and hold none of its data; their status says so.
pub(super) async fn set(
    State(server): State<Server>,
    Path(class): Path<String>,
    Content(body): Content,
) -> Answer {
    change(server, class, wanted(&body)?, Database::set_tenants).await
}

/// Drops tenants; one that does not exist is as good as dropped.
pub(super) async fn drop(
    State(server): State<Server>,
    Path(class): Path<String>,
    Content(body): Content,
) -> Answer {
    let names: BTreeSet<TenantName> = parse(&body)?;
    on(server, move |db| {
        let (class, have) = all(db, &class)?;
        let names: Vec<TenantName> = names.into_iter().filter(|name| have.contains_key(name)).collect();
        db.drop_tenants(&class, &names)
    })
    .await?;
    Ok(ok(&serde_json::json!({})))
}

type Wanted = Vec<(TenantName, TenantState)>;
type Change = fn(&Database, &CollectionName, &[(TenantName, TenantState)]) -> Result<()>;

fn wanted(body: &[u8]) -> Result<Wanted, crate::server::reply::Refusal> {
    let tenants: Vec<Tenant> = parse(body)?;
    Ok(tenants.iter().map(Tenant::wanted).collect::<Result<_>>()?)
}

async fn change(server: Server, class: String, wanted: Wanted, by: Change) -> Answer {
    let tenants = on(server, move |db| {
        by(db, &all(db, &class)?.0, &wanted)?;
        Ok(wanted.into_iter().map(|(name, state)| Tenant::new(name, state)).collect::<Vec<_>>())
    })
    .await?;
    Ok(ok(&tenants))
}

/// The class that is meant, and its tenants.
fn all(db: &Database, class: &str) -> Result<(CollectionName, BTreeMap<TenantName, TenantState>)> {
    let name = db.resolve(&capitalized(class))?;
    let tenants = db.tenants(&name)?.ok_or_else(|| {
        Error::invalid("find tenants", format!("multi-tenancy is not enabled for class `{name}`"))
    })?;
    Ok((name, tenants))
}

fn find(db: &Database, class: &str, tenant: &str) -> Result<Option<Tenant>> {
    let found = all(db, class)?.1.remove_entry(&TenantName::new(tenant)?);
    Ok(found.map(|(name, state)| Tenant::new(name, state)))
}
