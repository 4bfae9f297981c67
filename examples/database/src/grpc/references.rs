//! `BatchReferences`: adding references to objects that exist.

use std::time::Instant;

use siltstone::{Error, Result};
use uuid::Uuid;

use super::batch::{Errors, on_wire};
use super::wire::batch::{BatchReference, BatchReferencesReply, BatchReferencesRequest};
use crate::Database;
use crate::objects::Beacon;
use crate::objects::Intent;
use crate::objects::reading::shape_of;
use crate::objects::references::NewReference;
use crate::objects::shape::Kind;

/// Answers well whatever became of each of the references.
pub(super) fn references(db: &Database, request: BatchReferencesRequest) -> Result<BatchReferencesReply> {
    let began = Instant::now();
    let errors = on_wire(add(db, &request.references));
    Ok(BatchReferencesReply { took: began.elapsed().as_secs_f32(), errors })
}

/// Adds references. What they refer to need not exist.
pub(super) fn add(db: &Database, references: &[BatchReference]) -> Errors {
    db.add_references(references.iter().map(|reference| read(db, reference)).collect())
}

fn read(db: &Database, reference: &BatchReference) -> Result<NewReference> {
    let shard = db.locate(&reference.from_collection, Some(&reference.tenant), Intent::Access)?;
    let id = Uuid::try_parse(&reference.from_uuid).map_err(|e| {
        let shown: String = reference.from_uuid.chars().take(80).flat_map(char::escape_debug).collect();
        Error::invalid("add reference", format!("`{shown}` is not a UUID")).with_source(e)
    })?;
    let mut to = Beacon::named(&reference.to_uuid)?;
    let named = reference.to_collection.clone().filter(|class| !class.is_empty());
    to.class = to.class.or(named);
    if to.class.is_none() {
        let shape = shape_of(db, &shard.collection)?;
        to.class = match shape.get(&reference.name).map(|of| &of.kind) {
            Some(Kind::Reference(classes)) if classes.len() == 1 => classes.first().cloned(),
            _ => {
                let name: String = reference.name.chars().take(80).flat_map(char::escape_debug).collect();
                let text = format!("the schema knows no single class that `{name}` refers to: name it");
                return Err(Error::invalid("add reference", text));
            }
        };
    }
    Ok(NewReference { shard, id, property: reference.name.clone(), to })
}

#[cfg(test)]
mod tests {
    use siltstone::model::{CollectionName, ShardId};

    use super::*;
    use crate::fixture::{Setup, fast_folder, open};
    use crate::{Change, Object, ShardChanges, Tenancy};

    #[test]
    fn references_are_added_to_those_that_are_there() {
        let folder = fast_folder();
        let db = open(folder.path(), &Setup::default());
        let book = CollectionName::new("Book").unwrap();
        let schema = serde_json::json!({ "properties": [{ "name": "by", "dataType": ["Author"] }] });
        db.create_collection(&book, schema, Tenancy::Single).unwrap();
        let shard = ShardId { collection: book, tenant: None };
        let object = Object {
            id: Uuid::from_u128(1),
            properties: Default::default(),
            vector: None,
            named_vectors: Default::default(),
            created_ms: 5,
            updated_ms: 5,
        };
        db.write(&[ShardChanges { shard: shard.clone(), changes: vec![Change::Put(object)] }]).unwrap();
        let reference = |name: &str, from: u128, to: Option<&str>| BatchReference {
            name: name.to_owned(),
            from_collection: "Book".to_owned(),
            from_uuid: Uuid::from_u128(from).to_string(),
            to_collection: to.map(str::to_owned),
            to_uuid: Uuid::from_u128(9).to_string(),
            tenant: String::new(),
        };
        let added = [
            reference("by", 1, None),
            reference("by", 1, Some("Editor")),
            reference("by", 2, None),
            reference("other", 1, None),
        ];
        let errors = add(&db, &added);
        assert_eq!(errors.keys().collect::<Vec<_>>(), [&2, &3]);
        assert!(errors[&2].contains("no object"), "{errors:?}");
        let object = db.get(&shard, Uuid::from_u128(1)).unwrap().unwrap();
        let classes: Vec<_> = Beacon::all(&object.properties["by"]).map(|b| b.class.unwrap()).collect();
        assert_eq!(classes, ["Author", "Editor"]);
        assert!(object.created_ms == 5 && object.updated_ms > 5);
    }
}
