//! End-to-end suites: real components, real files, real processes.

#[cfg(test)]
mod hostile;
mod house;
