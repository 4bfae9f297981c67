//! What the transport asks of a folder: one name at a time, never through a symbolic link.

use std::ops::ControlFlow;

use siltstone_plugin_sdk::wasi::filesystem::types::ErrorCode;

/// The word of the system for what went wrong.
pub type Code = ErrorCode;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file: an object, if its name is a segment of a key.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, device, pipe or socket: never an object.
    Other,
}

/// One name in a folder.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub kind: Kind,
}

/// What is known of a file without reading it.
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Length in bytes.
    pub size: u64,
    /// Seconds and nanoseconds of the last change since 1970, where the system says so.
    pub modified: Option<(u64, u32)>,
    /// A number that another file is unlikely to have.
    pub identity: u128,
}

/// An open folder. Every name is one segment of a path.
pub trait Folder: Sized {
    /// An open file of it.
    type File: File;

    /// Opens a folder in it; `not-directory` or `loop` when the name is something else.
    fn open_folder(&self, name: &str) -> Result<Self, Code>;
    /// Makes a folder; `exist` when the name is taken.
    fn create_folder(&self, name: &str) -> Result<(), Code>;
    /// Removes an empty folder.
    fn remove_folder(&self, name: &str) -> Result<(), Code>;
    /// Shows the entries in no particular order, until told to stop. Names that are not UTF-8 and entries
    /// that vanish meanwhile are left out.
    fn entries(&self, each: &mut dyn FnMut(Entry) -> ControlFlow<()>) -> Result<(), Code>;
    /// What the name itself is, a symbolic link included.
    fn stat(&self, name: &str) -> Result<Stat, Code>;
    /// Makes a file for writing; `exist` when the name is taken.
    fn create(&self, name: &str) -> Result<Self::File, Code>;
    /// Opens a file for reading.
    fn open(&self, name: &str) -> Result<Self::File, Code>;
    /// Opens a file for writing.
    fn open_for_writing(&self, name: &str) -> Result<Self::File, Code>;
    /// Gives a file a second name in another folder; `exist` when that name is taken.
    fn link(&self, name: &str, to: &Self, new_name: &str) -> Result<(), Code>;
    /// Moves a file to a name in another folder, replacing the file there.
    fn rename(&self, name: &str, to: &Self, new_name: &str) -> Result<(), Code>;
    /// Removes a file.
    fn unlink(&self, name: &str) -> Result<(), Code>;
    /// Makes its entries durable.
    fn sync(&self) -> Result<(), Code>;
}

/// An open file.
pub trait File {
    /// Up to `len` bytes from `offset`, and whether that was the end.
    fn read(&self, len: u64, offset: u64) -> Result<(Vec<u8>, bool), Code>;
    /// Writes at `offset` and says how many bytes were taken.
    fn write(&self, data: &[u8], offset: u64) -> Result<u64, Code>;
    /// Cuts or extends it.
    fn set_size(&self, size: u64) -> Result<(), Code>;
    /// What it is now.
    fn stat(&self) -> Result<Stat, Code>;
    /// Makes its content durable.
    fn sync_data(&self) -> Result<(), Code>;
    /// Makes its content and metadata durable.
    fn sync(&self) -> Result<(), Code>;
}
