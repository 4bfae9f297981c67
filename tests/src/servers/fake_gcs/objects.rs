//! Whole objects: the JSON API.

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::state::{State, crc32c, ok, refuse, status};
use super::{Answer, Asked};

pub(super) fn put(state: &mut State, asked: &Asked) -> Answer {
    let (resource, content) =
        related(asked).ok_or_else(|| refuse(400, "invalid", "no multipart/related body"))?;
    let text = |name: &str| resource[name].as_str().map(str::to_owned);
    let name = text("name").ok_or_else(|| refuse(400, "required", "Required"))?;
    state.condition(&name, asked.query("ifGenerationMatch"))?;
    let (given, found) = (text("crc32c"), crc32c(&content));
    if let Some(given) = given.filter(|given| *given != found) {
        let message = format!("Provided CRC32C \"{given}\" doesn't match calculated CRC32C \"{found}\".");
        return Err(refuse(400, "invalid", &message));
    }
    let made = state.store(&name, content, &text("contentType").unwrap_or_default());
    ok(&made)
}

/// The two parts of a body: a resource and a content.
fn related(asked: &Asked) -> Option<(Value, Bytes)> {
    let boundary = asked.header("content-type")?.strip_prefix("multipart/related; boundary=")?;
    let body = &asked.body;
    let find = |from: usize, what: &str| {
        let found = body[from..].windows(what.len()).position(|window| window == what.as_bytes())?;
        Some(from + found)
    };
    let delimiter = format!("\r\n--{boundary}");
    let resource = find(0, "\r\n\r\n")? + 4;
    let middle = find(resource, &delimiter)?;
    let content = find(middle, "\r\n\r\n")? + 4;
    let end = body.len().checked_sub(delimiter.len() + 4)?;
    if body.get(end..)? != format!("{delimiter}--\r\n").as_bytes() {
        return None;
    }
    Some((serde_json::from_slice(&body[resource..middle]).ok()?, body.slice(content..end)))
}

pub(super) fn get(state: &State, name: &str, asked: &Asked) -> Answer {
    let object = state.objects.get(name).ok_or_else(|| state.missing(name))?;
    if asked.query("alt") != Some("media") {
        return ok(&state.resource(name).unwrap_or_default());
    }
    let all = &object.content;
    let Some(range) = asked.header("range") else { return Ok(Response::new(Body::from(all.clone()))) };
    let bad = || refuse(400, "invalid", "no such range");
    let (first, last) = range.strip_prefix("bytes=").and_then(|r| r.split_once('-')).ok_or_else(bad)?;
    let first: usize = first.parse().map_err(|_| bad())?;
    if first >= all.len() {
        return Err(status(StatusCode::RANGE_NOT_SATISFIABLE));
    }
    let last = if last.is_empty() { usize::MAX } else { last.parse().map_err(|_| bad())? };
    let end = last.saturating_add(1).min(all.len());
    let mut answer = Response::new(Body::from(all.slice(first..end)));
    *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    let shown = format!("bytes {first}-{}/{}", end - 1, all.len());
    answer.headers_mut().insert("content-range", HeaderValue::from_str(&shown).map_err(|_| bad())?);
    Ok(answer)
}

pub(super) fn delete(state: &mut State, name: &str, asked: &Asked) -> Answer {
    if !state.objects.contains_key(name) {
        return Err(state.missing(name));
    }
    state.condition(name, asked.query("ifGenerationMatch"))?;
    state.objects.remove(name);
    Ok(status(StatusCode::NO_CONTENT))
}

pub(super) fn list(state: &State, asked: &Asked) -> Answer {
    let prefix = asked.query("prefix").unwrap_or_default();
    let after = asked.query("pageToken").unwrap_or_default();
    let limit = asked.query("maxResults").and_then(|n| n.parse().ok()).unwrap_or(1_000).min(1_000);
    let delimiter = asked.query("delimiter");
    let (mut items, mut prefixes) = (Vec::new(), Vec::<String>::new());
    let mut last = String::new();
    let mut next = None;
    for name in state.objects.keys().filter(|name| name.starts_with(prefix)) {
        let folded = delimiter.and_then(|d| {
            name[prefix.len()..].find(d).map(|at| name[..prefix.len() + at + d.len()].to_owned())
        });
        let shown = folded.as_ref().unwrap_or(name);
        if shown.as_str() <= after || (folded.is_some() && prefixes.last() == folded.as_ref()) {
            continue;
        }
        if items.len() + prefixes.len() == limit {
            next = Some(last);
            break;
        }
        last = shown.clone();
        match folded {
            Some(folded) => prefixes.push(folded),
            None => items.extend(state.resource(name)),
        }
    }
    let mut listing = json!({ "kind": "storage#objects", "items": items, "prefixes": prefixes });
    if let Some(next) = next {
        listing["nextPageToken"] = next.into();
    }
    ok(&listing)
}

pub(super) fn rewrite(state: &mut State, from: &str, to: &str, asked: &Asked) -> Answer {
    let source = state.objects.get(from).ok_or_else(|| state.missing(from))?;
    let (content, media) = (source.content.clone(), source.media.clone());
    state.condition(to, asked.query("ifGenerationMatch"))?;
    // In two steps where the object is large, as between locations.
    if content.len() > 1 << 20 && asked.query("rewriteToken").is_none() {
        return ok(&json!({ "kind": "storage#rewriteResponse", "done": false, "rewriteToken": "more" }));
    }
    let resource = state.store(to, content, &media);
    ok(&json!({ "kind": "storage#rewriteResponse", "done": true, "resource": resource }))
}
