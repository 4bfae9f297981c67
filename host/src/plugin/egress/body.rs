//! Lets a body that may be polled by one thread at a time be part of a request that threads share.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use sync_wrapper::SyncWrapper;
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
