//! Resumable sessions.

use axum::body::Bytes;
use axum::response::Response;
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use super::state::{Session, State, ok, refuse, status};
use super::{Answer, Asked};

/// Every piece but the last is a multiple of this.
const UNIT: usize = 256 << 10;

pub(super) fn begin(state: &mut State, asked: &Asked) -> Answer {
    let resource: Value =
        serde_json::from_slice(&asked.body).map_err(|_| refuse(400, "parseError", "no JSON"))?;
    let name = resource["name"].as_str().ok_or_else(|| refuse(400, "required", "Required"))?.to_owned();
    let media = asked.header("x-upload-content-type").unwrap_or_default().to_owned();
    let id = format!("session-{}", state.unique());
    let uri = format!(
        "http://{}/upload/storage/v1/b/{}/o?uploadType=resumable&upload_id={id}",
        state.address, state.name
    );
    state.sessions.insert(id, Session { name, media, kept: Vec::new(), is_done: false });
    let mut answer = status(StatusCode::OK);
    let uri = HeaderValue::from_str(&uri).map_err(|_| refuse(400, "invalid", "no name for a header"))?;
    answer.headers_mut().insert("location", uri);
    Ok(answer)
}

pub(super) fn go_on(state: &mut State, id: &str, asked: &Asked) -> Answer {
    let gone = || refuse(410, "", "The session is gone.");
    let bad = |why: &str| refuse(400, "invalid", why);
    let range = asked.header("content-range").and_then(|r| r.strip_prefix("bytes "));
    let (span, total) = range.and_then(|r| r.split_once('/')).ok_or_else(|| bad("no content-range"))?;
    let total: Option<usize> =
        if total == "*" { None } else { Some(total.parse().map_err(|_| bad("no total"))?) };
    let keeps_half = state.keep_half > 0;
    let session = state.sessions.get_mut(id).ok_or_else(gone)?;
    if session.is_done {
        let name = session.name.clone();
        return ok(&state.resource(&name).unwrap_or_default());
    }
    if span != "*" {
        let (first, last) = span.split_once('-').ok_or_else(|| bad("no span"))?;
        let first: usize = first.parse().map_err(|_| bad("no first byte"))?;
        let last: usize = last.parse().map_err(|_| bad("no last byte"))?;
        if last + 1 - first != asked.body.len() {
            return Err(bad("the body has another length than the range"));
        }
        let is_last = total == Some(last + 1);
        if !is_last && !asked.body.len().is_multiple_of(UNIT) {
            return Err(bad("a piece that is not the last must be a multiple of 256 KiB"));
        }
        if first > session.kept.len() {
            return Err(bad("a piece that does not begin where the session ends"));
        }
        // What it has already it does not look at.
        let known = session.kept.len() - first;
        let mut new = asked.body.get(known..).unwrap_or_default();
        if keeps_half && new.len() > UNIT {
            new = &new[..new.len() / 2 / UNIT * UNIT];
            state.keep_half -= 1;
        }
        session.kept.extend_from_slice(new);
    }
    if total == Some(session.kept.len()) {
        session.is_done = true;
        let (name, media) = (session.name.clone(), session.media.clone());
        let content = Bytes::from(session.kept.clone());
        let made = state.store(&name, content, &media);
        return ok(&made);
    }
    if span == "*" && total.is_some_and(|total| total < session.kept.len()) {
        return Err(bad("the session has more bytes"));
    }
    let mut answer: Response = status(StatusCode::PERMANENT_REDIRECT);
    if !session.kept.is_empty() {
        let range = format!("bytes=0-{}", session.kept.len() - 1);
        answer.headers_mut().insert("range", HeaderValue::from_str(&range).map_err(|_| bad("no range"))?);
    }
    Ok(answer)
}

pub(super) fn end(state: &mut State, id: &str) -> Answer {
    match state.sessions.remove(id) {
        Some(_) => Ok(status(StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST))),
        None => Err(refuse(410, "", "The session is gone.")),
    }
}
