//! HTTP for transports: requests are values, and only [`send()`] talks to the host.
//!
//! Building a request and reading what came back are plain functions over [`http`] types, so they are tested natively.
//! The bytes of a [`Body::Blob`] never enter the guest: the host moves them from the blob to the connection, and those of a
//! response from the connection to the sink.

mod failure;
pub mod percent;
mod response;
mod send;

pub use response::{Response, retry_after_ms};
pub use send::{Body, send};

/// The types that requests are made of.
#[doc(no_inline)]
pub use http;
