//! End-to-end suites: real components, real files, real processes.

mod hostile;
mod house;
