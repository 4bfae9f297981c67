//! Answers that are not true or not within their bounds.

use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::types::{Error, ObjectMeta, Page};

use crate::Behaviour;
use crate::component::Handle;
use crate::misdeeds;

pub(crate) fn meta(key: String, size: u64) -> ObjectMeta {
    ObjectMeta { key, size, etag: Some("etag".to_owned()), modified_ms: None }
}

pub(crate) fn head(handle: &Handle, key: String) -> Result<ObjectMeta, Error> {
    let message = |len| Error { message: "m".repeat(len), ..error::internal("") };
    match handle.behaviour {
        Behaviour::WrongKey => Ok(meta("other".to_owned(), 16)),
        Behaviour::HugeErrorText => Err(message(20 << 20)),
        Behaviour::LongErrorText => Err(message(5 << 10)),
        Behaviour::HugeEtag => Ok(ObjectMeta { etag: Some("e".repeat(2 << 10)), ..meta(key, 16) }),
        Behaviour::TellsSecret => Err(error::denied(format!("the key {} is wrong", handle.secret))),
        Behaviour::PanicsWithSecret => misdeeds::trap(&handle.secret),
        _ => Ok(meta(key, 16)),
    }
}

pub(crate) fn list(behaviour: Behaviour, token: Option<String>, limit: u32) -> Page {
    let page = |keys: &[&str], next: Option<String>| Page {
        objects: keys.iter().map(|key| meta((*key).to_owned(), 1)).collect(),
        prefixes: vec![],
        next,
    };
    match behaviour {
        Behaviour::Unsorted => page(&["bad/2", "bad/1"], None),
        Behaviour::Duplicates => page(&["bad/1", "bad/1"], None),
        Behaviour::ForeignPrefix => page(&["bad/1", "worse/1"], None),
        Behaviour::TooMany => {
            let objects = (0..=limit).map(|i| meta(format!("bad/{i:08}"), 1)).collect();
            Page { objects, prefixes: vec![], next: None }
        }
        Behaviour::EndlessToken => page(&[], Some("again".to_owned())),
        Behaviour::EndlessPages => page(&["bad/1"], Some(format!("{}x", token.unwrap_or_default()))),
        _ => page(&[], None),
    }
}
