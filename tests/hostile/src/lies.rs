//! Answers that are not true or not within their bounds.

use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::types::{
    Capabilities, DigestKinds, Error, FolderAccess, FolderNeed, Info, Needs, ObjectMeta, OriginNeed, Outcome,
    Page, PartOrder, PartRules, Preconditions,
};

use crate::component::Handle;
use crate::{Behaviour, misdeeds, network};

/// What clears a terminal, rings its bell and turns the order of its text round.
const ODD: &str = "\u{1b}[2J\u{7}\r\n\u{202e}";

pub(crate) fn meta(key: String, size: u64) -> ObjectMeta {
    ObjectMeta { key, size, etag: Some("etag".to_owned()), modified_ms: None }
}

pub(crate) fn describe(behaviour: Behaviour, mut info: Info) -> Info {
    let count = match behaviour {
        Behaviour::ManySettings => 65,
        Behaviour::HugeDescription => 100_000,
        Behaviour::OddName => {
            info.name = format!("{ODD}hostile");
            return info;
        }
        _ => return info,
    };
    let Some(like) = info.settings.pop() else { return info };
    info.settings = (0..count)
        .map(|n| {
            let mut setting = like.clone();
            setting.name = format!("HOSTILE_{n}");
            setting
        })
        .collect();
    info
}

pub(crate) fn needs(behaviour: Behaviour, folder: &str, address: &str) -> Needs {
    let access = match behaviour {
        Behaviour::WriteReadOnly => FolderAccess::Read,
        _ => FolderAccess::Write,
    };
    let need = |path: &str| FolderNeed { path: path.to_owned(), access, purpose: "tests".to_owned() };
    let origin = |scheme: &str, host: &str, port| OriginNeed {
        scheme: scheme.to_owned(),
        host: host.to_owned(),
        port,
        purpose: "tests".to_owned(),
    };
    let numbered = |n: u32| origin("https", &format!("h{n}.example.com"), 443);
    let mut needs = Needs { origins: vec![], files: vec![], folders: vec![need(folder)] };
    match behaviour {
        Behaviour::NeedsForeignFolder => needs.folders.push(need("/etc")),
        Behaviour::NeedsNestedFolders => needs.folders.push(need(&format!("{folder}/below"))),
        Behaviour::NeedsForeignFile => needs.files.push("/etc/passwd".to_owned()),
        Behaviour::NeedsOrigin => needs.origins.push(origin("http", "127.0.0.1", 80)),
        Behaviour::ManyOrigins => needs.origins = (0..65).map(numbered).collect(),
        Behaviour::HugeNeeds => needs.origins = (0..100_000).map(numbered).collect(),
        Behaviour::ManyFolders => needs.folders = vec![need(folder); 17],
        Behaviour::Requests => {
            if let Some((scheme, host, port)) = network::first(address) {
                needs.origins.push(origin(scheme, host, port));
            }
        }
        Behaviour::RequestBeside
        | Behaviour::PanicsWithRequest
        | Behaviour::KeepsAnswer
        | Behaviour::ManyConnections => {
            let (host, port) = address.rsplit_once(':').unwrap_or((address, "80"));
            needs.origins.push(origin("http", host, port.parse().unwrap_or(80)));
        }
        Behaviour::CacheInNeeds => {
            let _ = siltstone_plugin_sdk::host::cache_get("key");
        }
        _ => {}
    }
    needs
}

pub(crate) fn capabilities(behaviour: Behaviour) -> Capabilities {
    let mut all = Capabilities {
        max_put: 1 << 30,
        max_object: 1 << 40,
        parts: PartRules {
            order: PartOrder::AnyOrder,
            min_size: 1,
            max_size: 1 << 30,
            multiple_of: 1,
            max_count: 10_000,
        },
        preconditions: Preconditions::empty(),
        digests: DigestKinds::empty(),
        delete_batch: 100,
        in_flight: 2,
    };
    match behaviour {
        Behaviour::NonsenseCapabilities => all.delete_batch = 0,
        Behaviour::NoPut => all.max_put = 0,
        Behaviour::MinAboveMax => (all.parts.min_size, all.parts.max_size) = (2, 1),
        Behaviour::NoParts => all.parts.max_count = 0,
        Behaviour::NoMultiple => {
            (all.parts.min_size, all.parts.max_size, all.parts.multiple_of) = (5, 6, 4);
        }
        Behaviour::ManyInFlight => {
            (all.in_flight, all.delete_batch, all.parts.max_count) = (u32::MAX, u32::MAX, u32::MAX);
        }
        Behaviour::UnknownFlags => {
            all.preconditions = Preconditions::from_bits_retain(0xf0);
            all.digests = DigestKinds::from_bits_retain(0xf0);
        }
        _ => {}
    }
    all
}

