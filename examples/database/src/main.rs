//! db main.
fn main() {}
