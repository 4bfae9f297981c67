//! The command line without a server, as a user runs it: real processes, a real folder, the real plugin.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A place with data to back up, a backup folder, and a state folder.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(place.path("data/deep/er")).unwrap();
        for i in 0..40u32 {
            let text = format!("segment {i} ").repeat(1000 * (i as usize + 1));
            fs::write(place.path(&format!("data/{i:03}")), text).unwrap();
        }
        fs::write(place.path("data/deep/er/empty"), "").unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_siltstone"));
        command
            .args(line.split(' '))
            .current_dir(self.dir.path())
            .env("BACKUP_FILESYSTEM_PATH", self.path("backups"))
            .env("SILTSTONE_STATE_DIR", self.path("state"))
            .env_remove("SILTSTONE_SERVER")
            .env_remove("SILTSTONE_LOG");
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Runs with `--json` and answers exit code and value.
    fn json(&self, line: &str) -> (i32, Value) {
        let out = self.run(&format!("{line} --json"));
        let shown = String::from_utf8_lossy(&out.stdout).into_owned();
        let value = serde_json::from_str(&shown).unwrap_or_else(|e| panic!("{line}: {e}: {shown}"));
        (out.status.code().unwrap(), value)
    }

    /// Begins a backup that takes long, and waits until its data is on the way.
    fn begin(&self, id: &str) -> Child {
        let mut noise = vec![0u8; 64 << 20];
        let mut state = 1u64;
        for eight in noise.chunks_exact_mut(8) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            eight.copy_from_slice(&state.to_le_bytes());
        }
        for i in 0..8 {
            fs::write(self.path(&format!("data/noise{i}")), &noise).unwrap();
        }
        let line = format!("backup --dir data --id {id} --compression BestCompression");
        let child = self.command(&line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let descriptor = self.path("backups").join(id).join("backup.json");
        let deadline = Instant::now() + Duration::from_secs(60);
        while !descriptor.exists() {
            assert!(Instant::now() < deadline, "the backup did not begin");
            std::thread::sleep(Duration::from_millis(5));
        }
        child
    }

    fn state_of(&self, id: &str) -> Value {
        let (_, list) = self.json("list --local");
        let found = list.as_array().unwrap().iter().find(|b| b["id"] == id).cloned();
        found.unwrap_or_default()["status"].clone()
    }
}

fn error_of_bytes(said: &[u8]) -> String {
    String::from_utf8_lossy(said).into_owned()
}

fn error_of(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                all.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    all
}

#[test]
fn a_folder_comes_back_as_it_was() {
    let place = Place::new();
    let (code, made) = place.json("backup --dir data --id nightly --compression ZstdDefaultCompression");
    assert_eq!((code, made["status"].as_str()), (0, Some("SUCCESS")), "{made}");
    assert_eq!((made["files"].as_u64(), &made["classes"]), (Some(41), &serde_json::json!(["data"])));
    let raw: usize = files(&place.path("data")).values().map(Vec::len).sum();
    assert_eq!(made["rawBytes"].as_u64(), Some(raw as u64));
    assert!(made["storedBytes"].as_u64().unwrap() > 0 && made["peakMemoryBytes"].as_u64().unwrap() > 0);

    let (code, found) = place.json("verify nightly --read-data");
    assert_eq!((code, &found["intact"]), (0, &Value::Bool(true)), "{found}");
    let (code, list) = place.json("list --local");
    assert_eq!((code, list[0]["id"].as_str()), (0, Some("nightly")));

    let out = place.run("restore --to back --id nightly");
    assert!(out.status.success(), "{}", error_of(&out));
    assert!(files(&place.path("data")) == files(&place.path("back")), "the files differ");
    let left: Vec<_> = fs::read_dir(place.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "something is left behind: {left:?}");

    assert_eq!(place.run("forget nightly").status.code(), Some(0));
    assert_eq!(place.json("list --local"), (0, serde_json::json!([])));
}

