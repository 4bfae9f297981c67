//! What the tests need on the machine; the build stops and names what is missing.

use std::process::Command;

/// A program that must be there.
struct Need {
    program: &'static str,
    /// Prints its version.
    argument: &'static str,
    /// Least major and minor version.
    least: (u32, u32),
    /// Where to get it.
    remedy: &'static str,
}

const NEEDED: [Need; 7] = [
    Need {
        program: "python3",
        argument: "--version",
        least: (3, 10),
        remedy: "install Python 3.10 or newer (Debian: python3)",
    },
    Need {
        program: "node",
        argument: "--version",
        least: (20, 0),
        remedy: "install Node.js 20 or newer (Debian: nodejs)",
    },
    Need {
        program: "npm",
        argument: "--version",
        least: (9, 0),
        remedy: "install npm 9 or newer, which comes with Node.js (Debian: npm)",
    },
    Need {
        program: "cc",
        argument: "-dumpversion",
        least: (1, 0),
        remedy: "install a C compiler (Debian: gcc)",
    },
    Need {
        program: "openssl",
        argument: "version",
        least: (1, 1),
        remedy: "install OpenSSL 1.1.1 or newer (Debian: openssl), which makes certificates for tests",
    },
    Need {
        program: "curl",
        argument: "--version",
        least: (7, 60),
        remedy: "install curl 7.60 or newer (Debian: curl), one of the clients that the server is tested with",
    },
    Need {
        program: "setpriv",
        argument: "--version",
        least: (2, 30),
        remedy: "install util-linux 2.30 or newer, with which servers for tests end with their test",
    },
];

/// Everything that is missing or too old, one line each.
pub(crate) fn missing() -> Vec<String> {
    let mut missing: Vec<String> = NEEDED
        .iter()
        .filter_map(|Need { program, argument, least, remedy }| {
            let found = version(program, argument);
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

fn version(program: &str, argument: &str) -> Option<(u32, u32)> {
    let out = Command::new(program).arg(argument).output().ok().filter(|out| out.status.success())?;
    let text = String::from_utf8(out.stdout).ok()?;
    let numbers = text.trim().trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut parts = numbers.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let major = parts.next()?.ok()?;
    Some((major, parts.next().and_then(Result::ok).unwrap_or(0)))
}
