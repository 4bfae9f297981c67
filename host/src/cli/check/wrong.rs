//! Settings that the service must refuse: every call says so, and none takes a refusal for an answer about an object.

use std::time::Instant;

use bytes::Bytes;

use super::certificate::{Certificate, Fact};
use super::objects::{put, read, remove};
use super::preflight::{AGAIN, Opened};
use super::subject::Subject;
use crate::conformance::Outcome;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectKey;
use crate::storage::{ByteRange, ListRequest, PutOptions, Retrying, Sink, Storage};

/// Whoever takes "may not look" for "is not there" begins anew where there is a backup.
pub(super) const FACT: Fact = Fact { area: "errors", name: "wrong_credentials_are_told_as_such" };

const HOW: &str = "nothing says what the service must refuse: add a table `[wrong]` to check.toml with settings to replace, such as \
                   the secret";

/// What may be said of settings that are wrong.
const REFUSALS: [ErrorKind; 3] = [ErrorKind::Unauthenticated, ErrorKind::Denied, ErrorKind::Invalid];

pub(super) async fn run(subject: &Subject, opened: &Opened, certificate: &mut Certificate) {
    let began = Instant::now();
    let outcome = if subject.has_wrong() {
        match trial(subject, opened).await {
            Ok(()) => Outcome::Passed,
            Err(error) => Outcome::Failed(error.to_string()),
        }
    } else {
        Outcome::NotShown(HOW.to_owned())
    };
    certificate.add(FACT, outcome, began.elapsed());
}

async fn trial(subject: &Subject, opened: &Opened) -> Result<()> {
    let plugin = opened.plugin.plugin();
    let configured = plugin.configure(&|name| subject.wrong_variable(name), subject.extra_roots())?;
    match configured.open(&subject.location).await {
        // As with the right settings, the service may ask to come again later, but not for ever.
        Ok(wrong) => look(&Retrying::new(wrong, AGAIN), &*opened.storage).await,
        Err(error) if error.operation() == "grant" => {
            let text = format!(
                "`[wrong]` leads where nothing is granted, so that the service is not asked: {error}"
            );
            Err(Error::invalid("check", text))
        }
        Err(error) => refused("open", Err::<(), _>(error))
            .map_or(Ok(()), |text| Err(Error::new(ErrorKind::Plugin, "check", text))),
    }
}

/// Makes every call with the wrong settings, beside an object that is there.
async fn look(wrong: &dyn Storage, right: &dyn Storage) -> Result<()> {
    let root = format!("siltstone-check-{}/", uuid::Uuid::new_v4());
    let (there, free) = (ObjectKey::new(format!("{root}there"))?, ObjectKey::new(format!("{root}free"))?);
    let content = Bytes::from_static(b"an object that only its owner may see\n");
    put(right, &there, content.clone(), &PutOptions::default()).await?;
    let said = calls(wrong, [&there, &free], &root).await;
    let kept = untouched(right, [&there, &free], &content).await;
    let cleaned = clean(right, &[there, free]).await;
    if !said.is_empty() {
        return Err(Error::new(
            ErrorKind::Plugin,
            "check",
            format!("with the settings of `[wrong]` {}", said.join("; ")),
        ));
    }
    kept.and(cleaned)
}

/// What is wrong with the answers.
async fn calls(wrong: &dyn Storage, [there, free]: [&ObjectKey; 2], root: &str) -> Vec<String> {
    let sink = Sink::new(1 << 10);
    let list = ListRequest { prefix: root.to_owned(), limit: 10, ..ListRequest::default() };
    let mut said = vec![
        refused("head", wrong.head(there).await),
        refused("get", wrong.get(there, ByteRange { offset: 0, len: None }, &sink).await),
        refused("list", wrong.list(&list).await),
        refused("put", put(wrong, free, Bytes::from_static(b"a stranger's"), &PutOptions::default()).await),
    ];
    // Last, for what is deleted in truth is not there for the others. A key about which nothing is said was deleted.
    let deleted = remove(wrong, std::slice::from_ref(there)).await;
    said.push(refused("delete", deleted));
    said.into_iter().flatten().collect()
}

