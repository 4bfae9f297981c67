//! The operations end to end: a host over the real filesystem component and a database of folders.

mod cancel;
mod clouds;
mod copy;
mod corruption;
mod crash;
mod endless;
mod faults;
mod forget_and_list;
mod forgotten_half;
mod hostile_manifests;
mod incremental;
mod network;
mod places;
mod recovery;
mod requests;
mod round_trip;
mod secrets;
mod two_hosts;
