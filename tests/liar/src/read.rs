//! Lies of `get` and `head`.

use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::io::Sink;
use siltstone_plugin_sdk::types::{Error, ObjectMeta};
use siltstone_plugin_sdk::wasi::random::random::get_random_u64;

use crate::component::Handle;
use crate::kind::Kind;
use crate::{Lie, alter};

/// Blocks of 64 KiB that are pushed at a sink that has enough.
const BLOCKS: u32 = 1000;

impl Handle {
    pub(crate) fn read(&self, key: &str, offset: u64, len: Option<u64>, to: &Sink) -> Result<u64, Error> {
        let mut target = to;
        let honest = |target: &mut &Sink| self.store.get(key, offset, len, target);
        let Some(lie) = self.about(key) else { return honest(&mut target) };
        if !matches!(
            lie,
            Lie::GetTruncates
                | Lie::GetOvercounts
                | Lie::GetEndless
                | Lie::GetFlips
                | Lie::GetZeroes
                | Lie::GetEmpties
                | Lie::GetOther
                | Lie::GetOlder
                | Lie::GetShifted
                | Lie::GetHides
        ) {
            return honest(&mut target);
        }
        let whole = self.content(key)?;
        let asked = alter::range(&whole, offset, len);
        let full = asked.len() as u64;
        let answer = match lie {
            Lie::GetHides => {
                self.notes.strike()?;
                return Err(error::not_found(format!("{key} does not exist")));
            }
            Lie::GetEndless => {
                self.notes.strike()?;
                let _ = send(to, asked);
                for _ in 0..BLOCKS {
                    let _ = to.write(&[0; 64 << 10]);
                }
                return Ok(full);
            }
            Lie::GetOther => self.other(key)?.map(|other| alter::range(&other, offset, len).to_vec()),
            Lie::GetOlder => {
                let older = Kind::of(key).and_then(|kind| self.notes.older(kind));
                older.map(|older| alter::range(&older, offset, len).to_vec())
            }
            Lie::GetShifted => {
                let mut turned = whole.clone();
                turned.rotate_left(1.min(whole.len()));
                Some(alter::range(&turned, offset, len).to_vec())
            }
            _ => Some(alter::bytes(lie, asked.to_vec())),
        };
        let Some(answer) = answer.filter(|answer| answer != asked) else { return honest(&mut target) };
        self.notes.strike()?;
        send(to, &answer)?;
        Ok(if lie == Lie::GetOvercounts { full } else { answer.len() as u64 })
    }

    pub(crate) fn look(&self, key: &str) -> Result<ObjectMeta, Error> {
        let honest = self.store.head(key)?;
        let lie = match self.about(key) {
            Some(lie @ (Lie::HeadSize | Lie::HeadEtag | Lie::HeadHides)) => lie,
            _ => return Ok(honest),
        };
        self.notes.strike()?;
        match lie {
            Lie::HeadSize => Ok(ObjectMeta { size: honest.size + 1, ..honest }),
            Lie::HeadEtag => Ok(ObjectMeta { etag: Some(format!("{:016x}", get_random_u64())), ..honest }),
            _ => Err(error::not_found(format!("{key} does not exist"))),
        }
    }
}

fn send(to: &Sink, bytes: &[u8]) -> Result<(), Error> {
    bytes.chunks(1 << 20).try_for_each(|piece| to.write(piece)).map_err(error::internal)
}
