//! Bodies on their way: one of a request that threads share, and one of a response that holds the right to its request.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use sync_wrapper::SyncWrapper;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::{Error as HttpError, WasiBody};

/// A body of a guest's request. Nobody but its owner can reach what is within, and the owner only by `&mut`.
pub(super) struct SyncBody {
    body: SyncWrapper<WasiBody>,
    hint: SizeHint,
}

impl SyncBody {
    pub(super) fn new(body: WasiBody) -> Self {
        let hint = body.size_hint();
        Self { body: SyncWrapper::new(body), hint }
    }
}

impl Body for SyncBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        Pin::new(self.body.get_mut()).poll_frame(context)
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

/// The body of a response. Its request is under way until it has ended, or is dropped.
pub(super) struct Admitted {
    body: WasiBody,
    permit: Option<OwnedSemaphorePermit>,
}

impl Admitted {
    pub(super) fn new(body: WasiBody, permit: OwnedSemaphorePermit) -> Self {
        let permit = (!body.is_end_stream()).then_some(permit);
        Self { body, permit }
    }
}

impl Body for Admitted {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.permit = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
