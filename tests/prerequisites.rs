//! What the tests need on the machine; the build stops and names what is missing.

use std::process::Command;

/// Program, arguments that print its version, the least major and minor version, and where to get it.
const NEEDED: [(&str, &[&str], (u32, u32), &str); 3] = [
    ("python3", &["--version"], (3, 10), "install Python 3.10 or newer (Debian: python3)"),
    ("node", &["--version"], (20, 0), "install Node.js 20 or newer (Debian: nodejs)"),
    ("cc", &["-dumpversion"], (1, 0), "install a C compiler (Debian: gcc)"),
];

/// Everything that is missing or too old, one line each.
pub(crate) fn missing() -> Vec<String> {
    let mut missing: Vec<String> = NEEDED
        .iter()
        .filter_map(|(program, arguments, least, remedy)| {
            let found = version(program, arguments);
            (found < Some(*least)).then(|| match found {
                Some((major, minor)) => format!("{program} {major}.{minor} is too old: {remedy}"),
                None => format!("{program} is missing: {remedy}"),
            })
        })
        .collect();
    let venv = Command::new("python3").args(["-c", "import venv, ensurepip"]).output();
    if !venv.is_ok_and(|out| out.status.success()) {
        missing.push("python3 has no venv module: install it (Debian: python3-venv)".to_owned());
    }
    missing
}

fn version(program: &str, arguments: &[&str]) -> Option<(u32, u32)> {
    let out = Command::new(program).args(arguments).output().ok().filter(|out| out.status.success())?;
    let text = String::from_utf8(out.stdout).ok()?;
    let numbers = text.trim().trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut parts = numbers.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let major = parts.next()?.ok()?;
    Some((major, parts.next().and_then(Result::ok).unwrap_or(0)))
}
