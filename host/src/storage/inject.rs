//! Faults on purpose, at calls that a plan names, for tests and rehearsals.
//!
//! It takes the place of the store: whatever is to prove itself against faults is wrapped around it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    Blob, ByteRange, Capabilities, Depth, ListPage, ListRequest, ObjectMeta, PartTag, PutOptions, Sink,
    Storage, UploadId, Verb,
};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::model::ObjectKey;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It fails and has no effect.
    FailBefore(ErrorKind, Retry),
    /// It is made and its answer is lost; the error of a change says that its outcome is unknown.
    FailAfter(ErrorKind, Retry),
    /// It is made after this time.
    Delay(Duration),
    /// Of a delete, the keys that match stay, and each is answered with this error; the others are deleted. Other calls are
    /// let through.
    Refuse(ErrorKind, Retry),
    /// Of a get, a put or a part, only so many bytes are moved, and the answer is ok. Other calls are let through.
    Truncate(u64),
    /// Of a get, a put or a part, the lowest bit of the byte at this place, counted modulo the length, is turned. Other
    /// calls are let through.
    Corrupt(u64),
    /// Of a list, page after full page of names that are not there comes in place of those that are, in order and without end.
    /// Other calls are let through.
    ListForEver,
    /// It never answers.
    Hang,
}

/// Which of the calls that a rule matches it acts on, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// All.
    Always,
    /// Only this one.
    Nth(u64),
    /// The first so many.
    First(u64),
    /// This one and all after it.
    From(u64),
    /// Each one whose number is a multiple of this.
    Every(u64),
}

/// One line of a plan.
pub struct Rule {
    verb: Option<Verb>,
    key: Box<dyn Fn(&str) -> bool + Send + Sync>,
    when: When,
    action: Action,
    matched: AtomicU64,
    acted: AtomicU64,
}

impl Rule {
    /// Acts on every call.
    #[must_use]
    pub fn any(action: Action) -> Self {
        Self {
            verb: None,
            key: Box::new(|_| true),
            when: When::Always,
            action,
            matched: AtomicU64::new(0),
            acted: AtomicU64::new(0),
        }
    }

    /// Acts on calls of one verb.
    #[must_use]
    pub fn on(verb: Verb, action: Action) -> Self {
        Self { verb: Some(verb), ..Self::any(action) }
    }

    /// Only on calls with such a key. The key of a list is its prefix; of a delete, any of the keys may match.
    #[must_use]
    pub fn key(self, matches: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self { key: Box::new(matches), ..self }
    }

    /// Only on these of the calls that match verb and key.
    #[must_use]
    pub fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    fn acts(&self, verb: Verb, keys: &[&str]) -> bool {
        if self.verb.is_some_and(|wanted| wanted != verb) || !keys.iter().any(|key| (self.key)(key)) {
            return false;
        }
        let number = self.matched.fetch_add(1, Ordering::SeqCst) + 1;
        let acts = match self.when {
            When::Always => true,
            When::Nth(n) => number == n,
            When::First(n) => number <= n,
            When::From(n) => number >= n,
            When::Every(n) => number.is_multiple_of(n),
        };
        self.acted.fetch_add(u64::from(acts), Ordering::SeqCst);
        acts
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("verb", &self.verb)
            .field("when", &self.when)
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}

/// A storage with a plan of faults. The first rule that acts on a call decides; every rule counts the calls that match it.
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn Storage>,
    rules: Vec<Rule>,
}

impl Faulty {
    /// Adds faults to a storage.
    #[must_use]
    pub fn new(inner: Arc<dyn Storage>, rules: Vec<Rule>) -> Self {
        Self { inner, rules }
    }

    /// How often each rule acted, so that a test can tell that its fault did happen.
    #[must_use]
    pub fn acted(&self) -> Vec<u64> {
        self.rules.iter().map(|rule| rule.acted.load(Ordering::SeqCst)).collect()
    }

    /// Decides on a call and does what comes before it; answers what is left to do.
    async fn before(&self, verb: Verb, keys: &[&str]) -> Result<Option<Action>> {
        match self.decide(verb, keys) {
            Some(rule) => self.begin(verb, rule.action).await,
            None => Ok(None),
        }
    }

    /// The first rule that acts on a call; all rules count it.
    fn decide(&self, verb: Verb, keys: &[&str]) -> Option<&Rule> {
        let acting: Vec<&Rule> = self.rules.iter().filter(|rule| rule.acts(verb, keys)).collect();
        acting.into_iter().next()
    }

