//! From the names in a request to the shard that they mean.

use serde_json::Value;
use siltstone::model::{CollectionName, ShardId, TenantName, TenantState};
use siltstone::{Error, ErrorKind, Result};

use crate::database::Database;

/// What a request is about to do with a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Reading or changing what is there.
    Access,
    /// Writing objects that may be new: may also create the tenant, if the collection allows it.
    Insert,
}

impl Database {
    /// The shard that a collection (or an alias of it; a small first letter is raised) and a tenant stand for. Naming a
    /// tenant where there are none, or none where there are, is [`ErrorKind::Invalid`]. An empty tenant is none.
    ///
    /// With `multiTenancyConfig.autoTenantCreation` in the schema an insert creates a missing tenant, and with
    /// `autoTenantActivation` a cold one becomes hot. Whether the shard exists and serves is seen when it is used.
    pub fn locate(&self, class: &str, tenant: Option<&str>, intent: Intent) -> Result<ShardId> {
        let collection = self.resolve(&capitalized(class))?;
        let tenant = tenant.filter(|t| !t.is_empty()).map(TenantName::new).transpose()?;
        let catalogue = self.engine.catalogue.current();
        let found = catalogue.collection(&collection)?;
        match (found.tenants.is_some(), &tenant) {
            (true, None) => {
                let message =
                    format!("class `{collection}` has multi-tenancy enabled, but request was without tenant");
                return Err(Error::invalid("find shard", message));
            }
            (false, Some(_)) => {
                let message =
                    format!("class `{collection}` has multi-tenancy disabled, but request was with tenant");
                return Err(Error::invalid("find shard", message));
            }
            _ => {}
        }
        let shard = ShardId { collection, tenant };
        if let Some(tenant) = &shard.tenant {
            match catalogue.state(&shard) {
                None if intent == Intent::Insert && allows(&found.schema, "autoTenantCreation") => {
                    self.begin_tenant(&shard.collection, tenant)?;
                }
                Some(TenantState::Cold) if allows(&found.schema, "autoTenantActivation") => {
                    self.set_tenants(&shard.collection, &[(tenant.clone(), TenantState::Hot)])?;
                }
                _ => {}
            }
        }
        Ok(shard)
    }

    fn begin_tenant(&self, collection: &CollectionName, tenant: &TenantName) -> Result<()> {
        match self.add_tenants(collection, &[(tenant.clone(), TenantState::Hot)]) {
            // Another request was faster.
            Err(e) if e.is(ErrorKind::AlreadyExists) => Ok(()),
            other => other,
        }
    }
}

fn allows(schema: &Value, flag: &str) -> bool {
    schema.get("multiTenancyConfig").and_then(|c| c.get(flag)) == Some(&Value::Bool(true))
}

/// Names of classes begin with a capital letter; a small one is raised, as Weaviate does.
pub(crate) fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}
