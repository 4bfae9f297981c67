//! How keys become names of files: side by side in one folder, so that no key is in another's way.
//!
//! A slash becomes `+`, and the name ends with `!`. What is longer than a name of a file may be continues in a folder whose
//! name ends with `~`. None of these three occurs in keys.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes of one name without its last sign.
const PIECE: usize = 200;
/// How often a folder is read anew while others keep removing names from it.
const TRIES: u32 = 200;

/// Where the object of a key lies. Keys are ASCII, as the host makes them.
pub fn path(root: &Path, key: &str) -> PathBuf {
    let flat = key.replace('/', "+");
    let mut path = root.to_path_buf();
    let mut rest = flat.as_str();
    while rest.len() > PIECE {
        let (piece, after) = rest.split_at(PIECE);
        path.push(format!("{piece}~"));
        rest = after;
    }
    path.push(format!("{rest}!"));
    path
}

/// All keys that begin with the prefix, in byte order.
pub fn keys(root: &Path, prefix: &str) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    walk(root, String::new(), &mut found)?;
    found.retain(|key| key.starts_with(prefix));
    found.sort_unstable();
    Ok(found)
}

fn walk(folder: &Path, begun: String, found: &mut Vec<String>) -> io::Result<()> {
    for name in names(folder)? {
        if let Some(piece) = name.strip_suffix('~') {
            walk(&folder.join(&name), format!("{begun}{piece}"), found)?;
        } else if let Some(rest) = name.strip_suffix('!') {
            found.push(format!("{begun}{rest}").replace('+', "/"));
        }
    }
    Ok(())
}

/// The names in a folder. Here a look at a name that is removed meanwhile ends the reading, so it begins again.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let read = || -> io::Result<Vec<String>> {
        let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        Ok(names.collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect())
    };
    for _ in 1..TRIES {
        match read() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            ended => return ended,
        }
    }
    read()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_file_of_its_own_and_is_found_by_it() {
        let folder = tempfile::tempdir().unwrap();
        let long = "x".repeat(PIECE);
        let keys_of: Vec<String> = [
            "a",
            "a.b",
            "a/b",
            "a/b/c",
            ".siltstone-tmp/none/1",
            &long,
            &format!("{long}."),
            &"y/".repeat(511),
        ]
        .iter()
        .map(|key| key.trim_end_matches('/').to_owned())
        .collect();
        for key in &keys_of {
            let path = path(folder.path(), key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            assert!(!path.exists(), "{key}");
            fs::write(path, "").unwrap();
        }
        let mut sorted = keys_of;
        sorted.sort_unstable();
        assert_eq!(keys(folder.path(), "").unwrap(), sorted);
        assert_eq!(keys(folder.path(), "a/").unwrap(), ["a/b", "a/b/c"]);
    }
}
