//! Real object stores for tests: installed once, pinned, below the target folder; started on a port of their own; gone
//! with whoever started them.

mod azurite;
mod moto;
mod process;
mod rclone;

pub use azurite::Azurite;
pub use moto::Moto;
pub use rclone::Rclone;
