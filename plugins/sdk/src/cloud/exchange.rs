//! Lets the credential providers of reqsign work through the host: requests go by its egress, files by its grants.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use ::http::{Request, Response, Uri};
use bytes::Bytes;
use reqsign_core::{FileRead, HttpSend};

use crate::http::{Body, retry_after_ms, send};
use crate::types::{Error, ErrorKind, Outcome};
use crate::{error, host};

/// Most bytes of an answer with credentials.
const MAX_ANSWER: usize = 256 << 10;

/// Runs a future that never waits, as everything it calls blocks; `None` should it wait all the same.
pub fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Sends requests for credentials, and remembers one that failed for a reason that may pass: reqsign tells such failures no
/// differently from wrong credentials.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    failure: Arc<Mutex<Option<Error>>>,
    instead: Option<Uri>,
}

impl Wire {
    /// Sends every request to another origin than it names, for providers whose address cannot be set.
    ///
    /// # Errors
    ///
    /// `invalid-config` for what is no URI.
    pub fn instead(origin: &str) -> Result<Self, Error> {
        let wrong = |_| error::invalid_config(format!("{origin:?} is no address of a server"));
        Ok(Self { failure: Arc::default(), instead: Some(origin.parse().map_err(wrong)?) })
    }

    fn target(&self, uri: &Uri) -> Uri {
        let Some(instead) = &self.instead else { return uri.clone() };
        let mut parts = instead.clone().into_parts();
        parts.path_and_query = uri.path_and_query().cloned();
        Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
    }

    /// What came of asking `from` for the credentials of `who`.
    ///
    /// # Errors
    ///
    /// `transient` or `throttled` for a failure that may pass, else `unauthenticated`.
    pub fn outcome<T>(
        &self,
        from: &str,
        who: &str,
        found: Option<reqsign_core::Result<Option<T>>>,
    ) -> Result<T, Error> {
        let passing = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        match found {
            None => Err(error::internal("fetching credentials did not end")),
            Some(Ok(Some(value))) => Ok(value),
            Some(found) => {
                let why = match (&passing, found) {
                    (Some(passing), _) => passing.message.clone(),
                    (None, Err(e)) => e.to_string(),
                    (None, Ok(_)) => "it has none".to_owned(),
                };
                let message = format!("{from} gave no credentials for {who}: {why}");
                Err(match passing {
                    // Nothing was asked of the store yet.
                    Some(passing) => Error { message, outcome: Outcome::NoEffect, ..passing },
                    None => error::unauthenticated(message),
                })
            }
        }
    }

    fn remember(&self, error: Error) -> String {
        let message = error.message.clone();
        if matches!(error.kind, ErrorKind::Transient | ErrorKind::Throttled) {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        message
    }
}

impl HttpSend for Wire {
    async fn http_send(&self, request: Request<Bytes>) -> reqsign_core::Result<Response<Bytes>> {
        let (mut parts, body) = request.into_parts();
        parts.uri = self.target(&parts.uri);
        let failed = |e: Error| reqsign_core::Error::unexpected(self.remember(e));
        let response = send(&parts, Body::Bytes(&body)).map_err(failed)?;
        let status = response.status;
        let passing = match status.as_u16() {
            429 | 503 => Some(error::throttled(format!("HTTP {status}"))),
            // The metadata service of Azure answers 410 while it is updated.
            408 | 410 | 500..=599 => Some(error::transient(format!("HTTP {status}"))),
            _ => None,
        };
        if let Some(passing) = passing {
            let retry_after_ms = retry_after_ms(&response.headers);
            self.remember(Error { retry_after_ms, http_status: Some(status.as_u16()), ..passing });
        }
        let mut answer = Response::new(Bytes::from(response.read(MAX_ANSWER).map_err(failed)?));
        *answer.status_mut() = status;
        *answer.headers_mut() = response.headers.clone();
        Ok(answer)
    }
}

/// Reads the file that this setting names, as it is at that moment. What path is asked for does not count: only settings are
/// granted, each to the path that it holds.
#[derive(Clone, Copy, Debug)]
pub struct SettingFile(pub &'static str);

impl FileRead for SettingFile {
    async fn file_read(&self, path: &str) -> reqsign_core::Result<Vec<u8>> {
        host::read_file(self.0).map_err(|e| {
            reqsign_core::Error::config_invalid(format!("the file `{path}` cannot be read: {e}"))
        })
    }
}
