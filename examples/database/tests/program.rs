//! The program's help, and what it asks of callers. As an integration test it also has cargo build the program, which the end-to-end suites start.
#![allow(clippy::unwrap_used, reason = "this is a test: what fails ends it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_siltstone-db")).args(arguments).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_names_what_each_command_does_and_takes() {
    let all = help(&["--help"]);
    assert!(all.contains("demo") && all.contains("serve"), "{all}");
    let demo = help(&["demo", "--help"]);
    for named in ["--size", "300MB", "--json", "--keep", "--compression", "exit code"] {
        assert!(demo.contains(named), "{named}: {demo}");
    }
    let serve = help(&["serve", "--help"]);
    for named in [
        "--host",
        "127.0.0.1",
        "--port",
        "8080",
        "--grpc-port",
        "50051",
        "--data",
        "PERSISTENCE_DATA_PATH",
        "ENABLE_MODULES",
    ] {
        assert!(serve.contains(named), "{named}: {serve}");
    }
}

/// A server that is killed when it is dropped.
struct Running {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(variables: &[(&str, &str)]) -> (Command, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_siltstone-db"));
    command.args(["serve", "--port", "0"]).current_dir(folder.path()).envs(variables.iter().copied());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    (command, folder)
}

fn start(variables: &[(&str, &str)]) -> Running {
    let (mut command, folder) = serve(variables);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening at http://").unwrap().to_owned();
    Running { child, address, _folder: folder }
}

impl Running {
    fn status(&self, method: &str, path: &str, key: &str) -> u16 {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: 2\r\n");
        write!(stream, "{head}authorization: Bearer {key}\r\n\r\n{{}}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

const KEYS: [(&str, &str); 6] = [
    ("AUTHENTICATION_APIKEY_ENABLED", "true"),
    ("AUTHENTICATION_APIKEY_ALLOWED_KEYS", "boss-key,guest-key"),
    ("AUTHENTICATION_APIKEY_USERS", "boss,guest"),
    ("AUTHORIZATION_ADMINLIST_ENABLED", "true"),
    ("AUTHORIZATION_ADMINLIST_USERS", "boss"),
    ("AUTHORIZATION_ADMINLIST_READONLY_USERS", "guest"),
];

#[test]
fn keys_are_asked_for_at_the_routes_of_backups_too() {
    let server = start(&KEYS);
    let backups = "/v1/backups/filesystem";
    for (method, path) in [("GET", backups), ("POST", backups), ("DELETE", "/v1/backups/filesystem/a")] {
        assert_eq!(server.status(method, path, "wrong"), 401, "{method} {path}");
    }
    assert_eq!(
        (server.status("GET", backups, "guest-key"), server.status("POST", backups, "guest-key")),
        (200, 403)
    );
    assert_eq!(
        (server.status("GET", backups, "boss-key"), server.status("POST", backups, "boss-key")),
        (200, 422)
    );
    assert_eq!(server.status("GET", "/v1/.well-known/ready", ""), 200);
}

#[test]
fn a_wrong_setting_of_access_ends_the_start() {
    let (mut command, _folder) = serve(&KEYS[..1]);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("AUTHENTICATION_APIKEY_ALLOWED_KEYS"), "{said}");
}
