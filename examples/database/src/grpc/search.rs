//! `Search`: pages of objects with the properties that were asked for.

use std::collections::BTreeMap;
use std::time::Instant;

use prost::Message;
use siltstone::model::ShardId;
use siltstone::{Error, Result};

use super::wire::properties::Properties;
use super::wire::search::{
    MetadataRequest, PropertiesRequest, PropertiesResult, RefPropertiesResult, SearchReply, SearchRequest,
    SearchResult,
};
use super::{MAX_MESSAGE, filters, metadata, outgoing};
use crate::Database;
use crate::objects::Object;
use crate::objects::filter::unsupported;
use crate::objects::reading::{Page, Reader};
use crate::objects::shape::{Kind, Shape};

/// Objects in an answer when nothing else is asked for.
const DEFAULT_LIMIT: u64 = 10;
/// Bytes of an answer beside its results.
const FRAME: u64 = 1024;
/// Bytes that lead a result, its properties and its metadata.
const LEAD: u64 = 18;

/// Answers a request for objects. A search, an order, a group or anything else that this database does not do is
/// [`siltstone::ErrorKind::Unsupported`].
pub(super) fn search(db: &Database, request: SearchRequest) -> Result<SearchReply> {
    let began = Instant::now();
    check(&request)?;
    let mut reader = Reader::new(db, MAX_MESSAGE - FRAME);
    let shard = reader.shard(&request.collection, Some(&request.tenant))?;
    let shape = reader.shape(&shard.collection)?;
    let filter = request.filters.as_ref().map(|f| filters::read(&shape, f)).transpose()?;
    let after = Some(request.after.as_str()).filter(|after| !after.is_empty());
    let limit = Some(u64::from(request.limit)).filter(|limit| *limit > 0);
    let page = Page::new(filter, after, request.offset.into(), limit, DEFAULT_LIMIT)?;
    let nothing = MetadataRequest::default();
    let wanted = request.metadata.as_ref().unwrap_or(&nothing);
    let mut results = Vec::new();
    reader.page(&shard, &page, |reader, object| -> Result<()> {
        let metadata = metadata::metadata(&object, &shape, wanted);
        reader.take(metadata.encoded_len() as u64 + LEAD)?;
        let properties = properties(reader, &shard, &object, request.properties.as_ref())?;
        results.push(SearchResult { properties: Some(properties), metadata: Some(metadata) });
        Ok(())
    })?;
    Ok(SearchReply { took: began.elapsed().as_secs_f32(), results })
}

/// Refuses what would change the answer and is not done here.
fn check(request: &SearchRequest) -> Result<()> {
    let asked = [
        (request.hybrid_search.is_some(), "a hybrid search"),
        (request.bm25_search.is_some(), "a keyword search (bm25)"),
        (request.near_vector.is_some(), "a search near a vector"),
        (request.near_object.is_some(), "a search near an object"),
        (request.near_text.is_some(), "a search near a text"),
        (request.near_image.is_some(), "a search near an image"),
        (request.near_audio.is_some(), "a search near audio"),
        (request.near_video.is_some(), "a search near a video"),
        (request.near_depth.is_some(), "a search near depth data"),
        (request.near_thermal.is_some(), "a search near thermal data"),
        (request.near_imu.is_some(), "a search near motion data"),
        (request.generative.is_some(), "generating text"),
        (request.rerank.is_some(), "ranking again"),
        (request.boost.is_some(), "boosting"),
        (request.group_by.is_some(), "grouping objects"),
        (!request.sort_by.is_empty(), "sorting objects"),
        (request.autocut > 0, "an automatic limit"),
    ];
    if let Some((_, what)) = asked.iter().find(|(is_asked, _)| *is_asked) {
        return Err(unsupported(what));
    }
    if !request.uses_127_api {
        let message = "this client wants values in an encoding from before version 1.27: use a newer client";
        return Err(Error::new(siltstone::ErrorKind::Unsupported, "query", message));
    }
    request.metadata.as_ref().map_or(Ok(()), metadata::check)
}

/// The properties of one object and, where asked for, of those that it refers to.
fn properties(
    reader: &mut Reader<'_>,
    shard: &ShardId,
    object: &Object,
    wanted: Option<&PropertiesRequest>,
) -> Result<PropertiesResult> {
    let shape = reader.shape(&shard.collection)?;
    let plain = Properties { fields: plain(object, &shape, wanted) };
    let references = wanted.map(|wanted| wanted.ref_properties.as_slice()).unwrap_or_default();
    let mut result = PropertiesResult {
        target_collection: shard.collection.to_string(),
        non_ref_props: Some(plain),
        ref_props_requested: !references.is_empty(),
        ..PropertiesResult::default()
    };
    reader.take(result.encoded_len() as u64)?;
    for wanted in references {
        let Some(value) = object.properties.get(&wanted.reference_property) else { continue };
        reader.take(wanted.reference_property.len() as u64 + LEAD)?;
        let mut found = Vec::new();
        let nothing = MetadataRequest::default();
        let about = wanted.metadata.as_ref().unwrap_or(&nothing);
        metadata::check(about)?;
        reader.follow(shard, &wanted.reference_property, value, |reader, shard, object| -> Result<()> {
            if [shard.collection.as_str(), ""].contains(&wanted.target_collection.as_str()) {
                let shape = reader.shape(&shard.collection)?;
                let mut result = properties(reader, shard, &object, wanted.properties.as_ref())?;
                let about = metadata::metadata(&object, &shape, about);
                reader.take(about.encoded_len() as u64 + LEAD)?;
                result.metadata = Some(about);
                found.push(result);
            }
            Ok(())
        })?;
        let prop_name = wanted.reference_property.clone();
        result.ref_props.push(RefPropertiesResult { properties: found, prop_name });
    }
    Ok(result)
}

/// The properties that are no references: those asked for, or all but blobs. A missing one is null.
fn plain(
    object: &Object,
    shape: &Shape,
    wanted: Option<&PropertiesRequest>,
) -> BTreeMap<String, super::wire::properties::Value> {
    let is_plain = |name: &str| match shape.get(name).map(|of| &of.kind) {
        Some(Kind::Reference(_)) => false,
        Some(_) => true,
        None => !object.properties.get(name).is_some_and(is_reference),
    };
    let mut fields = BTreeMap::new();
    let mut add = |name: &str, nested| {
        if is_plain(name) {
            let value = outgoing::value(object.properties.get(name), shape.get(name), nested);
            fields.insert(name.to_owned(), value);
        }
    };
    match wanted {
        Some(wanted) if !wanted.return_all_nonref_properties => {
            wanted.non_ref_properties.iter().for_each(|name| add(name, None));
        }
        _ => {
            let is_blob = |name: &str| shape.get(name).is_some_and(|of| of.kind == Kind::Blob);
            let listed = shape.iter().map(|(name, _)| name);
            let stored = object.properties.keys().map(String::as_str);
            listed.chain(stored).filter(|name| !is_blob(name)).for_each(|name| add(name, None));
        }
    }
    let nested = wanted.map(|wanted| wanted.object_properties.as_slice()).unwrap_or_default();
    nested.iter().for_each(|nested| add(&nested.prop_name, Some(nested)));
    fields
}

/// Whether a value that the schema does not list looks like references.
fn is_reference(value: &serde_json::Value) -> bool {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    !items.is_empty() && items.iter().all(|item| item.get("beacon").is_some())
}

#[cfg(test)]
mod tests;
