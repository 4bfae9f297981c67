//! `siltstone plugin check` as a vendor runs it.

mod bundled;
mod lies;
mod refused;
mod vendors;
