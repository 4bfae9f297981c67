//! Etags: what tells one content of an object from another.

use super::context::{Context, Stop, Verdict, content, ensure};

pub(super) async fn an_etag_stays_with_the_content(c: Context) -> Verdict {
    let mut first: Option<String> = c.put("k", &content(100, "stays")).await?.etag;
    for _ in 0..3 {
        c.read("k").await?;
        let head = c.head("k").await?.etag;
        ensure!(
            first.is_none() || first == head,
            "the etag was {first:?}, and without a change it is {head:?}"
        );
        first = head;
    }
    first.map(drop).ok_or(Stop::NotApplicable("etags".into()))
}
