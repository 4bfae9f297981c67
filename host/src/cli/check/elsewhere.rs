//! Locations that a request may name beside the configured one: they are told as wrong, or are new and kept apart.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::certificate::{Certificate, Fact};
use super::objects::{put, read, remove};
use super::preflight::{AGAIN, Opened};
use super::subject::Subject;
use crate::conformance::Outcome;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{AttemptId, ObjectKey};
use crate::plugin::{Location, PluginStorage};
use crate::storage::{ListRequest, PutOptions, Retrying, Storage};

const BUCKET: Fact = Fact { area: "errors", name: "a_bucket_that_is_missing_is_told_as_such" };
const PATH: Fact = Fact { area: "other locations", name: "a_path_that_was_never_used_is_empty" };
const APART: Fact = Fact { area: "other locations", name: "what_lies_at_one_path_is_not_seen_at_another" };

/// All of them.
pub(super) const FACTS: [Fact; 3] = [BUCKET, PATH, APART];

/// How a location may be refused: it is wrong, not there, or not ours. Anything else is no answer to a wrong setting.
const REFUSALS: [ErrorKind; 5] = [
    ErrorKind::NotFound,
    ErrorKind::Denied,
    ErrorKind::Unauthenticated,
    ErrorKind::Invalid,
    ErrorKind::Unsupported,
];

/// What lies at the configured path, and what at the other one under the same key.
const HERE: Bytes = Bytes::from_static(b"at the configured path\n");
const THERE: Bytes = Bytes::from_static(b"at another path\n");

pub(super) async fn run(subject: &Subject, opened: &Opened, certificate: &mut Certificate) {
    let id = uuid::Uuid::new_v4().simple().to_string();
    // Short enough for the name of a bucket, whatever the service.
    let name = format!("siltstone-check-{}", &id[..12]);
    let began = Instant::now();
    let outcome = bucket(subject, opened, &name, certificate).await;
    certificate.add(BUCKET, outcome.unwrap_or_else(failed), began.elapsed());
    paths(subject, opened, &name, certificate).await;
}

/// An error is a failure of the plugin.
async fn bucket(
    subject: &Subject,
    opened: &Opened,
    name: &str,
    certificate: &mut Certificate,
) -> Result<Outcome> {
    let location = Location { bucket: Some(name.to_owned()), ..subject.location.clone() };
    let storage = match opened.plugin.open(&location).await {
        Ok(storage) => storage,
        // It may not be opened at all: the plugin or the grants say no.
        Err(error) => return refused("another bucket", error),
    };
    certificate.hear(&storage);
    let storage = Retrying::new(storage, AGAIN);
    if storage.home() == opened.storage.home() {
        return Ok(Outcome::NotApplicable("buckets: the store has none".to_owned()));
    }
    match storage.head(&ObjectKey::new("siltstone-check/missing")?).await {
        Ok(_) => return Err(Error::corrupt("head", "an object is there that nobody has put")),
        Err(error) => honest(error)?,
    }
    match empty(&storage).await {
        Err(error) if !error.is(ErrorKind::Corrupt) => honest(error).map(|()| Outcome::Passed),
        answer => answer.map(|()| Outcome::Passed),
    }
}

/// Both facts about paths. Something lies at the configured path meanwhile.
async fn paths(subject: &Subject, opened: &Opened, name: &str, certificate: &mut Certificate) {
    let (began, here) = (Instant::now(), &*opened.storage);
    // Not below the name of the other path, which may itself lie below the configured one.
    let key = match ObjectKey::new(format!("siltstone-check-{}/apart", uuid::Uuid::new_v4())) {
        Ok(key) => key,
        Err(error) => return certificate.add(PATH, failed(error), began.elapsed()),
    };
    let other = async {
        put(here, &key, HERE, &options()).await?;
        other_path(subject, opened, name).await
    };
    let outcome = match other.await {
        Ok(Other::Open(storage, path)) => {
            certificate.hear(&storage);
            both(here, (storage, &path), &key, certificate).await;
            if path.starts_with('/') {
                // The host made the folder for the grant, and the plugin cannot take it away. It stays unless it is empty.
                drop(std::fs::remove_dir(&path));
            }
            None
        }
        Ok(Other::Refused(why)) => {
            let outcome = Outcome::NotApplicable(format!("another path: {why}"));
            certificate.add(APART, outcome.clone(), Duration::ZERO);
            Some(outcome)
        }
        Err(error) => Some(failed(error)),
    };
    if let Some(outcome) = outcome {
        certificate.add(PATH, outcome, began.elapsed());
    }
    // When it cannot be removed, the suite tells so of others.
    drop(remove(here, std::slice::from_ref(&key)).await);
}

