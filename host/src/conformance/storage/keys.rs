//! Keys of every shape, character and length are kept as they are, and apart from each other.

use super::context::{Context, Stop, Verdict, content, ensure};
use crate::error::ErrorKind;
use crate::model::AttemptId;

/// Bytes of the longest key that the host makes: `<backup id>/<attempt>/<node>/manifest.jsonl.gz`, with an id and a name of 128
/// bytes each.
const LONGEST_OF_HOST: usize = 312;
/// Bytes of the longest key that there may be.
const LONGEST: usize = 1_024;
/// Every character that a key may hold.
const CHARACTERS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._=";

pub(super) async fn keys_of_every_shape_are_kept_apart(c: Context) -> Verdict {
    let mut names: Vec<String> = [
        "ab",
        "aB",
        "AB",
        "a.b",
        "a-b",
        "a_b",
        "a=b",
        "a.",
        ".a",
        "...",
        "-",
        "_",
        "=",
        "0",
        "a.tmp",
        ".a.tmp",
        "a.part",
        "a.json",
        "tenant=x/day=1",
        ".siltstone/x",
        ".siltstone-tmp/x",
        "..a/..b",
        "con",
        "nul.txt",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("s".repeat(200));
    let mut deep = "deep".to_owned();
    while c.root.len() + deep.len() + 5 < LONGEST_OF_HOST {
        deep.push_str("/d.=-");
    }
    names.push(deep);
    for name in &names {
        c.put(name, &content(50, name)).await?;
    }
    for name in &names {
        c.holds(name, &content(50, name)).await?;
    }
    let mut listed = c.names().await?;
    names.sort_unstable();
    listed.sort_unstable();
    ensure!(listed == names, "listed are {listed:?}");
    Ok(())
}

pub(super) async fn keys_of_every_character_are_kept_apart(c: Context) -> Verdict {
    // Each at the beginning, in the middle and at the end of a segment, so that none is dropped, decoded or folded.
    let mut names: Vec<String> = CHARACTERS.chars().map(|char| format!("{char}x{char}/y{char}y")).collect();
    names.push(CHARACTERS.to_owned());
    for name in &names {
        c.put(name, &content(10, name)).await?;
    }
    names.sort_unstable();
    let listed = c.names().await?;
    ensure!(listed == names, "listed are {listed:?}");
    for name in &names {
        c.holds(name, &content(10, name)).await?;
    }
    Ok(())
}

/// A name that makes a key of so many bytes.
fn long_name(c: &Context, key: usize) -> String {
    let room = key.saturating_sub(c.root.len()).max(1);
    // None goes on behind the whole of another one: that would be a folder where a file is.
    let mut name = format!("{key}-{}", "segment-of-32-bytes-in-the-key=/".repeat(room.div_ceil(32)));
    name.truncate(room);
    if name.ends_with('/') {
        name.replace_range(room - 1.., "x");
    }
    name
}

pub(super) async fn the_longest_key_of_the_host_is_kept(c: Context) -> Verdict {
    // As an id of 128 bytes makes them, and many short segments.
    let segments = [
        "b".repeat(128_usize.saturating_sub(c.root.len())),
        AttemptId::generate().to_string(),
        "n".repeat(128),
    ];
    let own = format!("{}/manifest.jsonl.gz", segments.join("/"));
    let long = long_name(&c, LONGEST_OF_HOST);
    for name in [&own, &long] {
        let size = c.root.len() + name.len();
        let content = content(100, name);
        c.put(name, &content).await.map_err(|e| {
            Stop::Failed(format!(
                "the host makes keys of up to {LONGEST_OF_HOST} bytes, this one has {size}: {e}"
            ))
        })?;
        c.holds(name, &content).await?;
    }
    let mut expected = vec![own, long];
    expected.sort_unstable();
    let listed = c.names().await?;
    ensure!(listed == expected, "listed are {listed:?}");
    Ok(())
}

pub(super) async fn a_key_of_the_largest_length_is_kept(c: Context) -> Verdict {
    if fits(&c, LONGEST).await? {
        return Ok(());
    }
    // A store may bound the key together with the prefix of the location; the certificate says where.
    let (mut kept, mut refused) = (LONGEST_OF_HOST, LONGEST);
    while refused - kept > 1 {
        let middle = kept.midpoint(refused);
        if fits(&c, middle).await? {
            kept = middle;
        } else {
            refused = middle;
        }
    }
    Err(Stop::NotApplicable(
        format!(
            "keys of {LONGEST} bytes: here the longest has {kept}, besides the prefix of the location; the host's own have at most \
             {LONGEST_OF_HOST}"
        )
        .into(),
    ))
}

/// Whether a key of so many bytes is taken, and then kept.
async fn fits(c: &Context, key: usize) -> Result<bool, Stop> {
    let (name, content) = (long_name(c, key), content(100, key));
    match c.put(&name, &content).await {
        Ok(_) => c.holds(&name, &content).await.map(|()| true),
        Err(error) if error.is(ErrorKind::Invalid) || error.is(ErrorKind::Unsupported) => {
            ensure!(!error.is_outcome_unknown(), "{error}");
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}
