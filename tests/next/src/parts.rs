//! Uploads in parts: files beside each other under the id, joined at the end.

use std::fs::{self, File};
use std::io::{self, Read};

use crate::bindings::siltstone::storage::types::{Error, ErrorKind, Part, Precondition, PutRequest, Stored};
use crate::names;
use crate::store::{Source, Store, TEMP, attempt, error, failed};

/// What the file of an upload says that may only make a new object.
const IF_ABSENT: &[u8] = b"if-absent";

impl Store {
    /// Begins an upload and answers its id.
    pub fn start(&self, request: &PutRequest) -> Result<String, Error> {
        let id = format!("{}/{}", attempt(&request.attributes)?, self.unique());
        let condition = match request.condition {
            Precondition::None => &[],
            Precondition::IfAbsent => IF_ABSENT,
            Precondition::IfMatch(_) => {
                return Err(error(ErrorKind::Unsupported, "if-match is not supported"));
            }
        };
        fs::write(self.begun(&id), condition).map_err(|e| failed("cannot begin an upload", &e))?;
        Ok(id)
    }

    fn begun(&self, id: &str) -> std::path::PathBuf {
        self.path(&format!("{TEMP}{id}.begun"))
    }

    fn part(&self, id: &str, number: u32) -> std::path::PathBuf {
        self.path(&format!("{TEMP}{id}.{number}"))
    }

    /// Whether the upload may only make a new object; `not-found` when there is no such upload.
    fn condition(&self, id: &str) -> Result<Precondition, Error> {
        let what = fs::read(self.begun(id)).map_err(|e| failed("the upload", &e))?;
        Ok(if what == IF_ABSENT { Precondition::IfAbsent } else { Precondition::None })
    }

    /// Stores a part; its tag is its length.
    pub fn put_part(&self, id: &str, number: u32, source: Source) -> Result<Part, Error> {
        self.condition(id)?;
        let temp = self.write("none", source)?;
        let path = self.part(id, number);
        let moved = fs::rename(&temp, &path).and_then(|()| fs::metadata(&path));
        let length = moved.map_err(|e| failed("cannot store a part", &e))?.len();
        Ok(Part { number, tag: length.to_string() })
    }

    /// Joins the parts to an object.
    pub fn finish(&self, key: &str, id: &str, parts: &[Part]) -> Result<Stored, Error> {
        let condition = self.condition(id)?;
        if parts.is_empty() || !parts.iter().zip(1..).all(|(part, number)| part.number == number) {
            return Err(error(ErrorKind::InvalidConfig, "the parts are not 1 to their number"));
        }
        let mut files = parts.iter();
        let mut open: Option<File> = None;
        let mut wrong = None;
        let mut next = || -> io::Result<Vec<u8>> {
            loop {
                if let Some(file) = &mut open {
                    let mut piece = Vec::new();
                    file.take(1 << 20).read_to_end(&mut piece)?;
                    if !piece.is_empty() {
                        return Ok(piece);
                    }
                }
                let Some(part) = files.next() else { return Ok(Vec::new()) };
                let file = File::open(self.part(id, part.number))?;
                if file.metadata()?.len().to_string() != part.tag {
                    return Err(io::Error::other(format!("part {} is another one", part.number)));
                }
                open = Some(file);
            }
        };
        let mut source = || {
            next().unwrap_or_else(|e| {
                wrong = Some(e);
                Vec::new()
            })
        };
        let temp = self.write("none", &mut source)?;
        if let Some(e) = wrong {
            let _ = fs::remove_file(&temp);
            return Err(failed("a part", &e));
        }
        let stored = self.publish(&temp, key, &condition)?;
        self.give_up(id)?;
        Ok(stored)
    }

    /// Removes an upload and its parts, if there is one.
    pub fn give_up(&self, id: &str) -> Result<(), Error> {
        let prefix = format!("{TEMP}{id}.");
        let keys = names::keys(self.root(), &prefix).map_err(|e| failed("the upload", &e))?;
        match self.delete(keys).pop() {
            Some(left) => Err(left.why),
            None => Ok(()),
        }
    }
}