    async fn begin(&self, verb: Verb, action: Action) -> Result<Option<Action>> {
        match action {
            Action::FailBefore(kind, retry) => Err(failure(verb, kind, retry)),
            Action::Hang => std::future::pending().await,
            Action::Delay(time) => {
                tokio::time::sleep(time).await;
                Ok(None)
            }
            left => Ok(Some(left)),
        }
    }

    async fn change<T>(
        &self,
        verb: Verb,
        key: &str,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let action = self.before(verb, &[key]).await?;
        after(verb, action, call.await)
    }
}

fn failure(verb: Verb, kind: ErrorKind, retry: Retry) -> Error {
    Error::new(kind, verb.as_str(), "injected fault").with_retry(retry)
}

fn after<T>(verb: Verb, action: Option<Action>, result: Result<T>) -> Result<T> {
    match action {
        Some(Action::FailAfter(kind, retry)) => {
            let error = failure(verb, kind, retry);
            drop(result);
            Err(if verb.changes() { error.outcome_unknown() } else { error })
        }
        _ => result,
    }
}

/// What becomes of bytes on their way.
fn distorted(action: Option<Action>, mut content: Vec<u8>) -> Bytes {
    match action {
        Some(Action::Truncate(len)) => content.truncate(usize::try_from(len).unwrap_or(usize::MAX)),
        Some(Action::Corrupt(at)) if !content.is_empty() => {
            let at = at % content.len() as u64;
            content[at as usize] ^= 1;
        }
        _ => {}
    }
    content.into()
}

fn distorted_body(action: Option<Action>, body: &Blob) -> Blob {
    match action {
        Some(Action::Truncate(_) | Action::Corrupt(_)) => {
            Blob::new([distorted(action, body.read(0, body.len()))], body.digests().clone())
        }
        _ => body.clone(),
    }
}

/// A full page; the token is the number of its first name.
fn for_ever(request: &ListRequest) -> ListPage {
    let first: u64 = request.token.as_deref().and_then(|token| token.parse().ok()).unwrap_or(0);
    let next = first.saturating_add(u64::from(request.limit));
    let names = (first..next).map(|number| format!("{}{number:020}", request.prefix));
    let mut page = ListPage { next: Some(next.to_string()), ..ListPage::default() };
    match request.depth {
        Depth::OneLevel => page.prefixes = names.map(|name| name + "/").collect(),
        Depth::All => {
            let object = |key| ObjectMeta { key, size: 1, etag: None, modified_ms: Some(1) };
            page.objects = names.filter_map(|name| ObjectKey::new(name).ok()).map(object).collect();
        }
    }
    page
}

#[async_trait]
impl Storage for Faulty {
    fn home(&self) -> &str {
        self.inner.home()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &ObjectKey, body: &Blob, options: &PutOptions) -> Result<ObjectMeta> {
        let action = self.before(Verb::Put, &[key.as_str()]).await?;
        let body = distorted_body(action, body);
        after(Verb::Put, action, self.inner.put(key, &body, options).await)
    }

