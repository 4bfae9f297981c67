//! What it means that a request got no response.

use crate::error;
use crate::types::Error;
use crate::wasi::http::types::ErrorCode;

/// The error for a request that failed on its way: `changes` says whether it would have changed something.
pub(super) fn failed(code: &ErrorCode, host: &str, changes: bool) -> Error {
    use ErrorCode as E;
    let text = describe(code);
    match code {
        E::HttpRequestDenied | E::DestinationIpProhibited | E::DestinationIpUnroutable => {
            error::denied(format!("requests to {host} are not granted ({text})"))
        }
        E::TlsCertificateError | E::TlsProtocolError | E::TlsAlertReceived(_) => error::invalid_config(
            format!("{host}: {text}; check the address, TLS and the certificate authorities"),
        ),
        E::HttpRequestUriInvalid => {
            error::invalid_config(format!("{host} is no address that a request can go to"))
        }
        // No connection, so nothing was sent.
        E::DnsError(_)
        | E::DnsTimeout
        | E::DestinationNotFound
        | E::DestinationUnavailable
        | E::ConnectionRefused
        | E::ConnectionTimeout
        | E::ConnectionLimitReached => error::transient(format!("{host} cannot be reached: {text}")),
        _ => {
            let error = error::transient(format!("the request to {host} failed: {text}"));
            if changes { error::outcome_unknown(error) } else { error }
        }
    }
}

fn describe(code: &ErrorCode) -> &'static str {
    use ErrorCode as E;
    match code {
        E::HttpRequestDenied => "not an origin that was granted",
        E::DestinationIpProhibited | E::DestinationIpUnroutable => {
            "its address is local or private, and no setting names the host"
        }
        E::DnsError(_) | E::DnsTimeout | E::DestinationNotFound => "its name cannot be resolved",
        E::ConnectionRefused => "the connection was refused",
        E::ConnectionTimeout => "no connection in time",
        E::ConnectionTerminated => "the connection was closed",
        E::ConnectionReadTimeout | E::HttpResponseTimeout => "no response in time",
        E::TlsCertificateError => "its certificate is not trusted",
        E::TlsProtocolError | E::TlsAlertReceived(_) => "TLS cannot be agreed on",
        E::HttpResponseIncomplete => "the response ended early",
        E::DestinationUnavailable => "no connection",
        E::HttpRequestBodySize(_) => "the body ended early",
        _ => "HTTP went wrong",
    }
}
