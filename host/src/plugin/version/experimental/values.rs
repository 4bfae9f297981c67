//! The values of the experimental version and those of the host, each made from the other.
//!
//! Nothing is judged here: whatever a plugin said arrives inside as something that is checked there.

use super::super::Terms;
use crate::plugin::bindings::experimental::types as theirs;
use crate::plugin::bindings::types as ours;

pub(super) fn error(given: theirs::Error) -> ours::Error {
    let theirs::Error { kind, message, answer, outcome_unknown } = given;
    let (kind, retry_after_ms) = match kind {
        theirs::ErrorKind::Throttled(pause) => (ours::ErrorKind::Throttled, pause),
        // It may work when tried again, which is all that callers want to know.
        theirs::ErrorKind::TimedOut | theirs::ErrorKind::Transient => (ours::ErrorKind::Transient, None),
        theirs::ErrorKind::NotFound => (ours::ErrorKind::NotFound, None),
        theirs::ErrorKind::AlreadyExists => (ours::ErrorKind::AlreadyExists, None),
        theirs::ErrorKind::PreconditionFailed => (ours::ErrorKind::PreconditionFailed, None),
        theirs::ErrorKind::Unauthenticated => (ours::ErrorKind::Unauthenticated, None),
        theirs::ErrorKind::Denied => (ours::ErrorKind::Denied, None),
        theirs::ErrorKind::Quota => (ours::ErrorKind::Quota, None),
        theirs::ErrorKind::InvalidConfig => (ours::ErrorKind::InvalidConfig, None),
        theirs::ErrorKind::Unsupported => (ours::ErrorKind::Unsupported, None),
        theirs::ErrorKind::Corrupt => (ours::ErrorKind::Corrupt, None),
        theirs::ErrorKind::Internal => (ours::ErrorKind::Internal, None),
    };
    let outcome = if outcome_unknown { ours::Outcome::Unknown } else { ours::Outcome::NoEffect };
    let http_status = answer.as_ref().map(|answer| answer.status);
    let request_id = answer.and_then(|answer| answer.request_id);
    ours::Error { kind, message, http_status, request_id, retry_after_ms, outcome }
}

pub(super) fn info(given: theirs::Info) -> ours::Info {
    let settings = given.settings.into_iter().map(setting).collect();
    ours::Info { name: given.name, version: given.version, settings }
}

fn setting(given: theirs::Setting) -> ours::Setting {
    let kind = match given.kind {
        theirs::SettingKind::Text => ours::SettingKind::Text,
        theirs::SettingKind::Secret => ours::SettingKind::Secret,
        theirs::SettingKind::Flag => ours::SettingKind::Flag,
        theirs::SettingKind::Size => ours::SettingKind::Size,
        theirs::SettingKind::Origin => ours::SettingKind::Origin,
        theirs::SettingKind::File => ours::SettingKind::File,
        theirs::SettingKind::Folder => ours::SettingKind::Folder,
    };
    let (required, default) = match given.absence {
        theirs::Absence::Refused => (true, None),
        theirs::Absence::Allowed => (false, None),
        theirs::Absence::Replaced(default) => (false, Some(default)),
    };
    ours::Setting { name: given.name, kind, required, default, doc: given.doc }
}

pub(super) fn site(settings: &[(String, String)], location: &ours::Location) -> theirs::Site {
    let ours::Location { bucket, path } = location.clone();
    theirs::Site { settings: settings.to_vec(), bucket, path }
}

pub(super) fn needs(given: Vec<theirs::Need>) -> ours::Needs {
    let mut needs = ours::Needs { origins: Vec::new(), files: Vec::new(), folders: Vec::new() };
    for theirs::Need { what, purpose } in given {
        match what {
            theirs::Reach::Origin((scheme, host, port)) => {
                needs.origins.push(ours::OriginNeed { scheme, host, port, purpose });
            }
            theirs::Reach::File(path) => needs.files.push(path),
            theirs::Reach::ReadFolder(path) => {
                needs.folders.push(ours::FolderNeed { path, access: ours::FolderAccess::Read, purpose });
            }
            theirs::Reach::WriteFolder(path) => {
                needs.folders.push(ours::FolderNeed { path, access: ours::FolderAccess::Write, purpose });
            }
        }
    }
    needs
}

pub(super) fn capabilities(given: theirs::Capabilities) -> ours::Capabilities {
    let mut preconditions = ours::Preconditions::empty();
    for (theirs, ours) in [
        (theirs::Preconditions::IF_ABSENT, ours::Preconditions::IF_ABSENT),
        (theirs::Preconditions::IF_MATCH, ours::Preconditions::IF_MATCH),
    ] {
        if given.preconditions.contains(theirs) {
            preconditions |= ours;
        }
    }
    let mut digests = ours::DigestKinds::empty();
    for (theirs, ours) in [
        (theirs::DigestKinds::SHA256, ours::DigestKinds::SHA256),
        (theirs::DigestKinds::MD5, ours::DigestKinds::MD5),
        (theirs::DigestKinds::CRC32C, ours::DigestKinds::CRC32C),
    ] {
        if given.digests.contains(theirs) {
            digests |= ours;
        }
    }
    ours::Capabilities {
        max_put: given.max_put,
        max_object: given.max_object,
        parts: part_rules(given.parts),
        preconditions,
        digests,
        delete_batch: given.delete_batch,
        in_flight: given.in_flight,
    }
}

