//! The suites that every storage and every engine must pass.
