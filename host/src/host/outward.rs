//! How plugins reach the network: the authorities and the proxy that the operator has set.

use crate::error::{Error, Result};
use crate::plugin::{EngineSettings, Proxy};
use crate::settings::HostSettings;

/// Settings of an engine with these, and with the plugin folders out of reach; all others are the defaults.
///
/// # Errors
///
/// [`crate::ErrorKind::Invalid`] with the variable that is wrong.
pub(crate) fn engine_settings(settings: &HostSettings) -> Result<EngineSettings> {
    let authorities = match &settings.ca_bundle {
        None => None,
        Some(path) => {
            let refused = |e| {
                let message =
                    format!("the file of BACKUP_CA_BUNDLE, `{}`, cannot be read: {e}", path.display());
                Error::invalid("start", message)
            };
            Some(std::fs::read(path).map_err(refused)?)
        }
    };
    let no_proxy = settings.no_proxy.iter().cloned();
    let proxy = settings.https_proxy.as_ref().map(|uri| Proxy::new(&uri.0, no_proxy)).transpose()?;
    Ok(EngineSettings {
        protected: settings.plugin_path.clone(),
        authorities,
        proxy,
        ..EngineSettings::default()
    })
}
