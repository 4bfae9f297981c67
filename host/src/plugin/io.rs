//! The host side of `blob` and `sink`: payload on its way out of and into the host.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult,
};

use super::bindings::io;
use super::meter::Vitals;
use super::state::State;
use crate::storage::{Blob, SinkWriter};

/// Most bytes that one read hands to a guest, and one permit lets it write.
const STEP: u64 = 1 << 20;
/// Smaller writes are joined, so that a guest that writes single bytes costs no more memory than their number.
const JOIN: usize = 64 << 10;

/// The source of the current put.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct BlobSource {
    blob: Blob,
    vitals: Arc<Vitals>,
}

impl BlobSource {
    pub(crate) fn new(blob: Blob, vitals: Arc<Vitals>) -> Self {
        Self { blob, vitals }
    }
}

/// A part of a blob as a stream; always ready, as the bytes are in memory.
struct BlobStream {
    blob: Blob,
    at: u64,
    end: u64,
    vitals: Arc<Vitals>,
}

#[async_trait::async_trait]
impl Pollable for BlobStream {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl InputStream for BlobStream {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let left = self.end - self.at;
        if left == 0 {
            return Err(StreamError::Closed);
        }
        let bytes = self.blob.piece_at(self.at, left.min(size as u64).min(STEP));
        self.at += bytes.len() as u64;
        self.vitals.moved(bytes.len() as u64);
        Ok(bytes)
    }
}

/// The target of the current get: counts what the plugin writes and joins small pieces.
#[derive(Clone, Debug)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct SinkTarget(Arc<Mutex<Intake>>);

#[derive(Debug)]
struct Intake {
    writer: SinkWriter,
    room: u64,
    written: u64,
    overrun: bool,
    joined: BytesMut,
    vitals: Arc<Vitals>,
}

/// What a plugin wrote to a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Bytes that arrived.
    pub(crate) bytes: u64,
    /// Whether it tried to write more than was asked for.
    pub(crate) overrun: bool,
}

impl SinkTarget {
    /// Takes at most `room` bytes.
    pub(crate) fn new(writer: SinkWriter, room: u64, vitals: Arc<Vitals>) -> Self {
        let joined = BytesMut::new();
        Self(Arc::new(Mutex::new(Intake { writer, room, written: 0, overrun: false, joined, vitals })))
    }

    /// Ends the intake: later writes, by whatever handle is left, fail.
    pub(crate) fn finish(&self) -> crate::Result<Taken> {
        let mut intake = self.lock();
        intake.flush()?;
        intake.room = intake.written;
        Ok(Taken { bytes: intake.written, overrun: intake.overrun })
    }

