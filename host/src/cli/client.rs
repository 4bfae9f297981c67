//! The HTTP client of the commands that talk to a server.

use std::time::Duration;

use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

use super::args::{PlaceArgs, ServerArgs};
use super::render;
use crate::error::{Error, ErrorKind, Result};

/// Variable that names the server.
const SERVER: &str = "SILTSTONE_SERVER";
const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";

/// Header in which a server tells how far an operation is: raw bytes done, `/`, raw bytes in all.
const PROGRESS: &str = "siltstone-progress";

/// A server probes the storage before it answers, so this is generous.
const TIMEOUT: Duration = Duration::from_secs(120);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest answer: a list of very many backups.
const ANSWER_LIMIT: usize = 64 << 20;

/// A server's backup API.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    key: Option<String>,
}

/// One call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The method.
    pub(super) method: Method,
    /// What follows `/v1/backups`.
    pub(super) path: Vec<String>,
    /// Query parameters.
    pub(super) query: Vec<(&'static str, String)>,
    /// The JSON body.
    pub(super) body: Option<Value>,
}

/// A good answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// The body; null if there is none.
    pub(super) body: Value,
    /// Raw bytes done and in all, where the server tells.
    pub(super) progress: Option<(u64, u64)>,
}

impl Client {
    /// For the server that the arguments or the environment name.
    pub(super) fn new(args: &ServerArgs) -> Result<Self> {
        let address = args
            .server
            .clone()
            .or_else(|| std::env::var(SERVER).ok().filter(|s| !s.is_empty()))
            .unwrap_or_else(|| DEFAULT_SERVER.to_owned());
        let base = base(&address)?;
        // An embedder or a second client of this process may have installed one already; any of them will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("siltstone/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| Error::internal("start", "the HTTP client cannot be made").with_source(e))?;
        Ok(Self { http, base, key: args.api_key.clone().filter(|k| !k.is_empty()) })
    }

    /// Makes a call. What the server refuses is an error of the matching kind with the server's message; a server that
    /// cannot be reached is [`ErrorKind::Unavailable`].
    pub(super) async fn call(&self, call: Call) -> Result<Answer> {
        let mut request = self.http.request(call.method, self.url(&call.path, &call.query)?);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(|e| self.unreachable(&e))?;
        let status = response.status();
        let progress = response.headers().get(PROGRESS).and_then(|v| progress(v.to_str().ok()?));
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|e| self.unreachable(&e))? {
            if bytes.len() + piece.len() > ANSWER_LIMIT {
                let limit = ANSWER_LIMIT >> 20;
                return Err(Error::internal("server", format!("the answer is larger than {limit} MiB")));
            }
            bytes.extend_from_slice(&piece);
        }
        if !status.is_success() {
            return Err(refusal(status, &bytes));
        }
        let body = match bytes.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&bytes).map_err(|e| {
                Error::internal("server", format!("`{}` does not answer in JSON", self.base)).with_source(e)
            })?,
        };
        Ok(Answer { body, progress })
    }

    fn url(&self, path: &[String], query: &[(&'static str, String)]) -> Result<Url> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::invalid("start", format!("`{}` is not the address of a server", self.base)))?
            .pop_if_empty()
            .extend(["v1", "backups"])
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Error {
        let mut cause = error as &dyn std::error::Error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Error::new(
            ErrorKind::Unavailable,
            "connect",
            format!(
                "no answer from `{}`: {cause}; is the server running there? --server names another",
                self.base
            ),
        )
    }
}

/// The path of a backup, or of its restore.
pub(super) fn path(place: &PlaceArgs, id: &str, restore: Of) -> Vec<String> {
    let mut path = vec![place.backend.to_string(), id.to_owned()];
    if restore == Of::Restore {
        path.push("restore".to_owned());
    }
    path
}

/// The overrides as query parameters.
pub(super) fn query(place: &PlaceArgs) -> Vec<(&'static str, String)> {
    let pairs = [("bucket", &place.bucket), ("path", &place.path)];
    pairs.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
}

/// Which operation is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// The making of a backup.
    Backup,
    /// Its restore.
    Restore,
}

impl Of {
    /// The verb.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
        }
    }
}

fn base(address: &str) -> Result<Url> {
    Url::parse(address)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .filter(|url| url.query().is_none() && url.fragment().is_none())
        .ok_or_else(|| {
            let shown = render::plain(address);
            Error::invalid(
                "start",
                format!("`{shown}` is not the address of a server, such as {DEFAULT_SERVER}"),
            )
        })
}

fn progress(header: &str) -> Option<(u64, u64)> {
    let (done, total) = header.split_once('/')?;
    Some((done.parse().ok()?, total.parse().ok()?))
}

/// An answer that is not good, in either of the API's two shapes or none.
fn refusal(status: StatusCode, body: &[u8]) -> Error {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = match parsed["error"][0]["message"].as_str().or(parsed["message"].as_str()) {
        Some(message) => message.to_owned(),
        None => {
            let text = String::from_utf8_lossy(body);
            format!("{status} {}", text.chars().take(200).collect::<String>())
        }
    };
    let kind = match status.as_u16() {
        400 | 405 | 413 | 422 => ErrorKind::Invalid,
        401 => ErrorKind::Unauthenticated,
        403 => ErrorKind::Denied,
        404 => ErrorKind::NotFound,
        429 => ErrorKind::Throttled,
        502..=504 => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    };
    Error::new(kind, "server", render::plain(&message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> Client {
        Client::new(&ServerArgs { server: Some(address.to_owned()), api_key: None }).unwrap()
    }

    #[test]
    fn addresses_keep_their_path_and_segments_are_encoded() {
        let url = |address, query: &[(&'static str, String)]| {
            let path = ["s3".to_owned(), "a b/c".to_owned()];
            client(address).url(&path, query).unwrap().to_string()
        };
        assert_eq!(url("http://h:1", &[]), "http://h:1/v1/backups/s3/a%20b%2Fc");
        let query = [("path", "/x y".to_owned())];
        assert_eq!(url("https://h/db/", &query), "https://h/db/v1/backups/s3/a%20b%2Fc?path=%2Fx+y");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["localhost:8080", "ftp://h", "", "http://h?x=1", "unix:/a"] {
            let args = ServerArgs { server: Some(bad.to_owned()), api_key: None };
            assert_eq!(Client::new(&args).unwrap_err().kind(), ErrorKind::Invalid, "{bad}");
        }
    }

    #[test]
    fn both_shapes_of_errors_are_read() {
        let of = |status: u16, body: &str| refusal(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        let e = of(422, r#"{"error":[{"message":"id `a` is taken"}]}"#);
        assert_eq!((e.kind(), e.message()), (ErrorKind::Invalid, "id `a` is taken"));
        let e = of(404, r#"{"code":404,"message":"path was not found"}"#);
        assert_eq!((e.kind(), e.message()), (ErrorKind::NotFound, "path was not found"));
        let e = of(502, "<html>\u{1b}[2J");
        assert_eq!((e.kind(), e.message()), (ErrorKind::Unavailable, "502 Bad Gateway <html>\\u{1b}[2J"));
    }

    #[test]
    fn progress_is_two_numbers() {
        assert_eq!(progress("5/10"), Some((5, 10)));
        assert_eq!(progress("5"), None);
        assert_eq!(progress("a/10"), None);
    }
}
