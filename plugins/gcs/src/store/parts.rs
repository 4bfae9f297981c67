//! Uploads in parts.

use http::{Method, Request};
use siltstone_plugin_sdk::cloud::{Upload as CloudUpload, without_gap};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::http::{Body, Response};
use siltstone_plugin_sdk::io::Blob;
use siltstone_plugin_sdk::types::{Error, ErrorKind, ObjectMeta, Precondition};

use super::{Attributes, MAX_DOCUMENT, Store, checksum, no_digest};
use crate::config::Uploads;
use crate::failure::Asked;
use crate::reply::{self, Object, Rewrite};
use crate::request::{FIELDS, Properties, complete_body, condition, crc32c};
use crate::upload::{Session, Span, State, Tag, Upload, Way, temporary_key};

/// Steps in which an object gets its key: one, unless it is large and goes far.
const MAX_STEPS: usize = 1_000;
/// Most bytes of a URI of a session.
const MAX_URI: usize = 3_000;

impl Store {
    /// See `multipart-start` of the contract.
    pub fn start(
        &self,
        key: &str,
        part_size: u64,
        total: Option<u64>,
        when: &Precondition,
        with: &Attributes,
    ) -> Result<String, Error> {
        let properties = Properties::new(with)?;
        // A condition that cannot hold is refused before anything is sent.
        condition(when)?;
        let is_direct = self.config.uploads == Uploads::Parts && matches!(when, Precondition::None);
        let temporary = (!is_direct).then(|| temporary_key(with));
        let target = temporary.as_deref().unwrap_or(key);
        let doing = format!("begin {key}");
        let asked = Asked { doing: &doing, changes: true, condition: &Precondition::None };
        let way = match self.config.uploads {
            Uploads::Parts => {
                let request = properties.add(self.config.xml(Method::POST, target, &[("uploads", "")]));
                let response = self.ask(request, Body::Empty, asked)?;
                let id = response.read(MAX_DOCUMENT).and_then(|body| reply::upload_id(&body));
                Way::Parts(id.map_err(error::outcome_unknown)?)
            }
            Uploads::Session => {
                let resource = properties.resource(&self.config.prefix.full(target), None);
                let media = properties.content_type.as_deref().unwrap_or("application/octet-stream");
                let request = self
                    .config
                    .upload(&[("uploadType", "resumable")])
                    .header("content-type", "application/json; charset=UTF-8")
                    .header("x-upload-content-type", media);
                let response = self.ask(request, Body::Bytes(&resource), asked)?;
                let uri = response.header("location").unwrap_or_default();
                // The bytes and the token go where the settings say, whatever an answer says.
                if !uri.starts_with(&format!("{}/", self.config.endpoint)) || uri.len() > MAX_URI {
                    return Err(error::corrupt(format!(
                        "cannot {doing}: the service answers with a session at another address than {}",
                        self.config.endpoint
                    )));
                }
                Way::Session(Session { uri: uri.to_owned(), part_size, total })
            }
        };
        Upload { state: State { temporary, way }, condition: when.clone() }.token()
    }

    /// See `multipart-put` of the contract.
    pub fn put_part(&self, key: &str, token: &str, number: u32, body: &Blob) -> Result<String, Error> {
        let upload: Upload = CloudUpload::known(key, token)?;
        let doing = format!("put part {number} of {key}");
        match &upload.state.way {
            Way::Parts(id) => {
                let part = number.to_string();
                let query = [("partNumber", part.as_str()), ("uploadId", id)];
                let request = self
                    .config
                    .xml(Method::PUT, upload.state.target(key), &query)
                    .header("x-goog-hash", format!("crc32c={}", checksum(body)?));
                let asked = Asked { doing: &doing, changes: true, condition: &Precondition::None };
                let response = self.ask(request, Body::Blob(body), asked)?;
                let tag = response.header("etag").map(str::to_owned);
                tag.ok_or_else(|| error::corrupt(format!("cannot {doing}: the service tells no etag")))
            }
            Way::Session(session) => {
                let span = session.span(number, body.size())?;
                self.continue_session(session, span, body, &doing)?;
                let crc32c = body.digests().crc32c.ok_or_else(no_digest)?;
                Ok(Tag { size: body.size(), crc32c }.text())
            }
        }
    }

