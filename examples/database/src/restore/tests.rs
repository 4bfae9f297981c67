//! Restores into the database: admission, crash points of the install, aliases.
