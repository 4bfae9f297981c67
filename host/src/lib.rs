//! Online backups of LSM databases through sandboxed storage plugins.