    /// Sends a part until the session has all of it. Bytes that it has already, since the part was sent before, it ignores;
    /// or it refuses them, and is asked how many it has.
    fn continue_session(&self, session: &Session, span: Span, body: &Blob, doing: &str) -> Result<(), Error> {
        let mut kept = span.start;
        let mut tries = 0;
        while kept < span.end {
            let total = if span.is_last { span.end.to_string() } else { "*".to_owned() };
            let range = format!("bytes {kept}-{}/{total}", span.end - 1);
            let now = match self.ask_session(session, &range, Body::Rest(body, kept - span.start), doing) {
                Ok(response) if response.status.as_u16() == 308 => {
                    reply::persisted(response.header("range"))?
                }
                Ok(_) => return Ok(()),
                Err(error) if error.http_status == Some(400) => {
                    let response = self.ask_session(session, "bytes */*", Body::Empty, doing)?;
                    let now = match response.status.as_u16() {
                        308 => reply::persisted(response.header("range"))?,
                        _ => return Ok(()),
                    };
                    if now <= kept {
                        return Err(error);
                    }
                    now
                }
                Err(error) => return Err(error),
            };
            if now < span.start {
                return Err(error::internal(format!(
                    "cannot {doing}: the session has {now} bytes, and the part begins at {}",
                    span.start
                )));
            }
            tries = if now > kept { 0 } else { tries + 1 };
            if tries > 1 {
                return Err(error::transient(format!("cannot {doing}: the session keeps no more bytes")));
            }
            kept = now;
        }
        Ok(())
    }

    fn ask_session(
        &self,
        session: &Session,
        range: &str,
        body: Body<'_>,
        doing: &str,
    ) -> Result<Response, Error> {
        let request = Request::put(&session.uri).header("content-range", range);
        let asked = Asked { doing, changes: true, condition: &Precondition::None };
        self.ask_for(request, body, asked, |status| (200..300).contains(&status) || status == 308)
    }

    /// See `multipart-finish` of the contract.
    pub fn finish(&self, key: &str, token: &str, tags: &[(u32, String)]) -> Result<ObjectMeta, Error> {
        let upload: Upload = CloudUpload::known(key, token)?;
        without_gap(key, tags)?;
        let state = &upload.state;
        let doing = format!("finish {key}");
        match &state.way {
            Way::Parts(id) => {
                let body = complete_body(tags.iter().map(|(number, tag)| (*number, tag.as_str())));
                let request = self
                    .config
                    .xml(Method::POST, state.target(key), &[("uploadId", id)])
                    .header("content-type", "application/xml");
                let asked = Asked { doing: &doing, changes: true, condition: &Precondition::None };
                match self.ask(request, Body::Bytes(&body), asked) {
                    Ok(response) => {
                        // It may fail after its head was sent.
                        let answer = response.read(MAX_DOCUMENT).map_err(error::outcome_unknown)?;
                        if let Some(fault) = reply::fault(&answer) {
                            return Err(error::outcome_unknown(error::transient(format!(
                                "cannot {doing}: {}: {}",
                                fault.reason, fault.message
                            ))));
                        }
                    }
                    // An earlier try got as far as the temporary object.
                    Err(error) if error.kind == ErrorKind::NotFound && state.temporary.is_some() => {
                        let missing = |e: Error| if e.kind == ErrorKind::NotFound { error } else { e };
                        self.look(state.target(key)).map_err(missing)?;
                    }
                    Err(error) => return Err(error),
                }
            }
            Way::Session(session) => {
                let tags: Result<Vec<Tag>, Error> = tags.iter().map(|(_, tag)| Tag::parse(tag)).collect();
                let whole = Tag::joined(tags?);
                self.end_session(session, whole, state.target(key), &doing)?;
            }
        }
        match &state.temporary {
            None => self.head(key).map_err(error::outcome_unknown),
            Some(temporary) => self.name(temporary, key, &upload.condition, &doing),
        }
    }

