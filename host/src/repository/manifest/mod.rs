//! The manifest of one node in one attempt: gzip of JSON lines, written and read one at a time.

mod reader;
mod rules;
mod writer;

#[cfg(test)]
mod tests;

pub use reader::ManifestReader;
pub use writer::ManifestWriter;

use crate::model::{Extent, FRAME_SIZE, FileLine};

/// Most frames that one line of a file lists; a longer file continues on further lines.
pub const FRAMES_PER_LINE: u64 = 4096;
/// Longest line in bytes, newline included.
pub const MAX_LINE: u64 = 4 << 20;
/// Most lines of a manifest, the last one included.
pub const MAX_LINES: u64 = 1 << 24;
/// Most chunk lines of a manifest.
pub const MAX_CHUNKS: u64 = 1 << 20;
/// Most bytes of a blob before encoding.
pub const MAX_BLOB: u64 = 1 << 20;

/// Splits a line that lists all frames of a file into lines of at most [`FRAMES_PER_LINE`], in order.
#[must_use]
pub fn split_file(file: FileLine) -> Vec<FileLine> {
    let frames: usize = file.extents.iter().map(|e| e.frames.len()).sum();
    let limit = FRAMES_PER_LINE as usize;
    if frames <= limit {
        return vec![file];
    }
    let mut extents = Vec::new();
    let (mut lines, mut room, mut offset) = (Vec::new(), limit, file.offset);
    let line = |offset, extents| FileLine { offset, extents, ..file.clone() };
    for mut extent in file.extents.iter().cloned() {
        while extent.frames.len() > room {
            let rest = extent.frames.split_off(room);
            let taken: u64 = extent.frames.iter().map(|&len| u64::from(len)).sum();
            let next = Extent { chunk: extent.chunk.clone(), offset: extent.offset + taken, frames: rest };
            if room > 0 {
                extents.push(extent);
            }
            lines.push(line(offset, std::mem::take(&mut extents)));
            offset += FRAMES_PER_LINE * FRAME_SIZE;
            room = limit;
            extent = next;
        }
        room -= extent.frames.len();
        extents.push(extent);
    }
    lines.push(line(offset, extents));
    lines
}
