//! The list of behaviours, once for the component and for the tests of the host.

use std::str::FromStr;

macro_rules! behaviours {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What the component does when it is provoked.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Behaviour {
            $($(#[$doc])* $name,)*
        }

        impl Behaviour {
            /// Every behaviour.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The value of the setting.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

behaviours! {
    /// `put` panics.
    Trap,
    /// `put` calls the exit of its process.
    Exit,
    /// `put` never ends and never waits.
    Loop,
    /// `put` calls a cheap function of the host for ever.
    CallLoop,
    /// `put` calls itself without end.
    Recursion,
    /// `put` allocates until nothing is left.
    MemoryHog,
    /// `put` waits for an hour.
    Sleep,
    /// `put` wakes up every millisecond to wait again.
    Dawdle,
    /// `get` sends one byte now and then, for ever.
    Trickle,
    /// `get` says that it sent more than it did.
    SendsLess,
    /// `get` sends one byte more than was asked for, and takes no notice of the refusal.
    SendsMore,
    /// `get` sends for ever, and takes no notice of the refusal.
    SinkFlood,
    /// `get` floods the sink through its stream.
    StreamFlood,
    /// `head` answers for another key.
    WrongKey,
    /// `put` says that it stored more bytes than it was given.
    WrongSize,
    /// `list` answers keys in descending order.
    Unsorted,
    /// `list` answers a key twice.
    Duplicates,
    /// `list` answers a key without the prefix.
    ForeignPrefix,
    /// `list` answers more names than were asked for.
    TooMany,
    /// `list` answers the token that it was given.
    EndlessToken,
    /// `list` answers the same keys on every page, under new tokens.
    EndlessPages,
    /// `head` fails with a message of 20 MiB.
    HugeErrorText,
    /// `head` fails with a message of 5 KiB.
    LongErrorText,
    /// `head` answers an etag of 2 KiB.
    HugeEtag,
    /// `multipart-start` answers an id of 5 KiB.
    HugeUploadId,
    /// `home` is 3 KiB long.
    HugeHome,
    /// `home` holds the secret.
    SecretHome,
    /// `capabilities` say that nothing may be deleted at once.
    NonsenseCapabilities,
    /// `open` panics.
    TrapInOpen,
    /// `needs` asks for `/etc`.
    NeedsForeignFolder,
    /// `needs` asks for `/etc/passwd`.
    NeedsForeignFile,
    /// `needs` asks for an origin.
    NeedsOrigin,
    /// `needs` uses the cache.
    CacheInNeeds,
    /// `delete` says that a key failed that it was not given.
    DeletesOthers,
    /// `put` writes a hundred thousand lines to the log.
    LogFlood,
    /// `put` writes a line of 20 MiB to the log.
    HugeLogLine,
    /// `put` writes without end to its standard error.
    StderrFlood,
    /// `put` puts a thousand values into the cache.
    CacheFlood,
    /// `put` puts a value of 65 KiB into the cache.
    HugeCacheValue,
    /// `put` asks for 4 GiB of the blob at once.
    HugeBlobRead,
    /// `put` opens ten thousand streams of the blob.
    ManyStreams,
    /// `put` keeps a stream of the blob after the call.
    KeepsStream,
    /// `put` asks for 1 GiB of random bytes.
    HugeRandom,
    /// `head` sends a request to the address and fails with what came of it.
    HttpRequest,
    /// `needs` wants the address; `head` asks it where else to go, goes there and to its neighbours, and fails with what came
    /// of it.
    RequestBeside,
    /// `head` connects to the address and fails with what came of it.
    Connect,
    /// `head` fails with its environment and arguments.
    Environment,
    /// `head` reads `/etc/passwd` by `read-file` and fails with what came of it.
    ReadFile,
    /// `head` reads a file beside the folder by `..` and fails with what came of it.
    ReadDotDot,
    /// `head` reads a file beside the folder by its absolute path and fails with what came of it.
    ReadAbsolute,
    /// `head` reads a file beside the folder through a symbolic link and fails with what came of it.
    ReadThroughLink,
    /// `put` creates a file beside the folder by `..` and fails with what came of it.
    WriteDotDot,
    /// `put` creates a file through a symbolic link and fails with what came of it.
    WriteThroughLink,
    /// `put` makes a link to the file beside the folder, reads through it and fails with what came of it.
    MakeLink,
    /// `head` fails with the secret in its message.
    TellsSecret,
    /// `head` panics with the secret in its message.
    PanicsWithSecret,
}

impl FromStr for Behaviour {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|b| b.name() == name)
            .ok_or_else(|| format!("there is no behaviour {name:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_behaviour_is_found_by_its_name() {
        for behaviour in Behaviour::ALL {
            assert_eq!(behaviour.name().parse(), Ok(*behaviour));
        }
        assert!("Kind".parse::<Behaviour>().is_err());
    }
}
