//! Turns stored frames back into raw bytes, and trusts nothing about them.

use libdeflater::Decompressor;
use memchr::memmem;
use zstd::zstd_safe::{DCtx, find_frame_compressed_size, get_error_name, get_frame_content_size};

use crate::codec::MAX_STORED_FRAME;
use crate::error::{Error, Result};
use crate::model::{Codec, FRAME_SIZE};

/// Length of what follows the deflate stream of a gzip member: CRC-32 and length, both little-endian.
const GZIP_TRAILER: usize = 8;

/// Decodes frames, one after the other, with state that is made once. One per thread.
pub struct FrameDecoder {
    gzip: Option<Decompressor>,
    zstd: Option<DCtx<'static>>,
}

impl FrameDecoder {
    /// A decoder for all codecs; it makes the state of each when it first meets it.
    #[must_use]
    pub fn new() -> Self {
        Self { gzip: None, zstd: None }
    }

    /// Replaces the content of `out` by the raw bytes of one stored frame: exactly `raw_len`, 1 to [`FRAME_SIZE`].
    ///
    /// [`crate::ErrorKind::Corrupt`] when the frame does not decode to exactly that many bytes, fails its checksum, or
    /// is followed by further bytes; `out` is then empty. Never allocates more than `raw_len` for the output.
    pub fn decode(&mut self, codec: Codec, stored: &[u8], raw_len: u64, out: &mut Vec<u8>) -> Result<()> {
        let done = self.decode_into(codec, stored, raw_len, out);
        done.map_err(|why| {
            out.clear();
            Error::corrupt("decode", why).with("stored", stored.len()).with("raw", raw_len)
        })
    }

    fn decode_into(
        &mut self,
        codec: Codec,
        stored: &[u8],
        raw_len: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        if !(1..=FRAME_SIZE).contains(&raw_len) || stored.len() as u64 > MAX_STORED_FRAME {
            return Err("a frame has an impossible length".into());
        }
        let len = raw_len as usize; // Fits: it is at most the frame size.
        if out.capacity() < len {
            out.clear();
            out.reserve_exact(len);
        }
        match codec {
            Codec::Gzip => {
                // Nothing is written when the frame before was as long, and libdeflate wants it initialised.
                out.resize(len, 0);
                gzip(self.gzip.get_or_insert_with(Decompressor::new), stored, out)
            }
            Codec::Zstd => {
                out.clear();
                zstd(self.zstd.get_or_insert_with(DCtx::create), stored, raw_len, out)
            }
            Codec::None if stored.len() == len => {
                out.clear();
                out.extend_from_slice(stored);
                Ok(())
            }
            Codec::None => Err("an uncompressed frame is not as long as its raw bytes".into()),
        }
    }
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self::new()
    }
}

/// libdeflate checks the CRC behind the deflate stream but does not say where the member ended, so bytes after it are
/// found like this: the trailer is known by its value and must be the last thing. If the same eight bytes also occur
/// earlier, the member may end there: then it would be complete without the last byte.
fn gzip(decompressor: &mut Decompressor, stored: &[u8], out: &mut [u8]) -> Result<(), String> {
    let Some((body, last)) = stored.split_last_chunk::<GZIP_TRAILER>() else {
        return Err("a gzip frame is cut short".into());
    };
    let all_but_one = &stored[..stored.len() - 1];
    if memmem::find(all_but_one, last).is_some() && decompressor.gzip_decompress(all_but_one, out).is_ok() {
        return Err("a gzip frame is followed by further bytes".into());
    }
    match decompressor.gzip_decompress(stored, out) {
        Ok(len) if len == out.len() => {}
        Ok(len) => return Err(format!("a gzip frame holds only {len} raw bytes")),
        Err(libdeflater::DecompressionError::InsufficientSpace) => {
            return Err("a gzip frame holds more raw bytes than it should".into());
        }
        Err(e) => return Err(format!("a gzip frame of {} bytes is damaged: {e}", body.len())),
    }
    let mut trailer = [0; GZIP_TRAILER];
    trailer[..4].copy_from_slice(&libdeflater::crc32(out).to_le_bytes());
    trailer[4..].copy_from_slice(&(out.len() as u32).to_le_bytes());
    if trailer == *last { Ok(()) } else { Err("a gzip frame is followed by further bytes".into()) }
}

fn zstd(context: &mut DCtx<'static>, stored: &[u8], raw_len: u64, out: &mut Vec<u8>) -> Result<(), String> {
    let named = |code| format!("a zstd frame is damaged: {}", get_error_name(code));
    if find_frame_compressed_size(stored).map_err(named)? != stored.len() {
        return Err("a zstd frame is followed by further bytes".into());
    }
    // The third bit of the byte after the magic number says that a checksum follows.
    if stored.get(4).is_none_or(|flags| flags & 0b100 == 0) {
        return Err("a zstd frame has no checksum".into());
    }
    match get_frame_content_size(stored) {
        Ok(Some(len)) if len == raw_len => {}
        _ => return Err("a zstd frame does not say that it holds as many raw bytes as it should".into()),
    }
    match context.decompress(out, stored) {
        Ok(len) if len as u64 == raw_len => Ok(()),
        Ok(len) => Err(format!("a zstd frame holds only {len} raw bytes")),
        Err(code) => Err(named(code)),
    }
}
