//! Names that nobody has used before.

use std::hash::{BuildHasher, RandomState};

/// Sixteen hexadecimal digits.
pub fn random_name() -> String {
    format!("{:016x}", RandomState::new().hash_one("once"))
}
