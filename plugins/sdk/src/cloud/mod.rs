//! What transports to object stores with buckets share: prefixes, ranges, uploads in parts, and credentials that are fetched
//! and kept for a while.

mod dates;
mod delete;
mod exchange;
mod origin;
mod prefix;
mod random;
mod range;
mod shared;
mod upload;
mod xml;

pub use dates::{http_ms, iso_ms, left_ms, now_ms};
pub use delete::one_by_one;
pub use exchange::{SettingFile, Wire, now};
pub use origin::{origin_need, usual_port};
pub use prefix::Prefix;
pub use random::random_name;
pub use range::{Range, receive};
pub use shared::{Fetched, renew, shared};
pub use upload::{Upload, without_gap};
pub use xml::root;
