//! Makes or restores one backup of a folder database, and is killed on the way by a test.

use std::process::ExitCode;

use clap::Parser;
use siltstone_tests::driver::{Args, run};

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write;
            // Without standard error there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}
