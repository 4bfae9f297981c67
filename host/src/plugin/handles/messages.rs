//! Makes HTTP messages for guests, a bounded number at a time.
//!
//! What is written to the body of a message waits in memory of the host until somebody sends it, some MiB for each; and a response
//! holds its headers there, and a connection until its body has ended.

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host as _;
use wasmtime_wasi_http::p2::bindings::http::types::{self, ErrorCode, Method, RequestOptions};
use wasmtime_wasi_http::p2::body::{HostFutureTrailers, HostIncomingBody, HostOutgoingBody};
use wasmtime_wasi_http::p2::types::{
    HostFutureIncomingResponse, HostIncomingResponse, HostOutgoingRequest, HostOutgoingResponse,
};
use wasmtime_wasi_http::{FieldMap, WasiHttpView};

use super::super::state::{Phase, State};
use super::count;

const TYPES: &str = "wasi:http/types@0.2.12";
const HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";
/// Messages that an instance may have made and not sent. Up to 5 MiB of the body of each are held.
const MAX_UNSENT: usize = 8;
/// Responses that an instance may wait for or hold. The headers of one may have some 100 KiB.
const MAX_RESPONSES: usize = 64;
/// Bytes of the name of a method, which nothing else bounds.
const MAX_METHOD: usize = 64;

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut types = linker.instance(TYPES)?;
    types.func_wrap("[constructor]outgoing-request", |mut store, (headers,): (Resource<FieldMap>,)| {
        let state = store.data_mut();
        check_unsent(state)?;
        Ok((types::HostOutgoingRequest::new(&mut state.http(), headers)?,))
    })?;
    types.func_wrap("[constructor]outgoing-response", |mut store, (headers,): (Resource<FieldMap>,)| {
        let state = store.data_mut();
        check_unsent(state)?;
        Ok((types::HostOutgoingResponse::new(&mut state.http(), headers)?,))
    })?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store, (request, method): (Resource<HostOutgoingRequest>, Method)| {
            if matches!(&method, Method::Other(name) if name.len() > MAX_METHOD) {
                return Ok((Err(()),));
            }
            Ok((types::HostOutgoingRequest::set_method(&mut store.data_mut().http(), request, method)?,))
        },
    )?;
    type Sent = (Resource<HostOutgoingRequest>, Option<Resource<RequestOptions>>);
    linker.instance(HANDLER)?.func_wrap("handle", |mut store, (request, options): Sent| {
        let state = store.data_mut();
        let responses = count::<HostFutureIncomingResponse>(state) + count::<HostIncomingResponse>(state);
        if responses >= MAX_RESPONSES {
            return Err(wasmtime::format_err!("it held more than {MAX_RESPONSES} HTTP responses at once"));
        }
        let sent: Result<_, ErrorCode> = match state.http().handle(request, options) {
            Ok(response) => Ok(response),
            Err(error) => Err(error.downcast()?),
        };
        Ok((sent,))
    })
}

/// Whether an instance holds a message, or something of one, behind which there may be more than its slot in the table.
pub(super) fn is_holding(state: &mut State) -> bool {
    state.table_mut().iter_mut().any(|entry| {
        entry.is::<HostOutgoingRequest>()
            || entry.is::<HostOutgoingResponse>()
            || entry.is::<HostOutgoingBody>()
            || entry.is::<HostIncomingResponse>()
            || entry.is::<HostIncomingBody>()
            || matches!(
                entry.downcast_ref(),
                Some(HostFutureIncomingResponse::Pending(_) | HostFutureIncomingResponse::Ready(_))
            )
            || matches!(entry.downcast_ref(), Some(HostFutureTrailers::Waiting(_)))
    })
}

fn check_unsent(state: &mut State) -> wasmtime::Result<()> {
    let early = match state.phase() {
        Phase::Describe => "describe",
        Phase::Needs => "needs",
        Phase::Serve => {
            let unsent = count::<HostOutgoingRequest>(state) + count::<HostOutgoingResponse>(state);
            if unsent < MAX_UNSENT {
                return Ok(());
            }
            return Err(wasmtime::format_err!(
                "it made more than {MAX_UNSENT} HTTP messages without sending them"
            ));
        }
    };
    Err(wasmtime::format_err!("it made an HTTP message in `{early}`, which may not"))
}
