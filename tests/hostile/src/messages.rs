//! HTTP messages that are made and not sent, or sent and not taken up.

use std::collections::BTreeSet;
use std::hint::black_box;

use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::types::Error;
use siltstone_plugin_sdk::wasi::clocks::monotonic_clock::subscribe_duration;
use siltstone_plugin_sdk::wasi::http::outgoing_handler::handle as send;
use siltstone_plugin_sdk::wasi::http::types::{
    Fields, FutureIncomingResponse, Method, OutgoingBody, OutgoingRequest, OutgoingResponse, Scheme,
};
use siltstone_plugin_sdk::wasi::io::poll::poll;
use siltstone_plugin_sdk::wasi::io::streams::OutputStream;

use crate::component::Handle;
use crate::misdeeds::trap;
use crate::resources::hoard;
use crate::{Behaviour, REQUESTS};

/// Requests that `ManyConnections` sends.
const CONNECTIONS: usize = 50;

pub(crate) fn put(handle: &Handle) {
    match handle.behaviour {
        Behaviour::ManyRequests => hoard(|_| full_request()),
        Behaviour::ManyResponses => hoard(|_| {
            let response = OutgoingResponse::new(Fields::new());
            let body = response.body().map(full);
            (response, body)
        }),
        Behaviour::ManyAnswers => hoard(|_| ask(&handle.address)),
        Behaviour::KeepsRequests => std::mem::forget((0..6).map(|_| full_request()).collect::<Vec<_>>()),
        Behaviour::KeepsAnswer => {
            let answer = ask(&handle.address).map(|answer| {
                answer.subscribe().block();
                answer.get()
            });
            match answer {
                Ok(Some(Ok(Ok(answer)))) => std::mem::forget(answer),
                other => trap(&format!("{other:?}")),
            }
        }
        Behaviour::HugeMethod => {
            let request = OutgoingRequest::new(Fields::new());
            let set = request.set_method(&Method::Other("M".repeat(1 << 20)));
            trap(&format!("{set:?}"));
        }
        _ => {}
    }
}

pub(crate) fn head(handle: &Handle) -> Result<(), Error> {
    if handle.behaviour != Behaviour::ManyConnections {
        return Ok(());
    }
    let answers: Vec<_> = (0..CONNECTIONS).filter_map(|_| ask(&handle.address).ok()).collect();
    let pollables: Vec<_> = answers.iter().map(FutureIncomingResponse::subscribe).collect();
    let mut waiting: Vec<usize> = (0..answers.len()).collect();
    let mut refusals = Vec::new();
    // Refusals come at once, and answers never.
    while waiting.len() > REQUESTS {
        let mut ready = poll(&waiting.iter().map(|at| &pollables[*at]).collect::<Vec<_>>());
        ready.sort_unstable();
        for place in ready.into_iter().rev() {
            let at = waiting.remove(place as usize);
            refusals.push(
                answers[at].get().map(|answer| answer.map(|answer| answer.map(|answer| answer.status()))),
            );
        }
    }
    subscribe_duration(100_000_000).block();
    let later = waiting.iter().filter(|at| pollables[**at].ready()).count();
    let refusals: BTreeSet<String> = refusals.into_iter().map(|refusal| format!("{refusal:?}")).collect();
    Err(error::denied(format!("{} wait, {later} no longer, the others got {refusals:?}", waiting.len())))
}

/// A request with some MiB in its body.
fn full_request() -> (OutgoingRequest, Result<(OutgoingBody, Option<OutputStream>), ()>) {
    let request = OutgoingRequest::new(Fields::new());
    let body = request.body().map(full);
    (request, body)
}

fn full(body: OutgoingBody) -> (OutgoingBody, Option<OutputStream>) {
    let stream = body.write().ok();
    if let Some(stream) = &stream {
        for _ in 0..2 {
            let _ = stream.check_write().and_then(|room| stream.write_zeroes(room));
        }
    }
    (body, stream)
}

/// Sends a request to an address.
fn ask(address: &str) -> Result<FutureIncomingResponse, String> {
    let request = OutgoingRequest::new(Fields::new());
    let set = [
        request.set_scheme(Some(&Scheme::Http)),
        request.set_authority(Some(address)),
        request.set_path_with_query(Some("/")),
    ];
    black_box(set);
    send(request, None).map_err(|code| format!("{code:?}"))
}
