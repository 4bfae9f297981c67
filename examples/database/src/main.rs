//! The command line of the database server.

fn main() {}
