//! What a manifest may say, and what is said about one that is wrong.

use super::*;

const PIN: &str = "sha256 = \"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\"\n";

fn parse(text: &str, purpose: Use) -> Result<PluginManifest> {
    PluginManifest::parse(text, "dav.toml", purpose)
}

#[test]
fn everything_that_a_manifest_may_say_is_read() {
    let text = format!(
        r#"{PIN}
replaces = "s3"
settings = ["DAV_URL", "DAV_PASSWORD"]
origins = ["https://dav.example.com", {{ origin = "http://dav.corp:8080", addresses = "private" }}]
files = ["/etc/dav/token"]
folders = [{{ path = "/srv/dav", access = "read" }}]

[limits]
memory = "64MiB"
call_timeout = "1m 30s"
instances = 4
call_bytes = 1048576
"#
    );
    let manifest = parse(&text, Use::Installed).unwrap();
    assert_eq!(manifest.sha256.unwrap()[..3], [0, 0x11, 0x22]);
    assert_eq!(manifest.replaces.unwrap().as_str(), "s3");
    assert_eq!(manifest.grants.settings, ["DAV_URL", "DAV_PASSWORD"]);
    let origins: Vec<String> = manifest.grants.origins.iter().map(ToString::to_string).collect();
    assert_eq!(origins, ["https://dav.example.com:443", "http://dav.corp:8080 (private addresses too)"]);
    assert_eq!(manifest.grants.files, [PathBuf::from("/etc/dav/token")]);
    let folder = FolderGrant { path: PathBuf::from("/srv/dav"), access: FolderAccess::Read };
    assert_eq!(manifest.grants.folders, [folder]);
    let limits = PluginLimits {
        memory: Some(64 << 20),
        call_timeout: Some(Duration::from_secs(90)),
        instances: Some(4),
        call_bytes: Some(1 << 20),
    };
    assert_eq!(manifest.limits, limits);
}

#[test]
fn every_problem_is_told_at_once_with_its_key_its_value_and_what_it_must_be() {
    let text = r#"
sha265 = "x"
settings = "DAV_URL"
origins = ["dav.example.com", { orgin = "https://a.b" }]
files = ["relative"]
folders = [{ path = "/a/../b", access = "rw" }]
[limits]
memroy = "1MiB"
instances = 0
call_timeout = "soon"
memory = "1KiB"
"#;
    let text = parse(text, Use::Installed).unwrap_err().to_string();
    for part in [
        "dav.toml",
        "the key `sha265` is not known; did you mean `sha256`?",
        "`sha256` is missing",
        "`settings` is \"DAV_URL\"; it must be a list",
        "`origins[0]` is \"dav.example.com\"; it must be `https://host`",
        "the key `origins[1].orgin` is not known; did you mean `origins[1].origin`?",
        "`origins[1].origin` is missing",
        "`files[0]` is \"relative\"; it must be an absolute path",
        "`folders[0].path` is \"/a/../b\"",
        "`limits.memroy` is not known; did you mean `limits.memory`?",
        "`limits.instances` is 0; it must be a whole number of 1 to 256",
        "`limits.call_timeout` is \"soon\"",
        "`limits.memory` is \"1KiB\"",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn what_is_not_toml_is_told_with_its_line() {
    let text = parse("sha256 = \"a\"\nsettings = [\n", Use::Installed).unwrap_err().to_string();
    assert!(text.contains("dav.toml is not TOML at line"), "{text}");
}

#[test]
fn values_and_a_missing_pin_are_for_checks_alone() {
    let text = "[environment]\nDAV_URL = \"http://127.0.0.1:9\"\n";
    let manifest = parse(text, Use::Check).unwrap();
    assert_eq!(manifest.environment["DAV_URL"], "http://127.0.0.1:9");
    assert!(manifest.sha256.is_none() && manifest.wrong.is_empty());
    let manifest = parse(&format!("{text}[wrong]\nDAV_PASSWORD = \"x\"\n"), Use::Check).unwrap();
    assert_eq!((manifest.environment.len(), manifest.wrong["DAV_PASSWORD"].as_str()), (1, "x"));
    for table in ["environment", "wrong"] {
        let refused =
            parse(&format!("{PIN}[{table}]\nDAV_URL = \"x\"\n"), Use::Installed).unwrap_err().to_string();
        assert!(refused.contains(&format!("`{table}` is not known")), "{refused}");
        let refused = parse(&format!("[{table}]\nDAV_PASSWORD = 17\n"), Use::Check).unwrap_err().to_string();
        let told = refused.contains(&format!("`{table}.DAV_PASSWORD` must be text"));
        assert!(told && !refused.contains("17"), "{refused}");
        let refused = parse(&format!("{table} = \"hush\"\n"), Use::Check).unwrap_err().to_string();
        let told = refused.contains(&format!("`{table}` must be a table of text"));
        assert!(told && !refused.contains("hush"), "{refused}");
    }
}
