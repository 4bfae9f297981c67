//! End-to-end suites: real components, real files, real processes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "this is a test: what fails ends it"
)]

mod certificates;
mod checklist;
mod clients;
mod demo;
#[cfg(test)]
mod embed;
#[cfg(test)]
mod health;
#[cfg(test)]
mod honesty;
#[cfg(test)]
mod hostile;
mod house;
mod installed;
mod migration;
mod neighbours;
mod openapi;
mod ops;
mod program;
mod released;
mod restart;
mod serve;
mod storage;
mod vendors;
mod versions;
