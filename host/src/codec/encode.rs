//! Turns raw bytes of a file into stored frames.

use libdeflater::{CompressionLvl, Compressor};
use zstd::zstd_safe::{CCtx, CParameter, compress_bound, get_error_name};

use crate::error::{Error, Result};
use crate::model::{Codec, Compression, FRAME_SIZE, Level};

/// Raw bytes that the probe for dense data looks at: gzip's and, as zstd is so much faster, a smaller one.
const GZIP_SAMPLE: usize = 64 << 10;
const ZSTD_SAMPLE: usize = 16 << 10;

/// Encodes frames, one after the other, with state that is made once. One per thread.
pub struct FrameEncoder {
    engine: Engine,
    /// Holds one frame at its bound, so that `out` grows by what the frame takes and no more.
    scratch: Vec<u8>,
}

enum Engine {
    Gzip(Gzip),
    Zstd(Zstd),
    None,
}

impl FrameEncoder {
    /// An encoder for one compression. gzip: levels 1, 6 and 9 of libdeflate; zstd: levels 1, 3 and 9.
    #[must_use]
    pub fn new(compression: Compression) -> Self {
        let engine = match compression.codec {
            Codec::Gzip => Engine::Gzip(Gzip { level: compression.level, main: None, fast: None }),
            Codec::Zstd => Engine::Zstd(Zstd { level: compression.level, main: None, fast: None }),
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
            Engine::Zstd(zstd) => {
                zstd.encode(raw, &mut self.scratch)?;
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

    /// Whether a sample hardly shrinks, as vectors do. There level 1 is as small as level 6 and takes two thirds of its
    /// time; the probe costs a fifteenth.
    fn is_dense(&mut self, raw: &[u8], scratch: &mut Vec<u8>) -> Result<bool> {
        let Some(sample) = sample(raw, GZIP_SAMPLE) else { return Ok(false) };
        let len = compress(&mut self.fast, 1, sample, scratch)?;
        Ok(hardly_shrinks(sample, len))
    }
}

struct Zstd {
    level: Level,
    main: Option<CCtx<'static>>,
    fast: Option<CCtx<'static>>,
}

impl Zstd {
    /// Makes one frame the content of `scratch`.
    fn encode(&mut self, raw: &[u8], scratch: &mut Vec<u8>) -> Result<()> {
        let wanted = self.level;
        let level = match wanted {
            Level::Speed => 1,
            Level::Default if !self.is_dense(raw, scratch)? => 3,
            Level::Default => 1,
            Level::Best => 9,
        };
        let slot = if level == 1 { &mut self.fast } else { &mut self.main };
        compress_zstd(slot, level, raw, scratch)
    }

    /// As for gzip: on vectors level 1 is as small as level 3 and takes two thirds of its time.
    fn is_dense(&mut self, raw: &[u8], scratch: &mut Vec<u8>) -> Result<bool> {
        let Some(sample) = sample(raw, ZSTD_SAMPLE) else { return Ok(false) };
        compress_zstd(&mut self.fast, 1, sample, scratch)?;
        Ok(hardly_shrinks(sample, scratch.len()))
    }
}

/// The middle of a frame that is long enough for a probe to pay.
fn sample(raw: &[u8], len: usize) -> Option<&[u8]> {
    if raw.len() < 4 * len {
        return None;
    }
    let from = (raw.len() - len) / 2;
    raw.get(from..from + len)
}

fn hardly_shrinks(sample: &[u8], compressed: usize) -> bool {
    compressed * 115 > sample.len() * 100
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

fn compress_zstd(
    slot: &mut Option<CCtx<'static>>,
    level: i32,
    raw: &[u8],
    scratch: &mut Vec<u8>,
) -> Result<()> {
    let context = slot.get_or_insert_with(CCtx::create);
    scratch.clear();
    scratch.reserve(compress_bound(raw.len()));
    context
        .set_parameter(CParameter::CompressionLevel(level))
        .and_then(|_| context.set_parameter(CParameter::ChecksumFlag(true)))
        .and_then(|_| context.compress2(scratch, raw))
        .map(drop)
        .map_err(|code| Error::internal("encode", format!("zstd: {}", get_error_name(code))))
}
