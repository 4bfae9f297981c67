//! What a plugin can do wrong, and how that becomes an error of the host.

use std::time::Duration;

use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

use super::redact::Redactor;
use super::text;
use crate::error::{Error, ErrorKind, FaultKind, Retry};

/// Most bytes that are told of a fault.
const MAX_WHY: usize = 4096;

/// Whether a call can change the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It only reads.
    Reads,
    /// It may have taken effect even when it failed.
    Changes,
}

/// Misbehaviour of a plugin, as opposed to an honest error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// It trapped, exited, or a host function refused what it passed.
    #[error("it broke off: {what}")]
    Trap { what: String },
    /// The same, after it had asked for more memory than it may have.
    #[error("it broke off: {what}")]
    Memory { what: String },
    /// Neither payload moved nor did it compute.
    #[error("nothing moved for {}", humantime::format_duration(*.0))]
    Stalled(Duration),
    /// It took longer than its payload allows.
    #[error("it took more than the {} it was allowed", humantime::format_duration(*.0))]
    Overdue(Duration),
    /// It computed for too long.
    #[error("it computed for more than {}", humantime::format_duration(*.0))]
    Cpu(Duration),
    /// It answered something that the contract does not allow.
    #[error("it broke the contract: {0}")]
    Contract(String),
}

impl Fault {
    /// Of an error of the runtime; `said` is what the plugin last wrote to its standard error.
    pub(crate) fn from_runtime(error: &wasmtime::Error, said: Option<&str>, memory: Option<u64>) -> Self {
        let mut what = if let Some(trap) = error.downcast_ref::<Trap>() {
            trap.to_string()
        } else if let Some(exit) = error.downcast_ref::<I32Exit>() {
            format!("it exited with status {}", exit.0)
        } else {
            text::one_line(&error.root_cause().to_string(), 1024)
        };
        if let Some(limit) = memory {
            what.push_str(&format!(", after it asked for more than its {limit} bytes of memory"));
        }
        if let Some(line) = said {
            what.push_str(&format!(", after it wrote {}", text::shown(line)));
        }
        match memory {
            Some(_) => Self::Memory { what },
            None => Self::Trap { what },
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Trap { .. } => FaultKind::Trap,
            Self::Memory { .. } => FaultKind::Memory,
            Self::Stalled(_) => FaultKind::Stalled,
            Self::Overdue(_) => FaultKind::Overdue,
            Self::Cpu(_) => FaultKind::Cpu,
            Self::Contract(_) => FaultKind::Contract,
        }
    }

    /// The error that the caller of the operation sees; what it repeats of the plugin's words holds no secrets.
    pub(crate) fn into_error(
        self,
        plugin: &str,
        operation: &'static str,
        effect: Effect,
        redactor: &Redactor,
    ) -> Error {
        let (kind, retry) = match &self {
            Self::Stalled(_) | Self::Overdue(_) => (ErrorKind::Timeout, Retry::After(None)),
            Self::Trap { .. } | Self::Memory { .. } | Self::Cpu(_) | Self::Contract(_) => {
                (ErrorKind::Plugin, Retry::Never)
            }
        };
        // Cleaned before it is cut: the beginning of a secret is a secret too.
        let clean = redactor.clean(&self.to_string());
        let why = text::bounded(&clean, MAX_WHY);
        let message = format!("plugin `{plugin}` was stopped, because {why}");
        let error = Error::new(kind, operation, message).with_retry(retry).with_fault(self.kind());
        match effect {
            Effect::Reads => error,
            Effect::Changes => error.outcome_unknown(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_plugin_operation_and_doubt() {
        let fault = Fault::Stalled(Duration::from_secs(30));
        let error = fault.into_error("s3", "put", Effect::Changes, &Redactor::default());
        assert_eq!((error.kind(), error.fault()), (ErrorKind::Timeout, Some(FaultKind::Stalled)));
        assert_eq!(
            error.to_string(),
            "put: plugin `s3` was stopped, because nothing moved for 30s; it is not known whether it took effect"
        );
        let error =
            Fault::Contract("no".into()).into_error("s3", "head", Effect::Reads, &Redactor::default());
        assert_eq!((error.kind(), error.is_outcome_unknown()), (ErrorKind::Plugin, false));
    }

    #[test]
    fn a_secret_does_not_show_wherever_a_value_is_cut() {
        let secret = "0123456789abcdef".repeat(4);
        let redactor = Redactor::new([("KEY".to_owned(), secret.clone())]);
        for before in [0, 190, 4_080, text::WINDOW - 70, text::WINDOW - 20, text::WINDOW - 1] {
            let value = format!("{}{secret}{}", "\u{1}".repeat(before), "x".repeat(text::WINDOW));
            let fault = Fault::Contract(format!("it answered for {}", text::shown(&value)));
            let told = fault.into_error("s3", "head", Effect::Reads, &redactor).to_string();
            assert!(!told.contains("0123") && told.len() < MAX_WHY + 200, "{before}: {told}");
            let plain = Fault::Contract(text::shown(&value.replace('\u{1}', "y")));
            let told = plain.into_error("s3", "head", Effect::Reads, &redactor).to_string();
            assert!(!told.contains("0123") && told.len() < MAX_WHY + 200, "{before}: {told}");
        }
    }
}