/// What is wrong with an answer, if anything is.
fn refused<T>(call: &str, answer: Result<T>) -> Option<String> {
    match answer {
        Ok(_) => Some(format!(
            "{call} succeeds: the service does not look at them, or the plugin does not use them"
        )),
        Err(error) if REFUSALS.iter().any(|kind| error.is(*kind)) && !error.is_outcome_unknown() => None,
        Err(error) => Some(format!(
            "{call} must fail as unauthenticated, denied or invalid-config, and without effect; it failed as {:?}: {error}",
            error.kind()
        )),
    }
}

/// What was refused has changed nothing.
async fn untouched(right: &dyn Storage, [there, free]: [&ObjectKey; 2], content: &Bytes) -> Result<()> {
    if read(right, there).await? != *content {
        return Err(Error::corrupt("check", format!("`{there}` was changed with the settings of `[wrong]`")));
    }
    match right.head(free).await {
        Err(error) if error.is(ErrorKind::NotFound) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(Error::corrupt("check", format!("`{free}` was put with the settings of `[wrong]`"))),
    }
}

async fn clean(right: &dyn Storage, keys: &[ObjectKey]) -> Result<()> {
    for batch in keys.chunks(right.capabilities().delete_batch.max(1) as usize) {
        remove(right, batch).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::error::Retry;
    use crate::storage::{Action, Faulty, Memory, Rule, Verb};

    const VERBS: [Verb; 5] = [Verb::Head, Verb::Get, Verb::List, Verb::Put, Verb::Delete];

    /// What is said of a plugin that answers so to these calls.
    async fn said(answers: impl Fn(Verb) -> Action) -> Result<()> {
        let right: Arc<dyn Storage> = Arc::new(Memory::default());
        let wrong = Faulty::new(Arc::clone(&right), VERBS.map(|verb| Rule::on(verb, answers(verb))).into());
        let said = look(&wrong, &*right).await;
        let left = right.list(&ListRequest { limit: 10, ..ListRequest::default() }).await.unwrap();
        assert!(left.objects.is_empty(), "{left:?}");
        said
    }

    fn with(kind: ErrorKind) -> Action {
        Action::FailBefore(kind, Retry::Never)
    }

    #[tokio::test]
    async fn a_refusal_is_any_word_for_it_from_every_call() {
        for kind in REFUSALS {
            said(|_| with(kind)).await.unwrap();
            let refuses =
                |verb| if verb == Verb::Delete { Action::Refuse(kind, Retry::Never) } else { with(kind) };
            said(refuses).await.unwrap();
        }
    }

    #[tokio::test]
    async fn every_call_that_says_anything_else_is_named() {
        for verb in VERBS {
            for kind in [ErrorKind::NotFound, ErrorKind::Unavailable, ErrorKind::Internal, ErrorKind::Plugin]
            {
                let answers = |v| with(if v == verb { kind } else { ErrorKind::Denied });
                let error = said(answers).await.unwrap_err().to_string();
                let name = format!("{verb:?}").to_lowercase();
                assert!(
                    error.contains(&format!("{name} must fail")) && error.contains(&format!("{kind:?}")),
                    "{error}"
                );
                assert_eq!(error.matches("must fail").count(), 1, "{error}");
            }
        }
    }

    #[tokio::test]
    async fn a_service_that_refuses_nothing_is_told() {
        let error = said(|_| Action::Truncate(1 << 20)).await.unwrap_err().to_string();
        for call in ["head", "get", "list", "put", "delete"] {
            assert!(error.contains(&format!("{call} succeeds")), "{error}");
        }
    }

    #[tokio::test]
    async fn a_change_that_is_refused_too_late_is_told() {
        let after = |verb| {
            if verb == Verb::Put {
                Action::FailAfter(ErrorKind::Denied, Retry::Never)
            } else {
                with(ErrorKind::Denied)
            }
        };
        let error = said(after).await.unwrap_err().to_string();
        assert!(error.contains("put must fail") && error.contains("without effect"), "{error}");
    }
}
