//! The bytes of the bundled transport components.
