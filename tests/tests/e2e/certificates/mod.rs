//! `siltstone plugin check` as a vendor runs it.

mod bundled;
mod refused;
mod vendors;