fn part_rules(given: Option<theirs::PartRules>) -> ours::PartRules {
    let Some(rules) = given else {
        let order = ours::PartOrder::None;
        return ours::PartRules { order, min_size: 0, max_size: 0, multiple_of: 0, max_count: 0 };
    };
    let order = if rules.in_order { ours::PartOrder::InOrder } else { ours::PartOrder::AnyOrder };
    ours::PartRules {
        order,
        min_size: rules.min_length,
        max_size: rules.max_length,
        multiple_of: rules.multiple_of,
        max_count: rules.max_count,
    }
}

pub(super) fn put_request(key: &str, terms: &Terms) -> theirs::PutRequest {
    let condition = match &terms.condition {
        ours::Precondition::None => theirs::Precondition::None,
        ours::Precondition::IfAbsent => theirs::Precondition::IfAbsent,
        ours::Precondition::IfMatch(etag) => theirs::Precondition::IfMatch(etag.clone()),
    };
    let mut attributes = theirs::Attributes { content_type: None, attempt: None, more: Vec::new() };
    for (name, value) in &terms.attributes {
        match name.as_str() {
            "content-type" => attributes.content_type = Some(value.clone()),
            "attempt" => attributes.attempt = Some(value.clone()),
            _ => attributes.more.push((name.clone(), value.clone())),
        }
    }
    theirs::PutRequest { key: key.to_owned(), condition, attributes }
}

pub(super) fn meta(key: impl Into<String>, stored: theirs::Stored) -> ours::ObjectMeta {
    let theirs::Stored { length, etag, modified_ms } = stored;
    ours::ObjectMeta { key: key.into(), size: length, etag, modified_ms }
}

pub(super) fn page(given: theirs::Listing) -> ours::Page {
    let (entries, next) = match given {
        theirs::Listing::Last(entries) => (entries, None),
        theirs::Listing::More((entries, token)) => (entries, Some(token)),
    };
    let mut page = ours::Page { objects: Vec::new(), prefixes: Vec::new(), next };
    for entry in entries {
        match entry {
            theirs::Entry::Object((key, stored)) => page.objects.push(meta(key, stored)),
            theirs::Entry::Prefix(prefix) => page.prefixes.push(prefix),
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(kind: theirs::ErrorKind) -> theirs::Error {
        let answer = Some(theirs::Answer { status: 503, request_id: Some("r".to_owned()) });
        theirs::Error { kind, message: "slow".to_owned(), answer, outcome_unknown: true }
    }

    #[test]
    fn a_kind_that_the_host_does_not_know_becomes_one_that_means_the_same_to_callers() {
        let timed_out = error(given(theirs::ErrorKind::TimedOut));
        assert_eq!(timed_out.kind, ours::ErrorKind::Transient);
        let throttled = error(given(theirs::ErrorKind::Throttled(Some(7))));
        assert_eq!((throttled.kind, throttled.retry_after_ms), (ours::ErrorKind::Throttled, Some(7)));
        assert_eq!((throttled.http_status, throttled.request_id.as_deref()), (Some(503), Some("r")));
        assert_eq!(throttled.outcome, ours::Outcome::Unknown);
    }

    #[test]
    fn a_listing_is_split_into_objects_and_prefixes_in_their_order() {
        let stored = theirs::Stored { length: 3, etag: None, modified_ms: Some(1) };
        let entries = vec![
            theirs::Entry::Object(("a".to_owned(), stored)),
            theirs::Entry::Prefix("b/".to_owned()),
            theirs::Entry::Prefix("c/".to_owned()),
        ];
        let found = page(theirs::Listing::More((entries, "t".to_owned())));
        assert_eq!((found.objects[0].key.as_str(), found.objects[0].size), ("a", 3));
        assert_eq!(
            (found.prefixes, found.next.as_deref()),
            (vec!["b/".to_owned(), "c/".to_owned()], Some("t"))
        );
        assert_eq!(page(theirs::Listing::Last(Vec::new())).next, None);
    }

    #[test]
    fn attributes_are_told_by_their_names_and_none_is_lost() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let attributes = vec![pair("attempt", "a"), pair("content-type", "t"), pair("retain-until", "r")];
        let terms = Terms { condition: ours::Precondition::IfMatch("e".to_owned()), attributes };
        let request = put_request("k", &terms);
        assert_eq!(request.attributes.attempt.as_deref(), Some("a"));
        assert_eq!(request.attributes.content_type.as_deref(), Some("t"));
        assert_eq!(request.attributes.more, [pair("retain-until", "r")]);
        assert!(matches!(request.condition, theirs::Precondition::IfMatch(etag) if etag == "e"));
    }

    #[test]
    fn a_store_without_parts_has_rules_of_zeros() {
        let rules = part_rules(None);
        assert_eq!((rules.order, rules.max_size, rules.max_count), (ours::PartOrder::None, 0, 0));
        let some =
            theirs::PartRules { in_order: true, min_length: 1, max_length: 9, multiple_of: 3, max_count: 2 };
        let rules = part_rules(Some(some));
        assert_eq!((rules.order, rules.min_size, rules.max_size), (ours::PartOrder::InOrder, 1, 9));
    }
}