#[test]
fn what_is_in_the_way_is_kept_and_named() {
    let place = Place::new();
    assert!(place.run("backup --dir data --id a").status.success());
    let out = place.run("backup --dir data --id a");
    assert_eq!(out.status.code(), Some(2));
    assert!(error_of(&out).starts_with("error: ") && error_of(&out).contains("`a` already exists"));

    fs::create_dir(place.path("taken")).unwrap();
    fs::write(place.path("taken/mine"), "precious").unwrap();
    let out = place.run("restore --to taken --id a");
    assert_eq!(out.status.code(), Some(1));
    assert!(error_of(&out).contains("already exists"), "{}", error_of(&out));
    assert_eq!(fs::read_to_string(place.path("taken/mine")).unwrap(), "precious");
}

#[test]
fn mistakes_have_their_exit_codes_and_one_line() {
    let place = Place::new();
    for (line, code, names) in [
        ("verify nope", 3, "`nope`"),
        ("restore --to x --id nope", 3, "`nope`"),
        ("forget nope", 3, "`nope`"),
        ("backup --dir missing --id a", 2, "missing"),
        ("backup --dir data --id a --path /somewhere/else", 2, "BACKUP_FILESYSTEM_EXTRA_PATHS"),
        ("backup --dir data --id a --backend nope", 2, "backup-nope"),
        ("list --server http://127.0.0.1:1", 1, "--server"),
    ] {
        let out = place.run(line);
        let text = error_of(&out);
        assert_eq!(out.status.code(), Some(code), "{line}: {text}");
        assert!(text.contains(names) && text.lines().count() == 1, "{line}: {text}");
        let (again, value) = place.json(line);
        assert_eq!(again, code);
        assert!(value["error"]["message"].as_str().unwrap().contains(names), "{line}: {value}");
    }
    let out = place.command("list --local").env_remove("BACKUP_FILESYSTEM_PATH").output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(error_of(&out).contains("BACKUP_FILESYSTEM_PATH"), "{}", error_of(&out));
    let out = place.command("list --local").env("BACKUP_VERIFY", "maybe").output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(error_of(&out).contains("BACKUP_VERIFY has the value `maybe`"), "{}", error_of(&out));
}

#[test]
fn damage_is_found_and_not_restored() {
    let place = Place::new();
    assert!(place.run("backup --dir data --id a").status.success());
    let stored = files(&place.path("backups"));
    let chunk = stored.keys().find(|k| k.to_string_lossy().contains("/chunks/")).unwrap();
    let mut bytes = stored[chunk].clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(place.path("backups").join(chunk), bytes).unwrap();
    let (code, found) = place.json("verify a --read-data");
    assert_eq!((code, &found["intact"]), (4, &Value::Bool(false)));
    assert!(!found["problems"].as_array().unwrap().is_empty());
    assert_eq!(place.run("restore --to back --id a").status.code(), Some(1));
    assert!(!place.path("back").exists());
}

#[test]
fn a_copy_is_restored_without_its_source_and_a_second_run_sends_nothing() {
    let place = Place::new();
    assert!(place.run("backup --dir data --id a").status.success());
    let line = format!(
        "copy a --from filesystem --to filesystem --to-path {}/backups/second",
        place.dir.path().display()
    );
    let (code, made) = place.json(&line);
    assert_eq!((code, &made["sentChunks"]), (0, &made["chunks"]), "{made}");
    let (code, again) = place.json(&line);
    assert_eq!((code, again["sentChunks"].as_u64()), (0, Some(0)), "{again}");
    fs::rename(place.path("backups/second"), place.path("elsewhere")).unwrap();
    fs::remove_dir_all(place.path("backups")).unwrap();
    fs::rename(place.path("elsewhere"), place.path("backups")).unwrap();
    assert_eq!(place.json("verify a --read-data").1["intact"], true);
    assert!(place.run("restore --to back --id a").status.success());
    assert!(files(&place.path("data")) == files(&place.path("back")), "the files differ");
    let reader = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/reader/restore.py");
    let mut read = Command::new("python3");
    read.arg(reader).arg(place.path("backups")).arg("a").arg(place.path("out"));
    assert!(read.output().unwrap().status.success());
    assert!(files(&place.path("data")) == files(&place.path("out/data/_")), "the reader differs");
}

#[test]
fn an_interrupt_cancels_and_cleans_up() {
    let place = Place::new();
    let mut child = place.begin("stopped");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(place.state_of("stopped"), "CANCELED");
    let left: Vec<PathBuf> = files(&place.path("backups")).into_keys().collect();
    assert_eq!(left, [PathBuf::from("stopped/backup.json")]);
}

