//! Documents of servers, of somebody between, and of nobody's friend.

use siltstone_plugin_sdk::types::ErrorKind;

use super::*;

fn entries(document: impl Read) -> Result<Vec<Entry>, Error> {
    let mut all = Vec::new();
    read(document, &mut |entry| {
        all.push(entry);
        Ok(())
    })?;
    Ok(all)
}

fn object(href: &str, size: u64, modified_ms: Option<u64>) -> Entry {
    Entry { href: href.to_owned(), is_collection: false, size: Some(size), modified_ms }
}

#[test]
fn names_count_whatever_prefix_they_have() {
    let properties = |p: &str| {
        format!(
            "<{p}response><{p}href>/d/k&amp;%20&#x31;</{p}href><{p}propstat><{p}prop>\
             <{p}resourcetype/><{p}getcontentlength> 7 </{p}getcontentlength>\
             <{p}getlastmodified>Sat, 21 Nov 2026 01:02:03 GMT</{p}getlastmodified>\
             </{p}prop><{p}status>HTTP/1.1 200 OK</{p}status></{p}propstat></{p}response>"
        )
    };
    for (open, close, p) in [
        ("<D:multistatus xmlns:D=\"DAV:\">", "</D:multistatus>", "D:"),
        ("<multistatus xmlns=\"DAV:\">", "</multistatus>", ""),
        ("<a:multistatus xmlns:a='DAV:' xmlns:D='urn:other'>", "</a:multistatus>", "a:"),
    ] {
        let document = format!("\u{feff}<?xml version=\"1.0\"?>\n<!-- x -->{open}{}{close}\n", properties(p));
        let expected = object("/d/k&%201", 7, Some(1_795_222_923_000));
        assert_eq!(entries(document.as_bytes()).unwrap(), [expected], "{open}");
    }
}

#[test]
fn what_is_not_of_the_namespace_or_not_in_its_place_does_not_count() {
    let document = "<D:multistatus xmlns:D=\"DAV:\" xmlns:x=\"urn:x\"><D:response>\
        <D:href>/d/k</D:href><D:propstat><D:prop><D:lockdiscovery><D:activelock><D:owner>\
        <D:href>mailto:me</D:href></D:owner><D:resourcetype><D:collection/></D:resourcetype></D:activelock></D:lockdiscovery>\
        <x:getcontentlength>1</x:getcontentlength><D:getcontentlength><![CDATA[2]]></D:getcontentlength>\
        <x:resourcetype><D:collection/></x:resourcetype></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>\
        </D:response></D:multistatus>";
    assert_eq!(entries(document.as_bytes()).unwrap(), [object("/d/k", 2, None)]);
}

#[test]
fn properties_that_are_missing_and_resources_that_are_refused_do_not_count() {
    let document = "<multistatus xmlns=\"DAV:\"><response><href>/c/</href>\
        <propstat><prop><getcontentlength>9</getcontentlength></prop><status>HTTP/1.1 404 Not Found</status></propstat>\
        <propstat><prop><resourcetype><collection/></resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat>\
        </response><response><href>/gone</href><status>HTTP/1.1 404 Not Found</status></response></multistatus>";
    let expected = Entry { href: "/c/".to_owned(), is_collection: true, size: None, modified_ms: None };
    assert_eq!(entries(document.as_bytes()).unwrap(), [expected]);
    assert!(entries(&b"<multistatus xmlns='DAV:'/>"[..]).unwrap().is_empty());
}

#[test]
fn a_page_of_somebody_between_is_no_listing() {
    for page in [
        "",
        "not xml",
        "<html><body>Log in to the network</body></html>",
        "<multistatus/>",
        "<x:multistatus xmlns:x='urn:x'/>",
        "<!DOCTYPE a [<!ENTITY b \"cc\">]><multistatus xmlns='DAV:'/>",
        "<multistatus xmlns='DAV:'>&unknown;</multistatus>",
        "<multistatus xmlns='DAV:'></response>",
    ] {
        assert_eq!(entries(page.as_bytes()).unwrap_err().kind, ErrorKind::Corrupt, "{page}");
    }
}

#[test]
fn a_document_that_breaks_off_is_tried_again() {
    let whole = "<multistatus xmlns='DAV:'><response><href>/a</href></response></multistatus>";
    for end in [whole.len() - 1, whole.len() - 14, 30] {
        assert_eq!(entries(&whole.as_bytes()[..end]).unwrap_err().kind, ErrorKind::Transient, "{end}");
    }

    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
    let begun = "<multistatus xmlns='DAV:'>".as_bytes();
    assert_eq!(entries(begun.chain(Broken)).unwrap_err().kind, ErrorKind::Transient);
}

#[test]
fn words_after_the_end_tell_of_a_server_that_gave_up() {
    let whole = "<multistatus xmlns='DAV:'><response><href>/a</href></response></multistatus>";
    for (after, is_whole) in [
        ("", true),
        (" \r\n", true),
        ("<!-- served by x -->", true),
        ("Internal Server Error", false),
        ("\n500", false),
        ("<html>500</html>", false),
        ("<multistatus xmlns='DAV:'/>", false),
        ("<!DOCTYPE html><p>", false),
    ] {
        let read = entries(format!("{whole}{after}").as_bytes());
        match read {
            Ok(entries) => assert!(is_whole && entries.len() == 1, "{after:?}"),
            Err(error) => assert!(!is_whole && error.kind == ErrorKind::Transient, "{after:?}: {error:?}"),
        }
    }
}

#[test]
fn a_document_without_end_is_given_up() {
    let begun = "<multistatus xmlns='DAV:'><response><href>";
    let text = io::repeat(b'x').take(10 << 20);
    assert_eq!(entries(begun.as_bytes().chain(text)).unwrap_err().kind, ErrorKind::Corrupt);

    let pieces = "x<!---->".repeat(10_000);
    let value = entries(begun.as_bytes().chain(pieces.as_bytes())).unwrap_err();
    assert_eq!(value.kind, ErrorKind::Corrupt);

    let tags = format!("<multistatus xmlns='DAV:'>{}", "<x>".repeat(1000));
    assert_eq!(entries(tags.as_bytes()).unwrap_err().kind, ErrorKind::Corrupt);
}

#[test]
fn an_entry_is_handed_over_before_the_next_is_read() {
    let mut seen = 0;
    let one = "<response><href>/a</href></response>";
    let document = format!("<multistatus xmlns='DAV:'>{one}{one}no xml <");
    let error = read(document.as_bytes(), &mut |_| {
        seen += 1;
        if seen == 2 { Err(error::internal("enough")) } else { Ok(()) }
    });
    assert_eq!((error.unwrap_err().message.as_str(), seen), ("enough", 2));
}
