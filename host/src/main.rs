//! The `siltstone` command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    siltstone::cli::run(std::env::args_os())
}
