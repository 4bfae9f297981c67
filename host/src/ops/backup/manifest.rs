//! Sends the manifest as it is written, line by line.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::model::{ManifestHeader, ManifestLine};
use crate::repository::manifest::ManifestWriter;
use crate::repository::{ObjectWriter, StoredObject};

/// Compressed bytes that are handed on at once.
const STEP: usize = 64 << 10;

/// A manifest on its way.
pub(crate) struct ManifestUpload {
    lines: ManifestWriter<Pipe>,
    pipe: Pipe,
    object: ObjectWriter,
}

impl ManifestUpload {
    /// With its first line.
    pub(crate) fn begin(object: ObjectWriter, header: &ManifestHeader) -> Result<Self> {
        let pipe = Pipe::default();
        Ok(Self { lines: ManifestWriter::new(pipe.clone(), header)?, pipe, object })
    }

    /// Writes the next line.
    pub(crate) async fn write(&mut self, line: &ManifestLine) -> Result<()> {
        self.lines.write(line)?;
        if self.pipe.lock().len() >= STEP { self.forward().await } else { Ok(()) }
    }

    async fn forward(&mut self) -> Result<()> {
        let bytes = std::mem::take(&mut *self.pipe.lock());
        self.object.write(&bytes).await
    }

    /// Writes the end line and makes the object appear.
    pub(crate) async fn finish(self) -> Result<StoredObject> {
        let Self { lines, pipe, mut object } = self;
        lines.finish()?;
        let bytes = std::mem::take(&mut *pipe.lock());
        object.write(&bytes).await?;
        object.finish().await
    }
}

/// Takes what the encoder writes until it is forwarded.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