    /// Makes the session an object, if its last part did not, and checks that it is what was sent.
    fn end_session(&self, session: &Session, whole: Tag, target: &str, doing: &str) -> Result<(), Error> {
        let range = format!("bytes */{}", whole.size);
        match self.ask_session(session, &range, Body::Empty, doing) {
            Ok(response) if response.status.as_u16() == 308 => {
                return Err(error::not_found(format!("cannot {doing}: parts are missing")));
            }
            // Emulators forget a session with its last byte: the object says whether that came.
            Err(error) if error.kind != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let object: Object = self.look(target)?;
        let checksum = crc32c(whole.crc32c);
        self.keep_if_whole(target, doing, &object, whole.size, &checksum).map(|_| ()).map_err(|e| {
            // What was sent cannot be taken back; sending the end once more would not change it.
            error::corrupt(e.message)
        })
    }

    /// Gives a temporary object its key, under the condition.
    fn name(&self, from: &str, key: &str, when: &Precondition, doing: &str) -> Result<ObjectMeta, Error> {
        let conditions = condition(when)?;
        let asked = Asked { doing, changes: true, condition: when };
        let mut token: Option<String> = None;
        for _ in 0..MAX_STEPS {
            let mut query: Vec<(&str, &str)> =
                conditions.iter().map(|(name, value)| (*name, value.as_str())).collect();
            query.extend(token.as_deref().map(|token| ("rewriteToken", token)));
            let fields = format!("done,rewriteToken,resource({FIELDS})");
            query.push(("fields", &fields));
            let response = self.ask(self.config.rewrite(from, key, &query), Body::Empty, asked)?;
            let step = response.read(MAX_DOCUMENT).and_then(|body| reply::json::<Rewrite>(&body));
            let step = step.map_err(error::outcome_unknown)?;
            match (step.done, step.resource, step.rewrite_token) {
                (true, Some(object), _) => {
                    let meta = object.meta(key.to_owned())?;
                    // It is found and removed later if this fails.
                    let _ = self.remove(from);
                    return Ok(meta);
                }
                (false, _, Some(next)) => token = Some(next),
                _ => {
                    return Err(error::corrupt(format!(
                        "cannot {doing}: the service does not say how to go on"
                    )));
                }
            }
        }
        Err(error::transient(format!("cannot {doing}: it takes more than {MAX_STEPS} steps")))
    }

    /// See `multipart-abort` of the contract.
    pub fn abort(&self, key: &str, token: &str) -> Result<(), Error> {
        let Some(upload) = <CloudUpload<State>>::parse(token) else { return Ok(()) };
        let doing = format!("give up {key}");
        let asked = Asked { doing: &doing, changes: true, condition: &Precondition::None };
        let ended = match &upload.state.way {
            Way::Parts(id) => {
                let request = self.config.xml(Method::DELETE, upload.state.target(key), &[("uploadId", id)]);
                self.ask(request, Body::Empty, asked)
            }
            // 499 is how a session says that it is no more.
            Way::Session(session) => {
                let request = Request::delete(&session.uri);
                self.ask_for(request, Body::Empty, asked, |s| (200..300).contains(&s) || s == 499)
            }
        };
        match ended {
            Ok(_) => {}
            Err(error) if error.kind == ErrorKind::NotFound => {}
            // Emulators cannot end one; it ends by itself after a week.
            Err(error) if error.http_status == Some(501) => {}
            Err(error) => return Err(error),
        }
        match &upload.state.temporary {
            Some(temporary) => self.remove(temporary),
            None => Ok(()),
        }
    }
}
