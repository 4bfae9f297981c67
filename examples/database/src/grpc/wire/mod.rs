//! The messages of `weaviate.v1` with their numbers on the wire, as far as this server reads or writes them.
//!
//! A field of a request that would change the answer is declared even where it is not served, so that a request that
//! uses it can be refused instead of being answered wrongly; [`Unread`] stands for the messages of those.

pub(crate) mod aggregate;
pub(crate) mod base;
pub(crate) mod batch;
pub(crate) mod delete;
pub(crate) mod health;
pub(crate) mod properties;
pub(crate) mod search;
pub(crate) mod stream;
pub(crate) mod structure;
pub(crate) mod tenants;

/// A message of which only the presence matters.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct Unread {}