/// None where it does not lie.
pub(crate) fn head(handle: &Handle, key: &str) -> Option<Result<ObjectMeta, Error>> {
    let message = |len| Error { message: "m".repeat(len), ..error::internal("") };
    let meta = |key: &str| meta(key.to_owned(), 16);
    Some(match handle.behaviour {
        Behaviour::WrongKey => Ok(meta("other")),
        Behaviour::HugeErrorText => Err(message(20 << 20)),
        Behaviour::LongErrorText => Err(message(5 << 10)),
        Behaviour::HugeEtag => Ok(ObjectMeta { etag: Some("e".repeat(2 << 10)), ..meta(key) }),
        Behaviour::TellsSecret => Err(error::denied(format!("the key {} is wrong", handle.secret))),
        Behaviour::PanicsWithSecret => misdeeds::trap(&handle.secret),
        Behaviour::WrongOutcome => {
            Err(Error { outcome: Outcome::Unknown, ..error::already_exists("it was there") })
        }
        Behaviour::OddErrorText => Err(error::denied(format!("{ODD}all is well"))),
        Behaviour::OddRequestId => Err(Error { request_id: Some(ODD.to_owned()), ..error::denied("no") }),
        Behaviour::EndlessPause => {
            Err(Error { retry_after_ms: Some(u64::MAX), ..error::throttled("not now") })
        }
        _ => return None,
    })
}

/// None where it does not lie.
pub(crate) fn upload_id(behaviour: Behaviour) -> Option<String> {
    match behaviour {
        Behaviour::HugeUploadId => Some("u".repeat(5 << 10)),
        Behaviour::EmptyUploadId => Some(String::new()),
        Behaviour::OddUploadId => Some(ODD.to_owned()),
        _ => None,
    }
}

/// None where it does not lie.
pub(crate) fn tag(behaviour: Behaviour) -> Option<String> {
    match behaviour {
        Behaviour::HugeTag => Some("t".repeat(2 << 10)),
        Behaviour::OddTag => Some(ODD.to_owned()),
        _ => None,
    }
}

/// None where it does not lie.
pub(crate) fn list(behaviour: Behaviour, prefix: &str, token: Option<&str>, limit: u32) -> Option<Page> {
    let base = prefix.trim_end_matches('/');
    let page = |names: &[&str], next: Option<String>| Page {
        objects: names.iter().map(|name| meta(format!("{base}/{name}"), 1)).collect(),
        prefixes: vec![],
        next,
    };
    let numbered = |count: u32| Page {
        objects: (0..count)
            .map(|i| ObjectMeta { key: format!("{base}/{i:08}"), size: 1, etag: None, modified_ms: None })
            .collect(),
        prefixes: vec![],
        next: None,
    };
    Some(match behaviour {
        Behaviour::Unsorted => page(&["2", "1"], None),
        Behaviour::Duplicates => page(&["1", "1"], None),
        Behaviour::ForeignPrefix => {
            let mut page = page(&["1"], None);
            page.objects.push(meta("worse/1".to_owned(), 1));
            page
        }
        Behaviour::TooMany => numbered(limit + 1),
        Behaviour::EndlessNames => {
            let first: u64 = token.and_then(|token| token.parse().ok()).unwrap_or(0);
            let next = first + u64::from(limit);
            let objects = (first..next).map(|i| meta(format!("bad/{i:020}"), 1)).collect();
            Page { objects, prefixes: vec![], next: Some(next.to_string()) }
        }
        Behaviour::MillionNames => numbered(1_000_000),
        Behaviour::HugeName => page(&[&"n".repeat(1 << 20)], None),
        Behaviour::HugeToken => page(&["1"], Some("t".repeat(9 << 10))),
        Behaviour::EndlessToken => page(&[], Some("again".to_owned())),
        Behaviour::EndlessPages => page(&["1"], Some(format!("{}x", token.unwrap_or_default()))),
        _ => return None,
    })
}
