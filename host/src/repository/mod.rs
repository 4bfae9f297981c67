//! Meaning over a storage: layout, descriptor, manifest, chunk writer and reader.
