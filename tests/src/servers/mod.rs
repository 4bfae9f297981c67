//! Real object stores for tests: installed once, pinned, below the target folder; started on a port of their own; gone
//! with whoever started them.

mod azurite;
mod cloud;
mod fake_gcs;
mod fake_identities;
mod gcs_emulator;
mod moto;
mod process;
mod rclone;
mod webdav;

pub use azurite::Azurite;
pub use cloud::{Cloud, Kind};
pub use fake_gcs::{FakeGcs, KeyKind, Trouble};
pub use fake_identities::{CLIENT_SECRET, CONTAINER, FakeIdentities, WORKLOAD};
pub use gcs_emulator::GcsEmulator;
pub use moto::Moto;
pub use rclone::Rclone;
pub use webdav::{WEBDAV_COMPONENT, WebDav};