    async fn get(&self, key: &ObjectKey, range: ByteRange, to: &Sink) -> Result<u64> {
        let writer = to.writer();
        let action = self.before(Verb::Get, &[key.as_str()]).await?;
        match action {
            Some(Action::Truncate(_) | Action::Corrupt(_)) => {
                let own = Sink::new(writer.room());
                self.inner.get(key, range, &own).await?;
                let content = distorted(action, own.take().to_vec());
                let len = content.len() as u64;
                writer.write(content)?;
                Ok(len)
            }
            _ => after(Verb::Get, action, self.inner.get(key, range, to).await),
        }
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta> {
        self.change(Verb::Head, key.as_str(), self.inner.head(key)).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        match self.before(Verb::List, &[&request.prefix]).await? {
            Some(Action::ListForEver) => Ok(for_ever(request)),
            action => after(Verb::List, action, self.inner.list(request).await),
        }
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, Error)>> {
        let names: Vec<&str> = keys.iter().map(ObjectKey::as_str).collect();
        let Some(rule) = self.decide(Verb::Delete, &names) else { return self.inner.delete(keys).await };
        if let Action::Refuse(kind, retry) = rule.action {
            let (stay, go): (Vec<_>, Vec<_>) = keys.iter().cloned().partition(|key| (rule.key)(key.as_str()));
            let mut failed = if go.is_empty() { Vec::new() } else { self.inner.delete(&go).await? };
            failed.extend(stay.into_iter().map(|key| (key, failure(Verb::Delete, kind, retry))));
            return Ok(failed);
        }
        let action = self.begin(Verb::Delete, rule.action).await?;
        after(Verb::Delete, action, self.inner.delete(keys).await)
    }

    async fn multipart_start(
        &self,
        key: &ObjectKey,
        part_size: u64,
        total: Option<u64>,
        options: &PutOptions,
    ) -> Result<UploadId> {
        let call = self.inner.multipart_start(key, part_size, total, options);
        self.change(Verb::MultipartStart, key.as_str(), call).await
    }

    async fn multipart_put(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        number: u32,
        body: &Blob,
    ) -> Result<PartTag> {
        let action = self.before(Verb::MultipartPut, &[key.as_str()]).await?;
        let body = distorted_body(action, body);
        after(Verb::MultipartPut, action, self.inner.multipart_put(key, id, number, &body).await)
    }

    async fn multipart_finish(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        parts: &[(u32, PartTag)],
    ) -> Result<ObjectMeta> {
        self.change(Verb::MultipartFinish, key.as_str(), self.inner.multipart_finish(key, id, parts)).await
    }

    async fn multipart_abort(&self, key: &ObjectKey, id: &UploadId) -> Result<()> {
        self.change(Verb::MultipartAbort, key.as_str(), self.inner.multipart_abort(key, id)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Memory;

    fn key(text: &str) -> ObjectKey {
        ObjectKey::new(text).unwrap()
    }

    async fn content(storage: &dyn Storage, name: &str) -> Bytes {
        let sink = Sink::new(100);
        let len = storage.get(&key(name), ByteRange { offset: 0, len: None }, &sink).await.unwrap();
        assert_eq!(len, sink.len());
        sink.take()
    }

    #[tokio::test]
    async fn rules_act_on_the_calls_they_name_and_count_them() {
        let fail = Action::FailBefore(ErrorKind::Unavailable, Retry::After(None));
        let rules = vec![
            Rule::on(Verb::Head, fail).key(|key| key.starts_with('a')).when(When::Nth(2)),
            Rule::on(Verb::Head, Action::FailAfter(ErrorKind::Denied, Retry::Never)).when(When::Every(3)),
        ];
        let storage = Faulty::new(Arc::new(Memory::default()), rules);
        let mut kinds = Vec::new();
        for name in ["a", "b", "a", "a", "b", "b"] {
            storage.inner.put(&key(name), &Blob::default(), &PutOptions::default()).await.unwrap();
            kinds.push(storage.head(&key(name)).await.err().map(|e| e.kind()));
        }
        assert_eq!(kinds, [None, None, Some(ErrorKind::Unavailable), None, None, Some(ErrorKind::Denied)]);
        assert_eq!(storage.acted(), [1, 2]);
    }

    #[tokio::test]
    async fn a_change_that_fails_afterwards_has_happened_and_one_that_fails_before_has_not() {
        for (after, there) in [(true, true), (false, false)] {
            let action = if after { Action::FailAfter } else { Action::FailBefore };
            let rules = vec![Rule::on(Verb::Put, action(ErrorKind::Unavailable, Retry::After(None)))];
            let storage = Faulty::new(Arc::new(Memory::default()), rules);
            let e = storage.put(&key("k"), &Blob::default(), &PutOptions::default()).await.unwrap_err();
            assert_eq!(e.is_outcome_unknown(), after);
            assert_eq!(storage.head(&key("k")).await.is_ok(), there);
        }
    }

    #[tokio::test]
    async fn bytes_are_cut_and_turned_in_both_directions() {
        for verb in [Verb::Put, Verb::Get] {
            let rules = vec![
                Rule::on(verb, Action::Truncate(2)).key(|key| key == "short"),
                Rule::on(verb, Action::Corrupt(4)).key(|key| key == "turned"),
            ];
            let storage = Faulty::new(Arc::new(Memory::default()), rules);
            for name in ["short", "turned", "whole"] {
                let body = Blob::from(b"abc".to_vec());
                storage.put(&key(name), &body, &PutOptions::default()).await.unwrap();
            }
            assert_eq!(content(&storage, "short").await, "ab");
            assert_eq!(content(&storage, "turned").await, "acc");
            assert_eq!(content(&storage, "whole").await, "abc");
        }
    }
}