/// Both facts, where there is another path.
async fn both(
    here: &dyn Storage,
    (there, path): (Arc<PluginStorage>, &str),
    key: &ObjectKey,
    certificate: &mut Certificate,
) {
    let began = Instant::now();
    let there: &dyn Storage = &Retrying::new(there, AGAIN);
    if there.home() == here.home() {
        let reason = format!(
            "it answers the same home, {}, for the path `{path}`: `path` of a location replaces the configured one, and a store \
             that has no paths refuses it with `unsupported`",
            here.home()
        );
        return certificate.add(PATH, Outcome::Failed(reason), began.elapsed());
    }
    let outcome = unused(there, key).await.unwrap_or_else(failed);
    certificate.add(PATH, outcome.clone(), began.elapsed());
    let began = Instant::now();
    let outcome = match outcome {
        Outcome::NotApplicable(_) => outcome,
        _ => apart(here, there, key).await.unwrap_or_else(failed),
    };
    certificate.add(APART, outcome, began.elapsed());
}

/// Another path of the store.
enum Other {
    Open(Arc<PluginStorage>, String),
    /// The plugin or the grants say no, in these words.
    Refused(String),
}

async fn other_path(subject: &Subject, opened: &Opened, name: &str) -> Result<Other> {
    let mut paths = vec![name.to_owned()];
    let home = opened.storage.home();
    if home.starts_with('/') {
        // A store of folders knows them by their names from the root on.
        paths.push(format!("{}/{name}", home.trim_end_matches('/')));
    }
    let mut why = String::new();
    for path in paths {
        let location = Location { path: Some(path.clone()), ..subject.location.clone() };
        match opened.plugin.open(&location).await {
            Ok(storage) => return Ok(Other::Open(storage, path)),
            Err(error) => {
                why = error.to_string();
                honest(error)?;
            }
        }
    }
    Ok(Other::Refused(why))
}

/// Nothing is there, not even what lies at the configured path under this key.
async fn unused(there: &dyn Storage, key: &ObjectKey) -> Result<Outcome> {
    match there.head(key).await {
        Ok(_) => {
            let message = format!("`{key}` was put at the configured path and is seen at another one");
            return Err(Error::corrupt("head", message));
        }
        Err(error) => honest(error)?,
    }
    match empty(there).await {
        Err(error) if not_ours(&error) => Ok(Outcome::NotApplicable(format!("another path: {error}"))),
        answer => answer.map(|()| Outcome::Passed),
    }
}

/// One key, two contents: each path keeps its own, and a delete at one of them is none at the other.
async fn apart(here: &dyn Storage, there: &dyn Storage, key: &ObjectKey) -> Result<Outcome> {
    match put(there, key, THERE, &options()).await {
        Err(error) if not_ours(&error) => {
            return Ok(Outcome::NotApplicable(format!("another path: {error}")));
        }
        answer => answer?,
    }
    let (found_here, found_there) = (read(here, key).await, read(there, key).await);
    let removed = remove(there, std::slice::from_ref(key)).await;
    if found_here? != HERE {
        let message = format!("`{key}` was put at another path and is seen at the configured one");
        return Err(Error::corrupt("put", message));
    }
    if found_there? != THERE {
        return Err(Error::corrupt("get", format!("`{key}` has other bytes at the other path")));
    }
    removed?;
    if read(here, key).await? != HERE {
        let message = format!("`{key}` was deleted at another path and has changed at the configured one");
        return Err(Error::corrupt("delete", message));
    }
    Ok(Outcome::Passed)
}

fn options() -> PutOptions {
    PutOptions { attempt: Some(AttemptId::generate()), ..PutOptions::default() }
}

async fn empty(storage: &dyn Storage) -> Result<()> {
    let page = storage.list(&ListRequest { limit: 10, ..ListRequest::default() }).await?;
    match page.objects.len() + page.prefixes.len() {
        0 => Ok(()),
        count => {
            Err(Error::corrupt("list", format!("{count} names are listed where nobody has put anything")))
        }
    }
}

fn failed(error: Error) -> Outcome {
    Outcome::Failed(error.to_string())
}

/// What a refusal at opening means.
fn refused(what: &str, error: Error) -> Result<Outcome> {
    let text = error.to_string();
    honest(error)?;
    Ok(Outcome::NotApplicable(format!("{what}: {text}")))
}

/// Whether the credentials are good for the configured place alone.
fn not_ours(error: &Error) -> bool {
    error.is(ErrorKind::Denied) || error.is(ErrorKind::Unauthenticated)
}

fn honest(error: Error) -> Result<()> {
    if REFUSALS.iter().any(|kind| error.is(*kind)) && !error.is_outcome_unknown() {
        Ok(())
    } else {
        Err(error)
    }
}
