//! The steps from the bytes of a component to one small object in its store; whoever fails one is told so in seconds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::certificate::{Certificate, Fact, Failed};
use super::subject::Subject;
use crate::error::{Error, ErrorKind, FaultKind, Result};
use crate::model::{AttemptId, ObjectKey};
use crate::plugin::{ConfiguredPlugin, Location, Plugin, PluginSource, PluginStorage};
use crate::storage::{
    Blob, ByteRange, Capabilities, Counters, ListRequest, Observed, PartOrder, PutOptions, RetrySettings,
    Retrying, Sink, Storage,
};

const LOADS: Fact = Fact { area: "plugin", name: "the_component_loads" };
const DESCRIBES: Fact = Fact { area: "plugin", name: "it_describes_itself" };
const SETTINGS: Fact = Fact { area: "plugin", name: "its_settings_are_complete" };
const NEEDS: Fact = Fact { area: "plugin", name: "its_needs_are_granted" };
const OPENS: Fact = Fact { area: "plugin", name: "its_location_opens" };
const CAPABLE: Fact = Fact { area: "plugin", name: "its_capabilities_make_sense" };
const PUT: Fact = Fact { area: "first object", name: "a_small_object_is_put" };
const HEAD: Fact = Fact { area: "first object", name: "its_head_is_that_of_the_put" };
const GET: Fact = Fact { area: "first object", name: "its_bytes_come_back" };
const LIST: Fact = Fact { area: "first object", name: "it_is_listed" };
const DELETE: Fact = Fact { area: "first object", name: "it_is_deleted" };

/// All of them, in order.
pub(super) const FACTS: [Fact; 11] =
    [LOADS, DESCRIBES, SETTINGS, NEEDS, OPENS, CAPABLE, PUT, HEAD, GET, LIST, DELETE];

/// Answers `throttled` and `transient` are the service's: such a call is made again. A call that stalls is not, as its time
/// alone is longer than the deadline; it is counted as a fault anyhow.
pub(super) const AGAIN: RetrySettings = RetrySettings {
    attempts: 6,
    base: Duration::from_millis(250),
    cap: Duration::from_secs(5),
    deadline: Duration::from_secs(20),
};

/// Largest part that the host sends, and so the most that a store may ask for.
const MOST_PART: u64 = 64 << 20;
/// Most pages on which one object may be listed: services answer empty ones now and then.
const PAGES: u32 = 100;
/// The least that one put must take: a frame of raw bytes that does not shrink.
const LEAST_PUT: u64 = 1 << 20;

/// The location, twice: the two share no instance, token or connection, as on two servers.
pub(super) struct Opened {
    pub(super) plugin: ConfiguredPlugin,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) second: Arc<dyn Storage>,
    counters: [Arc<Counters>; 2],
}

impl Opened {
    pub(super) fn calls(&self) -> u64 {
        self.counters.iter().map(|c| c.snapshot().total().calls).sum()
    }

    pub(super) fn errors_of(&self, kind: ErrorKind) -> u64 {
        self.counters.iter().filter_map(|c| c.snapshot().total().errors.get(&kind).copied()).sum()
    }

    pub(super) fn faults(&self) -> BTreeMap<FaultKind, u64> {
        let mut all = BTreeMap::new();
        for (kind, count) in self.counters.iter().flat_map(|c| c.snapshot().total().faults) {
            *all.entry(kind).or_default() += count;
        }
        all
    }

    /// Calls that the service wants to have made again.
    pub(super) fn later(&self) -> u64 {
        self.errors_of(ErrorKind::Throttled) + self.errors_of(ErrorKind::Unavailable)
    }
}

/// Takes the steps until one fails.
pub(super) async fn run(subject: &Subject, certificate: &mut Certificate) -> Result<Opened, Failed> {
    let began = Instant::now();
    let loaded = Plugin::from_nameless(&subject.engine, &subject.package).await;
    let plugin = certificate.blame(&[(LOADS, &[]), (DESCRIBES, &["describe"])], began, loaded)?;
    certificate.describe(&plugin);
    advise(subject, &plugin, certificate);

    let began = Instant::now();
    let configured = configure(subject, &plugin).and_then(|one| Ok((one, configure(subject, &plugin)?)));
    let (first, second) = certificate.note(SETTINGS, began, configured)?;

    let began = Instant::now();
    let opened = open(subject, &first, &second, certificate).await;
    let steps: [(Fact, &[&str]); 3] =
        [(NEEDS, &["needs", "grant"]), (OPENS, &[]), (CAPABLE, &["capabilities"])];
    let bare = certificate.blame(&steps, began, opened)?;
    certificate.home = Some(bare[0].home().to_owned());
    certificate.capabilities = Some(bare[0].capabilities().clone());

    let mut counters = Vec::new();
    let [storage, second] = bare.map(|bare| {
        let observed = Observed::new(bare, plugin.info().name.clone());
        counters.push(observed.counters());
        Arc::new(Retrying::new(Arc::new(observed), AGAIN)) as Arc<dyn Storage>
    });
    let counters = [Arc::clone(&counters[0]), Arc::clone(&counters[1])];
    object(&*storage, certificate).await?;
    Ok(Opened { plugin: first, storage, second, counters })
}