    fn write(&self, bytes: Bytes) -> Result<(), String> {
        self.lock().write(bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Intake> {
        // A panic within a write leaves at worst a get that is answered with an error.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intake {
    fn write(&mut self, bytes: Bytes) -> Result<(), String> {
        let len = bytes.len() as u64;
        if len > self.room - self.written {
            self.overrun = true;
            return Err(format!("more bytes than the {} that were asked for", self.room));
        }
        self.written += len;
        self.vitals.moved(len);
        if bytes.len() < JOIN {
            self.joined.extend_from_slice(&bytes);
            if self.joined.len() < JOIN {
                return Ok(());
            }
            return self.flush().map_err(|e| e.to_string());
        }
        self.flush().and_then(|()| self.writer.write(bytes)).map_err(|e| e.to_string())
    }

    fn flush(&mut self) -> crate::Result<()> {
        if self.joined.is_empty() {
            return Ok(());
        }
        self.writer.write(self.joined.split().freeze())
    }
}

#[async_trait::async_trait]
impl Pollable for SinkTarget {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl OutputStream for SinkTarget {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        SinkTarget::write(self, bytes)
            .map_err(|e| StreamError::LastOperationFailed(wasmtime::format_err!("{e}")))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    /// The room, and one byte when there is none: with no permit a splice would never learn whether its source is
    /// at its end or has more than was asked for, and that one byte is refused by `write`.
    fn check_write(&mut self) -> StreamResult<usize> {
        let intake = self.lock();
        Ok((intake.room - intake.written).clamp(1, STEP) as usize)
    }
}

impl io::Host for State {}

impl io::HostBlob for State {
    fn size(&mut self, blob: Resource<BlobSource>) -> wasmtime::Result<u64> {
        Ok(self.table().get(&blob)?.blob.len())
    }

    fn digests(&mut self, blob: Resource<BlobSource>) -> wasmtime::Result<io::Digests> {
        let digests = self.table().get(&blob)?.blob.digests();
        Ok(io::Digests {
            sha256: digests.sha256.map(Vec::from),
            md5: digests.md5.map(Vec::from),
            crc32c: digests.crc32c,
        })
    }

    fn stream(
        &mut self,
        blob: Resource<BlobSource>,
        offset: u64,
        len: u64,
    ) -> wasmtime::Result<Resource<DynInputStream>> {
        let source = self.table().get(&blob)?;
        let size = source.blob.len();
        let stream = BlobStream {
            blob: source.blob.clone(),
            at: offset.min(size),
            end: offset.saturating_add(len).min(size),
            vitals: Arc::clone(&source.vitals),
        };
        let stream: DynInputStream = Box::new(stream);
        Ok(self.table_mut().push_child(stream, &blob)?)
    }

    fn read(&mut self, blob: Resource<BlobSource>, offset: u64, len: u32) -> wasmtime::Result<Vec<u8>> {
        let source = self.table().get(&blob)?;
        let bytes = source.blob.read(offset, u64::from(len).min(STEP));
        source.vitals.moved(bytes.len() as u64);
        Ok(bytes)
    }

    fn drop(&mut self, blob: Resource<BlobSource>) -> wasmtime::Result<()> {
        self.table_mut().delete(blob)?;
        Ok(())
    }
}

impl io::HostSink for State {
    fn stream(&mut self, sink: Resource<SinkTarget>) -> wasmtime::Result<Resource<DynOutputStream>> {
        let stream: DynOutputStream = Box::new(self.table().get(&sink)?.clone());
        Ok(self.table_mut().push_child(stream, &sink)?)
    }

    fn write(&mut self, sink: Resource<SinkTarget>, data: Vec<u8>) -> wasmtime::Result<Result<(), String>> {
        Ok(self.table().get(&sink)?.write(data.into()))
    }

    fn drop(&mut self, sink: Resource<SinkTarget>) -> wasmtime::Result<()> {
        self.table_mut().delete(sink)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Digests, Sink};

    #[test]
    fn a_stream_hands_out_clamped_pieces_and_closes_at_its_end() {
        let blob = Blob::new([vec![1; 3 << 20].into(), Bytes::from_static(b"end")], Digests::default());
        let vitals = Arc::new(Vitals::default());
        let mut stream = BlobStream { at: 1, end: blob.len(), blob, vitals };
        let mut total = 0;
        while let Ok(bytes) = stream.read(usize::MAX) {
            assert!(!bytes.is_empty() && bytes.len() <= 1 << 20);
            total += bytes.len();
        }
        assert_eq!(total, (3 << 20) + 2);
        assert!(matches!(stream.read(1), Err(StreamError::Closed)));
    }

    #[test]
    fn a_target_refuses_more_than_its_room_and_remembers_it() {
        let sink = Sink::new(100);
        let mut target = SinkTarget::new(sink.writer(), 10, Arc::default());
        assert_eq!(target.check_write().unwrap(), 10);
        for byte in b"0123456789" {
            target.write(Bytes::copy_from_slice(&[*byte])).unwrap();
        }
        assert_eq!(target.finish().unwrap(), Taken { bytes: 10, overrun: false });
        assert_eq!(target.check_write().unwrap(), 1);
        assert!(target.write(Bytes::from_static(b"x")).is_err());
        assert_eq!(target.finish().unwrap(), Taken { bytes: 10, overrun: true });
        assert_eq!(sink.take(), "0123456789");
    }

    #[test]
    fn small_and_large_writes_keep_their_order() {
        let sink = Sink::new(1 << 20);
        let target = SinkTarget::new(sink.writer(), 1 << 20, Arc::default());
        target.write(Bytes::from_static(b"ab")).unwrap();
        target.write(vec![b'c'; JOIN].into()).unwrap();
        target.write(Bytes::from_static(b"d")).unwrap();
        target.finish().unwrap();
        let bytes = sink.take();
        assert_eq!(bytes.len(), JOIN + 3);
        assert!(bytes.starts_with(b"abc") && bytes.ends_with(b"cd"));
    }
}
