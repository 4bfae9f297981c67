//! The bytes of the bundled transport components.
//!
//! They are compiled by this package's build script, or taken from the folder that
//! `SILTSTONE_PREBUILT_PLUGINS` names at build time.

/// A transport that comes with Siltstone.
#[derive(Clone, Copy, Debug)]
pub struct Plugin {
    /// The name by which users address the backend; the same that the component gives itself.
    pub name: &'static str,
    /// The component, in the binary format.
    pub component: &'static [u8],
}

/// All bundled transports, in the order of their names.
pub fn all() -> &'static [Plugin] {
    const ALL: &[Plugin] = &[
        Plugin { name: "azure", component: include_bytes!(env!("SILTSTONE_AZURE_COMPONENT")) },
        Plugin { name: "filesystem", component: include_bytes!(env!("SILTSTONE_FILESYSTEM_COMPONENT")) },
        Plugin { name: "gcs", component: include_bytes!(env!("SILTSTONE_GCS_COMPONENT")) },
        Plugin { name: "s3", component: include_bytes!(env!("SILTSTONE_S3_COMPONENT")) },
    ];
    ALL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundled_plugin_is_a_component() {
        assert!(all().is_sorted_by_key(|plugin| plugin.name));
        for plugin in all() {
            // The magic number, and the version and layer that tell a component from a core module.
            assert_eq!(plugin.component[..8], *b"\0asm\x0d\0\x01\0", "{}", plugin.name);
        }
    }
}