#[test]
fn a_killed_run_is_ended_by_the_next_and_blocks_it_only_while_it_lives() {
    let place = Place::new();
    let mut child = place.begin("killed");
    let out = place.run("backup --dir data --id second");
    assert_eq!(out.status.code(), Some(2), "{}", error_of(&out));
    assert!(error_of(&out).contains("--state-dir"), "{}", error_of(&out));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(place.state_of("killed"), "STARTED");
    for i in 0..8 {
        fs::remove_file(place.path(&format!("data/noise{i}"))).unwrap();
    }
    let out = place.run("backup --dir data --id third");
    assert!(out.status.success(), "{}", error_of(&out));
    assert_eq!((place.state_of("killed"), place.state_of("third")), ("FAILED".into(), "SUCCESS".into()));
    let left = files(&place.path("backups/killed")).into_keys().count();
    assert_eq!(left, 1, "more than the descriptor is left");
}

#[test]
fn plugins_are_listed_and_inspected() {
    let place = Place::new();
    let (code, list) = place.json("plugin list");
    let modules: Vec<_> = list.as_array().unwrap().iter().map(|p| p["module"].as_str().unwrap()).collect();
    assert_eq!((code, modules), (0, vec!["backup-azure", "backup-filesystem", "backup-gcs", "backup-s3"]));
    let (code, shown) = place.json("plugin inspect filesystem");
    assert_eq!((code, &shown["exports"][0]), (0, &Value::from("siltstone:storage/store@0.1.0")));
    assert_eq!(shown["needs"]["folders"][0]["path"], place.path("backups").display().to_string());
    fs::write(place.path("text.wasm"), "not wasm").unwrap();
    assert_eq!(place.run("plugin inspect text.wasm").status.code(), Some(2));
    assert_eq!(place.run("plugin inspect gone.wasm").status.code(), Some(2));
}

#[test]
fn plugins_of_a_folder_are_listed_with_where_they_came_from_and_what_they_may_reach() {
    let place = Place::new();
    let folder = place.path("plugins");
    fs::create_dir(&folder).unwrap();
    let component = siltstone_plugins::all().iter().find(|p| p.name == "filesystem").unwrap().component;
    fs::write(folder.join("filesystem.wasm"), component).unwrap();
    fs::write(folder.join("broken.wasm"), component).unwrap();
    let run = |line: &str, modules: &str| {
        let mut command = place.command(line);
        let out = command.env("BACKUP_PLUGIN_PATH", &folder).env("ENABLE_MODULES", modules).output().unwrap();
        (out.status.code().unwrap(), String::from_utf8(out.stdout).unwrap() + &error_of_bytes(&out.stderr))
    };
    let (code, listed) = run("plugin list", "");
    assert_eq!(code, 0, "{listed}");
    assert!(
        listed.contains("broken.wasm has no manifest: write ") && listed.contains("its SHA-256 is "),
        "{listed}"
    );
    assert!(listed.contains("filesystem.wasm has no manifest"), "{listed}");

    let digest = listed.split("its SHA-256 is ").nth(1).unwrap()[..64].to_owned();
    let manifest =
        |more: &str| format!("sha256 = \"{digest}\"\nsettings = [\"BACKUP_FILESYSTEM_PATH\"]\n{more}");
    fs::write(folder.join("filesystem.toml"), manifest("")).unwrap();
    let (code, listed) = run("plugin list", "backup-filesystem");
    assert_eq!(code, 1, "{listed}");
    assert!(listed.contains("say `replaces = \"filesystem\"`"), "{listed}");
    assert!(listed.contains("ENABLE_MODULES names plugins that cannot be used: filesystem"), "{listed}");

    fs::write(
        folder.join("filesystem.toml"),
        manifest("replaces = \"filesystem\"\n[limits]\nmemory = \"64MiB\"\n"),
    )
    .unwrap();
    let (code, listed) = run("plugin list --json", "backup-filesystem,backup-s3");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let of = |name: &str| listed.as_array().unwrap().iter().find(|p| p["name"] == name).unwrap().clone();
    let ours = of("filesystem");
    assert_eq!((code, &ours["state"], &ours["sha256"]), (0, &"enabled".into(), &digest.as_str().into()));
    assert_eq!(ours["from"], folder.join("filesystem.wasm").display().to_string());
    assert_eq!(ours["interface"], "siltstone:storage@0.1.0");
    assert_eq!(ours["grants"], serde_json::json!(["setting BACKUP_FILESYSTEM_PATH"]));
    assert_eq!(ours["limits"], serde_json::json!(["memory 64.00 MiB"]));
    assert_eq!((&of("s3")["state"], &of("gcs")["state"]), (&"enabled".into(), &"available".into()));
    assert_eq!(of("broken")["state"], "refused");

    // The one of the folder does the work: without its grant it does nothing.
    let out =
        place.command("backup --dir data --id first").env("BACKUP_PLUGIN_PATH", &folder).output().unwrap();
    assert!(out.status.success(), "{}", error_of(&out));
    let without = manifest("replaces = \"filesystem\"").replace("\"BACKUP_FILESYSTEM_PATH\"", "");
    fs::write(folder.join("filesystem.toml"), without).unwrap();
    let out =
        place.command("backup --dir data --id second").env("BACKUP_PLUGIN_PATH", &folder).output().unwrap();
    assert!(error_of(&out).contains("add BACKUP_FILESYSTEM_PATH to `settings`"), "{}", error_of(&out));
}

