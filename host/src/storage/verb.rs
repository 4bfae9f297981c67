//! The verbs of a storage, as counters, logs and injected faults name them.

use std::fmt;

/// A method of [`super::Storage`] that talks to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// [`super::Storage::put`].
    Put,
    /// [`super::Storage::get`].
    Get,
    /// [`super::Storage::head`].
    Head,
    /// [`super::Storage::list`].
    List,
    /// [`super::Storage::delete`].
    Delete,
    /// [`super::Storage::multipart_start`].
    MultipartStart,
    /// [`super::Storage::multipart_put`].
    MultipartPut,
    /// [`super::Storage::multipart_finish`].
    MultipartFinish,
    /// [`super::Storage::multipart_abort`].
    MultipartAbort,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Put,
        Self::Get,
        Self::Head,
        Self::List,
        Self::Delete,
        Self::MultipartStart,
        Self::MultipartPut,
        Self::MultipartFinish,
        Self::MultipartAbort,
    ];

    /// Its name in logs and errors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get => "get",
            Self::Head => "head",
            Self::List => "list",
            Self::Delete => "delete",
            Self::MultipartStart => "multipart-start",
            Self::MultipartPut => "multipart-put",
            Self::MultipartFinish => "multipart-finish",
            Self::MultipartAbort => "multipart-abort",
        }
    }

    /// Whether a failed call may have changed something.
    #[must_use]
    pub const fn changes(self) -> bool {
        !matches!(self, Self::Get | Self::Head | Self::List)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
