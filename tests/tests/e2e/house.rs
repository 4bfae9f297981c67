//! The rules of the house that a compiler does not hold: who may use whom, and what a file looks like.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_none_or(|n| n != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "{} has no source files", folder.display());
    found.sort();
    found
}

/// The lines above the inline tests.
fn production(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().take_while(|l| !l.starts_with("#[cfg(test)]")).map(str::to_owned).collect()
}

fn is_test(path: &Path) -> bool {
    path.components().any(|c| c.as_os_str() == "tests")
        || path.file_stem().is_some_and(|s| s.to_string_lossy().ends_with("tests"))
        || path.file_stem().is_some_and(|s| s == "sample")
}

/// Room, and the rooms that it may use. Every room may use `error` and itself.
const ARROWS: [(&str, &[&str]); 13] = [
    ("model", &[]),
    ("codec", &["model"]),
    ("source", &["model"]),
    ("settings", &["model"]),
    ("storage", &["model"]),
    ("journal", &["model", "storage"]),
    ("plugin", &["model", "storage"]),
    ("conformance", &["model", "storage", "source"]),
    ("repository", &["model", "storage", "codec"]),
    ("ops", &["model", "storage", "codec", "source", "repository", "journal", "settings"]),
    ("server", &["model", "ops", "source", "settings", "host"]),
    ("cli", &["model", "ops", "source", "settings", "host", "storage", "plugin", "conformance", "server"]),
    ("host", &["model", "storage", "source", "journal", "plugin", "ops", "settings", "repository", "codec"]),
];

#[test]
fn arrows_point_one_way() {
    let src = root().join("host/src");
    let mut wrong = Vec::new();
    for (room, allowed) in ARROWS {
        for file in rust_files(&src.join(room)).into_iter().filter(|f| !is_test(f)) {
            for (number, line) in production(&file).iter().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                for used in code.match_indices("crate::").map(|(at, m)| &code[at + m.len()..]) {
                    let name: String =
                        used.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                    let is_room = ARROWS.iter().any(|(r, _)| *r == name);
                    if is_room && name != room && !allowed.contains(&name.as_str()) {
                        wrong.push(format!("{}:{}: {room} uses {name}", file.display(), number + 1));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that are not in host/docs/architecture.md:\n{}", wrong.join("\n"));
}

#[test]
fn every_room_is_in_the_table() {
    for entry in fs::read_dir(root().join("host/src")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(ARROWS.iter().any(|(room, _)| *room == name), "host/src/{name} has no arrows");
        }
    }
}

#[test]
fn foreign_types_stay_in_their_rooms() {
    let src = root().join("host/src");
    let homes: [(&str, &[&str]); 5] = [
        ("wasmtime", &["plugin"]),
        ("wasmtime_wasi", &["plugin"]),
        ("axum", &["server"]),
        ("clap", &["cli"]),
        ("reqwest", &["plugin", "cli"]),
    ];
    for file in rust_files(&src) {
        let relative = file.strip_prefix(&src).unwrap();
        let room = relative.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        for (number, line) in production(&file).iter().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for (name, allowed) in homes {
                let used = code.contains(&format!("{name}::")) || code.trim() == format!("use {name};");
                assert!(
                    !used || allowed.contains(&room.as_str()),
                    "{}:{}: {name} is used outside {allowed:?}",
                    relative.display(),
                    number + 1
                );
            }
        }
    }
}

/// What is written down has the time of the clock that the embedder gave.
#[test]
fn operations_read_no_clock_of_their_own() {
    let mut wrong = Vec::new();
    for room in ["ops", "journal", "repository", "plugin", "host"] {
        for file in rust_files(&root().join("host/src").join(room)).into_iter().filter(|f| !is_test(f)) {
            for (number, line) in production(&file).iter().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                let reads = ["Timestamp::now(", "AttemptId::generate(", "SystemTime::now("];
                if reads.iter().any(|call| code.contains(call)) {
                    wrong.push(format!("{}:{}", file.display(), number + 1));
                }
            }
        }
    }
    // Times that a store wrote are compared with the system's clock: see there.
    wrong.retain(|at| !at.contains("ops/context.rs"));
    assert!(wrong.is_empty(), "another clock than the given one:\n{}", wrong.join("\n"));
}

#[test]
fn nothing_in_plugins_depends_on_the_host() {
    for folder in ["plugins", "plugins/sdk", "plugins/filesystem", "plugins/guest-build"] {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        assert!(
            !manifest.lines().any(|l| l.starts_with("siltstone.") || l.starts_with("siltstone =")),
            "{folder}"
        );
    }
}

#[test]
fn every_file_says_first_what_it_is_for_and_stays_short() {
    let mut wrong = Vec::new();
    for folder in ["host", "plugins", "tests", "examples"] {
        for file in rust_files(&root().join(folder)) {
            let lines = production(&file);
            if !lines.first().is_some_and(|l| l.starts_with("//! ")) {
                wrong.push(format!("{}: the first line is no `//! ` sentence", file.display()));
            }
            if lines.len() > 500 {
                wrong.push(format!("{}: {} lines", file.display(), lines.len()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_runtime_crates_have_one_version() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let version = |name: &str| {
        let mut lines = lock.lines().skip_while(|l| *l != format!("name = \"{name}\""));
        lines.nth(1).unwrap_or_else(|| panic!("{name} is not in Cargo.lock")).to_owned()
    };
    let wasmtime = version("wasmtime");
    assert!(wasmtime.starts_with("version = \"48.0."), "{wasmtime}");
    assert_eq!(version("wasmtime-wasi"), wasmtime);
    assert_eq!(version("wasmtime-wasi-http"), wasmtime);
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let page = fs::read_to_string(root().join("host/docs/threat-model.md")).unwrap();
    let mut sources = String::new();
    for folder in ["host", "plugins", "tests", "examples"] {
        for file in rust_files(&root().join(folder)) {
            sources.push_str(&fs::read_to_string(file).unwrap());
        }
    }
    let (mut named, mut missing) = (0, Vec::new());
    for row in page.lines().filter(|l| l.starts_with('|') && l.matches(" | ").count() == 2) {
        let last = row.trim_end_matches(['|', ' ']).rsplit(" | ").next().unwrap();
        for name in last.split('`').skip(1).step_by(2) {
            named += 1;
            // A function, or a line of a table from which a macro makes one.
            let is_there =
                [format!("fn {name}("), format!("    {name}: ")].iter().any(|text| sources.contains(text));
            if !is_there {
                missing.push(name);
            }
        }
    }
    assert!(named > 40, "{named}");
    assert!(missing.is_empty(), "{missing:#?}");
}
