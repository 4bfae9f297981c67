//! Locations that a request may name and that are wrong or new; nothing is written there.

use std::time::Instant;

use super::certificate::{Certificate, Fact};
use super::preflight::{AGAIN, Opened};
use super::subject::Subject;
use crate::conformance::Outcome;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectKey;
use crate::plugin::Location;
use crate::storage::{ListRequest, Retrying, Storage};

const BUCKET: Fact = Fact { area: "errors", name: "a_bucket_that_is_missing_is_told_as_such" };
const PATH: Fact = Fact { area: "errors", name: "a_path_that_was_never_used_is_empty" };

/// Both.
pub(super) const FACTS: [Fact; 2] = [BUCKET, PATH];

/// How a location may be refused: it is wrong, not there, or not ours. Anything else is no answer to a wrong setting.
const REFUSALS: [ErrorKind; 5] = [
    ErrorKind::NotFound,
    ErrorKind::Denied,
    ErrorKind::Unauthenticated,
    ErrorKind::Invalid,
    ErrorKind::Unsupported,
];

pub(super) async fn run(subject: &Subject, opened: &Opened, certificate: &mut Certificate) {
    let id = uuid::Uuid::new_v4().simple().to_string();
    // Short enough for the name of a bucket, whatever the service.
    let name = format!("siltstone-check-{}", &id[..12]);
    for (fact, location) in [
        (BUCKET, Location { bucket: Some(name.clone()), ..subject.location.clone() }),
        (PATH, Location { path: Some(name.clone()), ..subject.location.clone() }),
    ] {
        let began = Instant::now();
        let outcome = match look(opened, &location, fact).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Failed(error.to_string()),
        };
        certificate.add(fact, outcome, began.elapsed());
    }
}

/// An error is a failure of the plugin.
async fn look(opened: &Opened, location: &Location, fact: Fact) -> Result<Outcome> {
    let storage = match opened.plugin.open(location).await {
        Ok(storage) => Retrying::new(storage, AGAIN),
        Err(error) => return refusal(error, fact),
    };
    if storage.home() == opened.storage.home() {
        let what = if fact == BUCKET { "buckets: the store has none" } else { "paths: the store has one" };
        return Ok(Outcome::NotApplicable(what.to_owned()));
    }
    let key = ObjectKey::new("siltstone-check/missing")?;
    match storage.head(&key).await {
        Ok(_) => return Err(Error::corrupt("head", "an object is there that nobody has put")),
        Err(error) => honest(error)?,
    }
    let request = ListRequest { limit: 10, ..ListRequest::default() };
    match storage.list(&request).await {
        Ok(page) if page.objects.is_empty() && page.prefixes.is_empty() => Ok(Outcome::Passed),
        Ok(page) => {
            let count = page.objects.len() + page.prefixes.len();
            Err(Error::corrupt("list", format!("{count} names are listed where nobody has put anything")))
        }
        Err(error) if fact == BUCKET => honest(error).map(|()| Outcome::Passed),
        Err(error) => Err(error),
    }
}

/// It may not be opened at all: the plugin or the grants say no.
fn refusal(error: Error, fact: Fact) -> Result<Outcome> {
    let text = error.to_string();
    honest(error)?;
    let what = if fact == BUCKET { "another bucket" } else { "another path" };
    Ok(Outcome::NotApplicable(format!("{what}: {text}")))
}

fn honest(error: Error) -> Result<()> {
    if REFUSALS.iter().any(|kind| error.is(*kind)) && !error.is_outcome_unknown() {
        Ok(())
    } else {
        Err(error)
    }
}
