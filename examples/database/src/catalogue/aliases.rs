//! Aliases: further names of collections.

use std::collections::BTreeMap;

use siltstone::model::CollectionName;
use siltstone::{Error, ErrorKind, Result};

use crate::database::Database;

impl Database {
    /// All aliases and the collections that they stand for.
    #[must_use]
    pub fn aliases(&self) -> BTreeMap<String, CollectionName> {
        self.engine.catalogue.current().aliases.clone()
    }

    /// Gives a collection another name beside its own.
    pub fn add_alias(&self, alias: &str, name: &CollectionName) -> Result<()> {
        self.engine.catalogue.change(|c| {
            c.collection(name)?;
            c.vacant(alias)?;
            c.aliases.insert(alias.to_owned(), name.clone());
            Ok(())
        })
    }

    /// Makes an alias that exists stand for another collection.
    pub fn move_alias(&self, alias: &str, name: &CollectionName) -> Result<()> {
        self.engine.catalogue.change(|c| {
            let of = c.aliases.get_mut(alias).ok_or_else(|| no_alias(alias))?;
            of.clone_from(name);
            c.collection(name).map(drop)
        })
    }

    /// Removes an alias; the collection stays.
    pub fn drop_alias(&self, alias: &str) -> Result<()> {
        self.engine.catalogue.change(|c| c.aliases.remove(alias).map(drop).ok_or_else(|| no_alias(alias)))
    }
}

fn no_alias(alias: &str) -> Error {
    Error::new(ErrorKind::NotFound, "find alias", format!("no alias `{}`", alias.escape_debug()))
}
