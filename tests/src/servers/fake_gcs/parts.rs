//! Uploads in parts: the XML API.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode};

use super::state::{State, Upload, crc32c, status};
use super::{Answer, Asked};

/// Least bytes of a part that is not the last.
const LEAST: usize = 5 << 20;

fn refuse(code: StatusCode, word: &str) -> Response {
    let mut answer =
        Response::new(Body::from(format!("<?xml version='1.0'?><Error><Code>{word}</Code></Error>")));
    *answer.status_mut() = code;
    answer
}

pub(super) fn answer(state: &mut State, name: &str, asked: &Asked) -> Answer {
    let (id, number) = (asked.query("uploadId"), asked.query("partNumber"));
    match (&asked.parts.method, id, number) {
        (&Method::POST, None, None) if asked.query("uploads").is_some() => begin(state, name, asked),
        (&Method::PUT, Some(id), Some(number)) => put(state, name, id, number, asked),
        (&Method::POST, Some(id), None) => finish(state, name, id, asked),
        (&Method::DELETE, Some(id), None) => match state.uploads.remove(id) {
            Some(_) => Ok(status(StatusCode::NO_CONTENT)),
            None => Err(refuse(StatusCode::NOT_FOUND, "NoSuchUpload")),
        },
        _ => Err(refuse(StatusCode::BAD_REQUEST, "InvalidArgument")),
    }
}

fn begin(state: &mut State, name: &str, asked: &Asked) -> Answer {
    if !asked.body.is_empty() {
        return Err(refuse(StatusCode::BAD_REQUEST, "InvalidArgument"));
    }
    let id = format!("upload/{}+", state.unique());
    let media = asked.header("content-type").unwrap_or_default().to_owned();
    let text =
        format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>");
    state.uploads.insert(id, Upload { name: name.to_owned(), media, parts: Default::default() });
    Ok(Response::new(Body::from(text)))
}

fn put(state: &mut State, name: &str, id: &str, number: &str, asked: &Asked) -> Answer {
    let etag = format!("\"{:016x}\"", state.unique());
    let upload = state.uploads.get_mut(id).filter(|upload| upload.name == name);
    let upload = upload.ok_or_else(|| refuse(StatusCode::NOT_FOUND, "NoSuchUpload"))?;
    let number: u32 = number.parse().map_err(|_| refuse(StatusCode::BAD_REQUEST, "InvalidArgument"))?;
    let hash = asked.header("x-goog-hash").and_then(|hash| hash.strip_prefix("crc32c="));
    if hash.is_some_and(|hash| hash != crc32c(&asked.body)) {
        return Err(refuse(StatusCode::BAD_REQUEST, "BadDigest"));
    }
    let mut answer = status(StatusCode::OK);
    let header =
        HeaderValue::from_str(&etag).map_err(|_| refuse(StatusCode::BAD_REQUEST, "InvalidArgument"))?;
    answer.headers_mut().insert("etag", header);
    upload.parts.insert(number, (etag, asked.body.clone()));
    Ok(answer)
}

fn finish(state: &mut State, name: &str, id: &str, asked: &Asked) -> Answer {
    let bad = |word| refuse(StatusCode::BAD_REQUEST, word);
    let upload = state.uploads.get(id).filter(|upload| upload.name == name);
    let upload = upload.ok_or_else(|| refuse(StatusCode::NOT_FOUND, "NoSuchUpload"))?;
    let text = std::str::from_utf8(&asked.body).map_err(|_| bad("MalformedXML"))?;
    let mut content = Vec::new();
    let mut before = 0;
    let wanted: Vec<&str> = text.split("<Part>").skip(1).collect();
    for (at, part) in wanted.iter().enumerate() {
        let between =
            |open: &str, close: &str| part.split_once(open)?.1.split_once(close).map(|(value, _)| value);
        let number = between("<PartNumber>", "</PartNumber>").and_then(|n| n.parse::<u32>().ok());
        let number = number.ok_or_else(|| bad("MalformedXML"))?;
        let etag = between("<ETag>", "</ETag>").ok_or_else(|| bad("MalformedXML"))?.replace("&quot;", "\"");
        if number <= before {
            return Err(bad("InvalidPartOrder"));
        }
        before = number;
        let (known, bytes) = upload.parts.get(&number).ok_or_else(|| bad("InvalidPart"))?;
        if *known != etag {
            return Err(bad("InvalidPart"));
        }
        if at + 1 < wanted.len() && bytes.len() < LEAST {
            return Err(bad("EntityTooSmall"));
        }
        content.extend_from_slice(bytes);
    }
    let media = upload.media.clone();
    state.uploads.remove(id);
    state.store(name, content.into(), &media);
    Ok(Response::new(Body::from(
        "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>",
    )))
}
