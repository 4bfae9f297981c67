//! A strict stand-in for Google Cloud Storage and what hands out its tokens, for the rules that no emulator keeps: tokens,
//! generations, checksums, the units of resumable sessions and the answers of sessions that keep less than was sent.
//!
//! Rules: <https://docs.cloud.google.com/storage/docs/json_api/v1>, <https://docs.cloud.google.com/storage/docs/resumable-uploads>,
//! <https://docs.cloud.google.com/storage/docs/multipart-uploads>.

#![expect(clippy::result_large_err, reason = "an answer is one, whether it refuses or not")]

mod objects;
mod parts;
mod sessions;
mod state;
mod tokens;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::response::Response;
use http::request::Parts;
use http::{Method, StatusCode};
use tokio_util::task::AbortOnDropHandle;

use state::State;
pub use tokens::KeyKind;

/// A running server with one bucket and one service account.
pub struct FakeGcs {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    _task: AbortOnDropHandle<()>,
}

/// What goes wrong with the requests to come.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// So many requests to the store are answered with this status and a `retry-after` of no time.
    Status(u16, u32),
    /// So many requests for a token are answered with this status.
    TokenStatus(u16, u32),
    /// So many pieces of sessions are kept by half only.
    KeepHalf(u32),
    /// All sessions are gone.
    SessionsGone,
    /// All tokens that were handed out are no longer accepted.
    TokensRevoked,
}

/// A request that was read.
struct Asked {
    parts: Parts,
    query: Vec<(String, String)>,
    body: Bytes,
}

impl Asked {
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What a request is answered with.
type Answer = Result<Response, Response>;

impl FakeGcs {
    /// Starts it with an empty bucket.
    ///
    /// # Errors
    ///
    /// When it cannot listen or make the key of the service account.
    pub async fn start(bucket: &str) -> Result<Self, String> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(|e| e.to_string())?;
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        let state = Arc::new(Mutex::new(State::new(bucket, address)?));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let task = tokio::spawn(async move {
            // It ends with the test.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, state, _task: AbortOnDropHandle::new(task) })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The content of a key file of this kind.
    pub fn key_file(&self, kind: KeyKind) -> String {
        self.state().key_file(kind)
    }

    /// What a workload has to show, and the secret of its machine.
    pub fn subject_token(&self) -> &'static str {
        tokens::SUBJECT
    }

    /// Makes trouble.
    pub fn make(&self, trouble: Trouble) {
        self.state().make(trouble);
    }

    /// The names of all objects.
    pub fn names(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    /// How many tokens were handed out.
    pub fn tokens(&self) -> usize {
        self.state().tokens.len()
    }

    /// How many uploads in parts are open: by the XML API, and sessions.
    pub fn uploads(&self) -> (usize, usize) {
        let state = self.state();
        (state.uploads.len(), state.sessions.len())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(Shared(state): Shared<Arc<Mutex<State>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, 256 << 20).await else {
        return state::refuse(400, "invalid", "the body broke off");
    };
    let asked = Asked { query: state::pairs(parts.uri.query().unwrap_or_default()), parts, body };
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    route(&mut state, &asked).unwrap_or_else(|refusal| refusal)
}

fn route(state: &mut State, asked: &Asked) -> Answer {
    let path = asked.parts.uri.path().trim_start_matches('/').to_owned();
    let segments: Vec<&str> = path.split('/').collect();
    let method = &asked.parts.method;
    match segments[..] {
        ["token" | "sts" | "subject"] => return tokens::grant(state, segments[0], asked),
        ["iam", account] => return tokens::impersonate(state, account, asked),
        ["computeMetadata", ..] => return tokens::metadata(state, asked),
        _ => {}
    }
    state.trouble()?;
    tokens::check(state, asked)?;
    match segments[..] {
        ["upload", "storage", "v1", "b", bucket, "o"] => {
            state.bucket(bucket)?;
            match (method, asked.query("uploadType"), asked.query("upload_id")) {
                (&Method::POST, Some("multipart"), None) => objects::put(state, asked),
                (&Method::POST, Some("resumable"), None) => sessions::begin(state, asked),
                (&Method::PUT, Some("resumable"), Some(id)) => sessions::go_on(state, id, asked),
                (&Method::DELETE, Some("resumable"), Some(id)) => sessions::end(state, id),
                _ => Err(state::refuse(400, "invalid", "no such way to upload")),
            }
        }
        ["storage", "v1", "b", bucket, "o"] if method == Method::GET => {
            state.bucket(bucket)?;
            objects::list(state, asked)
        }
        ["storage", "v1", "b", bucket, "o", name] => {
            state.bucket(bucket)?;
            let name = state::decode(name);
            match *method {
                Method::GET => objects::get(state, &name, asked),
                Method::DELETE => objects::delete(state, &name, asked),
                _ => Err(state::refuse(405, "methodNotAllowed", "no such method")),
            }
        }
        ["storage", "v1", "b", bucket, "o", from, "rewriteTo", "b", other, "o", to]
            if method == Method::POST =>
        {
            state.bucket(bucket)?;
            state.bucket(other)?;
            objects::rewrite(state, &state::decode(from), &state::decode(to), asked)
        }
        [bucket, ..] if segments.len() > 1 => {
            state.bucket(bucket)?;
            let name = state::decode(&segments[1..].join("/"));
            parts::answer(state, &name, asked)
        }
        _ => Err(state::status(StatusCode::NOT_FOUND)),
    }
}
