//! Turns raw bytes of a file into stored frames.

use libdeflater::{CompressionLvl, Compressor};
use zstd::zstd_safe::{CCtx, CParameter, compress_bound, get_error_name};

use crate::error::{Error, Result};
use crate::model::{Codec, Compression, FRAME_SIZE, Level};

/// Raw bytes that the probe for dense data looks at.
const SAMPLE: usize = 64 << 10;

/// Encodes frames, one after the other, with state that is made once. One per thread.
pub struct FrameEncoder {
    engine: Engine,
    /// Holds one frame at its bound, so that `out` grows by what the frame takes and no more.
    scratch: Vec<u8>,
}

enum Engine {
    Gzip(Gzip),
    Zstd { context: CCtx<'static>, level: i32 },
    None,
}

impl FrameEncoder {
    /// An encoder for one compression. gzip: levels 1, 6 and 9 of libdeflate; zstd: levels 1, 3 and 9.
    #[must_use]
    pub fn new(compression: Compression) -> Self {
        let engine = match compression.codec {
            Codec::Gzip => Engine::Gzip(Gzip { level: compression.level, main: None, fast: None }),
            Codec::Zstd => {
                let level = match compression.level {
                    Level::Speed => 1,
                    Level::Default => 3,
                    Level::Best => 9,
                };
                Engine::Zstd { context: CCtx::create(), level }
            }
            Codec::None => Engine::None,
        };
        Self { engine, scratch: Vec::new() }
    }

    /// Appends exactly one stored frame of `raw`, which is 1 byte to [`FRAME_SIZE`] long; the frame is at most
    /// [`MAX_STORED_FRAME`](super::MAX_STORED_FRAME) long. After an error `out` is as before.
    pub fn encode(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if raw.is_empty() || raw.len() as u64 > FRAME_SIZE {
            let text = format!("a frame of {} raw bytes; it must have 1 to {FRAME_SIZE}", raw.len());
            return Err(Error::internal("encode", text));
        }
        match &mut self.engine {
            Engine::Gzip(gzip) => {
                let len = gzip.encode(raw, &mut self.scratch)?;
                out.extend_from_slice(&self.scratch[..len]);
            }
            Engine::Zstd { context, level } => {
                self.scratch.clear();
                self.scratch.reserve(compress_bound(raw.len()));
                context
                    .set_parameter(CParameter::CompressionLevel(*level))
                    .and_then(|_| context.set_parameter(CParameter::ChecksumFlag(true)))
                    .and_then(|_| context.compress2(&mut self.scratch, raw))
                    .map_err(|code| Error::internal("encode", format!("zstd: {}", get_error_name(code))))?;
                out.extend_from_slice(&self.scratch);
            }
            Engine::None => out.extend_from_slice(raw),
        }
        Ok(())
    }
}

struct Gzip {
    level: Level,
    main: Option<Compressor>,
    fast: Option<Compressor>,
}

impl Gzip {
    /// Writes one member to the front of `scratch` and answers its length.
    fn encode(&mut self, raw: &[u8], scratch: &mut Vec<u8>) -> Result<usize> {
        let level = match self.level {
            Level::Speed => 1,
            Level::Default => {
                if self.is_dense(raw, scratch)? {
                    1
                } else {
                    6
                }
            }
            Level::Best => 9,
        };
        let slot = if level == 1 { &mut self.fast } else { &mut self.main };
        compress(slot, level, raw, scratch)
    }

    /// Whether a sample from the middle hardly shrinks, as vectors do. There level 1 is as small as level 6 and takes
    /// two thirds of its time; the probe costs a fifteenth.
    fn is_dense(&mut self, raw: &[u8], scratch: &mut Vec<u8>) -> Result<bool> {
        if raw.len() < 4 * SAMPLE {
            return Ok(false);
        }
        let from = (raw.len() - SAMPLE) / 2;
        let len = compress(&mut self.fast, 1, &raw[from..from + SAMPLE], scratch)?;
        Ok(len * 115 > SAMPLE * 100)
    }
}

fn compress(slot: &mut Option<Compressor>, level: i32, raw: &[u8], scratch: &mut Vec<u8>) -> Result<usize> {
    let compressor = match slot {
        Some(compressor) => compressor,
        None => {
            let level = CompressionLvl::new(level)
                .map_err(|_| Error::internal("encode", format!("libdeflate has no level {level}")))?;
            slot.insert(Compressor::new(level))
        }
    };
    let bound = compressor.gzip_compress_bound(raw.len());
    if scratch.len() < bound {
        scratch.resize(bound, 0);
    }
    compressor
        .gzip_compress(raw, scratch)
        .map_err(|e| Error::internal("encode", "libdeflate went over its own bound").with_source(e))
}
