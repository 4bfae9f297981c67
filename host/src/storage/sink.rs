//! The target of a get: takes at most as many bytes as were asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::error::{Error, Result};

/// A bounded target in memory. Clones share it, so that a call that was given up can be tried again.
#[derive(Clone, Debug)]
pub struct Sink {
    state: Arc<Mutex<State>>,
    limit: u64,
}

#[derive(Debug, Default)]
struct State {
    pieces: Vec<Bytes>,
    len: u64,
    /// Raised by [`Sink::reset`], so that a call of before cannot write any more.
    round: u64,
}

/// The right to write to a sink until it is reset.
#[derive(Clone, Debug)]
pub struct SinkWriter {
    sink: Sink,
    round: u64,
}

impl Sink {
    /// A sink that takes at most `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self { state: Arc::default(), limit }
    }

    /// A writer for one call.
    #[must_use]
    pub fn writer(&self) -> SinkWriter {
        SinkWriter { sink: self.clone(), round: self.lock().round }
    }

    /// Forgets what was written and cuts off the writers of before, so that the call can be made again.
    pub fn reset(&self) {
        let mut state = self.lock();
        let round = state.round + 1;
        *state = State { round, ..State::default() };
    }

    /// Bytes written so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.lock().len
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes what was written, joined; without a copy when it came in one piece.
    #[must_use]
    pub fn take(&self) -> Bytes {
        let mut state = self.lock();
        state.len = 0;
        let pieces = std::mem::take(&mut state.pieces);
        drop(state);
        match <[Bytes; 1]>::try_from(pieces) {
            Ok([one]) => one,
            Err(pieces) => pieces.concat().into(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave the three fields inconsistent: they change together after all checks.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SinkWriter {
    /// Takes the next bytes; fails when there are more than were asked for or the call was given up.
    pub fn write(&self, bytes: Bytes) -> Result<()> {
        let mut state = self.sink.lock();
        if state.round != self.round {
            return Err(Error::cancelled("get"));
        }
        let len = state.len + bytes.len() as u64;
        if len > self.sink.limit {
            return Err(Error::corrupt(
                "get",
                format!("more bytes than the {} that were asked for", self.sink.limit),
            ));
        }
        state.len = len;
        if !bytes.is_empty() {
            state.pieces.push(bytes);
        }
        Ok(())
    }

    /// How many bytes it may still take.
    #[must_use]
    pub fn room(&self) -> u64 {
        self.sink.limit - self.sink.lock().len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_refuses_more_than_its_limit_and_a_writer_of_before_a_reset() {
        let sink = Sink::new(4);
        let old = sink.writer();
        old.write(Bytes::from_static(b"abc")).unwrap();
        assert!(old.write(Bytes::from_static(b"de")).is_err());
        sink.reset();
        assert!(old.write(Bytes::from_static(b"x")).is_err());
        sink.writer().write(Bytes::from_static(b"new")).unwrap();
        assert_eq!(sink.take(), "new");
    }
}