/// What has to be done before it can be installed.
fn advise(subject: &Subject, plugin: &Plugin, certificate: &mut Certificate) {
    let PluginSource::File(path) = subject.package.source() else { return };
    let name = &plugin.info().name;
    if path.file_stem().is_none_or(|stem| stem != name.as_str()) {
        certificate
            .notes
            .push(format!("it calls itself `{name}`: install it as {name}.wasm with {name}.toml"));
    }
    let clashes = siltstone_plugins::all().iter().any(|bundled| bundled.name == name.as_str());
    if clashes && subject.package.replaces() != Some(name) {
        certificate.notes.push(format!(
            "a plugin `{name}` comes with the host: an operator must say `replaces = \"{name}\"` to use this one"
        ));
    }
}

fn configure(subject: &Subject, plugin: &Plugin) -> Result<ConfiguredPlugin> {
    plugin.takes_granted()?;
    let unseen = subject.unseen(plugin.info());
    if !unseen.is_empty() {
        return Err(Error::invalid("configure", unseen.join("; ")));
    }
    plugin.configure(&|name| subject.variable(name), subject.extra_roots())
}

async fn open(
    subject: &Subject,
    first: &ConfiguredPlugin,
    second: &ConfiguredPlugin,
    certificate: &mut Certificate,
) -> Result<[Arc<PluginStorage>; 2]> {
    let location: &Location = &subject.location;
    let (first, second) = (first.open(location).await?, second.open(location).await?);
    certificate.hear(&first);
    certificate.hear(&second);
    if first.capabilities() != second.capabilities() || first.home() != second.home() {
        let message = "two instances of one location answer different capabilities or homes";
        return Err(Error::new(ErrorKind::Plugin, "capabilities", message));
    }
    usable(first.capabilities())?;
    Ok([first, second])
}

/// What the host needs beyond what the contract asks for.
fn usable(capabilities: &Capabilities) -> Result<()> {
    let refused = |message: String| Err(Error::new(ErrorKind::Unsupported, "capabilities", message));
    let Capabilities { max_put, parts, .. } = *capabilities;
    if max_put < LEAST_PUT {
        return refused(format!("a put takes at most {max_put} bytes; the host needs {LEAST_PUT}"));
    }
    let least = parts.min_size.max(1).next_multiple_of(parts.multiple_of.max(1));
    if parts.order != PartOrder::None && least > MOST_PART {
        return refused(format!("a part has at least {least} bytes; the host sends at most {MOST_PART}"));
    }
    Ok(())
}

/// One object on its way through every call that needs no special ability.
async fn object(storage: &dyn Storage, certificate: &mut Certificate) -> Result<(), Failed> {
    let content = Bytes::from_static(b"a small object of `siltstone plugin check`\n");
    let size = content.len() as u64;
    let prefix = format!("siltstone-check-{}/", uuid::Uuid::new_v4());
    let began = Instant::now();
    let body = Blob::with_digests([content.clone()], storage.capabilities().digests);
    let options = PutOptions { attempt: Some(AttemptId::generate()), ..PutOptions::default() };
    let key = ObjectKey::new(format!("{prefix}first"));
    let put = async {
        let key = key?;
        storage.put(&key, &body, &options).await?;
        Ok(key)
    };
    let put = put.await;
    let key = certificate.note(PUT, began, put)?;

    let began = Instant::now();
    let head = storage.head(&key).await.and_then(|meta| same("head", meta.size, size, "a size of"));
    certificate.note(HEAD, began, head)?;

    let began = Instant::now();
    let sink = Sink::new(size + 1);
    let got = storage.get(&key, ByteRange { offset: 0, len: None }, &sink).await.and_then(|len| {
        same("get", len, size, "a length of")?;
        if sink.take() == content { Ok(()) } else { Err(Error::corrupt("get", "other bytes come back")) }
    });
    certificate.note(GET, began, got)?;

    let began = Instant::now();
    let listed = list(storage, prefix).await.and_then(|sizes| {
        same("list", sizes.len() as u64, 1, "a number of objects of")?;
        same("list", sizes[0], size, "a size of")
    });
    certificate.note(LIST, began, listed)?;

    let began = Instant::now();
    let deleted = delete(storage, &key).await;
    certificate.note(DELETE, began, deleted)
}

/// Sizes of all objects under a prefix.
async fn list(storage: &dyn Storage, prefix: String) -> Result<Vec<u64>> {
    let mut request = ListRequest { prefix, limit: 10, ..ListRequest::default() };
    let mut sizes = Vec::new();
    for _ in 0..PAGES {
        let page = storage.list(&request).await?;
        sizes.extend(page.objects.iter().map(|object| object.size));
        request.token = page.next;
        if request.token.is_none() {
            return Ok(sizes);
        }
    }
    Err(Error::new(ErrorKind::Plugin, "list", format!("one object is listed on more than {PAGES} pages")))
}

async fn delete(storage: &dyn Storage, key: &ObjectKey) -> Result<()> {
    if let Some((_, error)) = storage.delete(std::slice::from_ref(key)).await?.into_iter().next() {
        return Err(error);
    }
    match storage.head(key).await {
        Err(error) if error.is(ErrorKind::NotFound) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(Error::corrupt("delete", format!("`{key}` is still there"))),
    }
}

fn same(operation: &'static str, found: u64, expected: u64, what: &str) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::corrupt(operation, format!("it answers {what} {found} instead of {expected}")))
}
