//! Runs the example in a scratch folder and prints what it did.

use std::process::ExitCode;

use siltstone::{Error, Result};

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what the program is for")]
async fn main() -> ExitCode {
    match run().await {
        Ok(lines) => {
            lines.iter().for_each(|line| println!("{line}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<Vec<String>> {
    let folder = tempfile::tempdir().map_err(|e| Error::io("start", std::env::temp_dir(), e))?;
    siltstone_embed_minimal::run(folder.path()).await
}
