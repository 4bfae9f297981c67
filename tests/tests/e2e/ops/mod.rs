//! The operations end to end: a host over the real filesystem component and a database of folders.

mod cancel;
mod requests;
mod round_trip;
