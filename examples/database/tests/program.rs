//! The program's help. As an integration test it also has cargo build the program, which the end-to-end suites start.
#![allow(clippy::unwrap_used, reason = "this is a test: what fails ends it")]

use std::process::Command;

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