#[test]
fn what_a_plugin_file_is_comes_with_a_manifest_to_install_it() {
    let place = Place::new();
    let component = siltstone_plugins::all().iter().find(|p| p.name == "filesystem").unwrap().component;
    fs::write(place.path("vendor.wasm"), component).unwrap();
    // It sees no value that nobody has named, and so is not asked what it would do with it.
    let (code, shown) = place.json("plugin inspect vendor.wasm");
    let why = shown["needs"]["notAsked"].as_str().unwrap();
    assert!(code == 0 && why.ends_with("--setting BACKUP_FILESYSTEM_PATH"), "{why}");
    let out = place.run("plugin inspect vendor.wasm --setting BACKUP_FILESYSTEM_PAHT");
    assert_eq!(out.status.code(), Some(2));
    assert!(error_of(&out).contains("did you mean `BACKUP_FILESYSTEM_PATH`?"), "{}", error_of(&out));

    let out = place.run("plugin inspect vendor.wasm --setting BACKUP_FILESYSTEM_PATH");
    let shown = String::from_utf8(out.stdout.clone()).unwrap();
    assert!(out.status.success(), "{}", error_of(&out));
    let manifest = shown.split("grants no more than you want\n").nth(1).unwrap();
    let manifest: String =
        manifest.lines().take_while(|l| l.starts_with("  ")).map(|l| format!("{}\n", l.trim())).collect();
    let folder = place.path("plugins");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("filesystem.wasm"), component).unwrap();
    fs::write(folder.join("filesystem.toml"), format!("replaces = \"filesystem\"\n{manifest}")).unwrap();
    let out = place.command("plugin list --json").env("BACKUP_PLUGIN_PATH", &folder).output().unwrap();
    let listed: Value = serde_json::from_slice(&out.stdout).unwrap();
    let ours = listed.as_array().unwrap().iter().find(|p| p["name"] == "filesystem").unwrap();
    assert_eq!(ours["state"], "available", "{ours}\n{manifest}");
    // Beside a manifest that pins it, it sees what that grants; another component does not.
    let (_, shown) = place.json("plugin inspect plugins/filesystem.wasm");
    assert_eq!(shown["needs"]["folders"][0]["path"], place.path("backups").display().to_string());
    let other = siltstone_plugins::all().iter().find(|p| p.name == "s3").unwrap().component;
    fs::write(place.path("plugins/filesystem.wasm"), other).unwrap();
    let (_, shown) = place.json("plugin inspect plugins/filesystem.wasm");
    assert!(shown["needs"]["notAsked"].as_str().unwrap().contains("its manifest pins"), "{shown}");
    let folder = format!("folder {} (read and write)", place.path("backups").display());
    assert!(ours["grants"].as_array().unwrap().contains(&folder.into()), "{ours}");
}
