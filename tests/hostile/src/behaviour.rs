//! The list of behaviours, once for the component and for the tests of the host.

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
    /// It does what it should.
    Nothing,
    /// It panics.
    Trap,
    /// It calls the exit of its process.
    Exit,
    /// It never ends and never waits.
    Loop,
    /// It calls a cheap function of the host for ever.
    CallLoop,
    /// It calls itself without end.
    Recursion,
    /// It allocates until nothing is left.
    MemoryHog,
    /// It leaves the file `asleep` in the folder, if it has one by then, and waits for an hour.
    Sleep,
    /// It waits for the longest time that can be said.
    SleepForEver,
    /// It wakes up every millisecond to wait again.
    Dawdle,
    /// It sends a request to this machine and panics with what came of it.
    SendsNow,
    /// `put` reads every clock, and waits until a moment that is long gone.
    ReadsClocks,
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
    /// `list` answers full pages of names in order, for ever.
    EndlessNames,
    /// `list` answers a million names.
    MillionNames,
    /// `list` answers a name of 1 MiB.
    HugeName,
    /// `list` answers a token of 9 KiB.
    HugeToken,
    /// `head` fails with a message of 20 MiB.
    HugeErrorText,
    /// `head` fails with a message of 5 KiB.
    LongErrorText,
    /// `head` answers an etag of 2 KiB.
    HugeEtag,
    /// `multipart-start` answers an id of 5 KiB.
    HugeUploadId,
    /// `multipart-start` answers an id of nothing.
    EmptyUploadId,
    /// `multipart-start` answers an id of control characters.
    OddUploadId,
    /// `multipart-put` answers a tag of 2 KiB.
    HugeTag,
    /// `multipart-put` answers a tag of control characters.
    OddTag,
    /// `multipart-finish` answers for another key.
    FinishesOther,
    /// `head` fails as a put would, and says that it may have changed something.
    WrongOutcome,
    /// `head` fails with a message that clears the terminal.
    OddErrorText,
    /// `head` fails with a request id that clears the terminal.
    OddRequestId,
    /// `head` asks for a pause of half a billion years.
    EndlessPause,
    /// `home` is 3 KiB long.
    HugeHome,
    /// `home` holds the secret.
    SecretHome,
    /// `capabilities` say that nothing may be deleted at once.
    NonsenseCapabilities,
    /// `capabilities` say that nothing fits into a put.
    NoPut,
    /// `capabilities` say that the smallest part is larger than the largest.
    MinAboveMax,
    /// `capabilities` say that an upload has no parts.
    NoParts,
    /// `capabilities` say that no part has a size that is allowed.
    NoMultiple,
    /// `capabilities` wish for four billion calls at once, and for parts and batches without bound.
    ManyInFlight,
    /// `capabilities` hold flags that nobody has defined.
    UnknownFlags,
    /// `describe` declares 65 settings.
    ManySettings,
    /// `describe` declares a hundred thousand settings.
    HugeDescription,
    /// `describe` calls itself by a name that no backend can have.
    OddName,
    /// `needs` asks for 65 origins.
    ManyOrigins,
    /// `needs` asks for a hundred thousand origins.
    HugeNeeds,
    /// `needs` asks for 17 folders.
    ManyFolders,
    /// `needs` asks for the granted folder and for one within it.
    NeedsNestedFolders,
    /// `put` swaps a folder within the granted one for a link to the outside and back, for a while.
    SwapsFolder,
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
    /// `put` makes ten thousand requests, fills the body of each and sends none.
    ManyRequests,
    /// `put` makes ten thousand responses, which nobody asked for, and fills the body of each.
    ManyResponses,
    /// `put` sends ten thousand requests and takes no answer.
    ManyAnswers,
    /// `put` makes requests, fills the body of each and keeps them after the call.
    KeepsRequests,
    /// `needs` wants the address; `put` asks it for something and keeps the answer after the call.
    KeepsAnswer,
    /// `needs` wants the address; `head` sends it fifty requests that it does not answer, and fails with how many got any further.
    ManyConnections,
    /// `put` makes a request with a method of 1 MiB and panics with what came of it.
    HugeMethod,
    /// `put` keeps a stream of the blob after the call.
    KeepsStream,
    /// `get` opens ten thousand streams of the sink.
    ManySinkStreams,
    /// `put` makes ten thousand pollables.
    ManyPollables,
    /// `put` makes ten thousand lists of headers.
    ManyFields,
    /// `put` opens the granted folder ten thousand times.
    ManyDescriptors,
    /// `put` opens a file of the granted folder ten thousand times and keeps only a stream of each.
    ManyFileStreams,
    /// `put` begins sixteen listings of the granted folder, which is large, and panics with how many entries one of them has.
    ListsLargeFolder,
    /// `put` lists the granted folder, which it has filled, a thousand times at once.
    ManyListings,
    /// `put` opens the granted folder three hundred times and never closes it.
    KeepsFolders,
    /// `put` waits for a million times the same moment.
    PollFlood,
    /// `get` writes more zeros than there are bytes in the world.
    ZeroFlood,
    /// `put` reads a file of the granted folder with the largest length there is.
    HugeFileRead,
    /// `put` panics while it holds a stream of the blob.
    PanicsWithStream,
    /// `get` panics while it holds a stream of the sink in which bytes are.
    PanicsWithSink,
    /// `put` panics while it holds a pollable.
    PanicsWithPollable,
    /// `needs` wants the address; `put` panics while the address owes it an answer.
    PanicsWithRequest,
    /// `put` asks for 1 GiB of random bytes.
    HugeRandom,
    /// `head` sends a request to the address and fails with what came of it.
    HttpRequest,
    /// `needs` wants the address; `head` asks it where else to go, goes there and to its neighbours, and fails with what came
    /// of it.
    RequestBeside,
    /// `head` connects to the address and fails with what came of it.
    Connect,
    /// `head` listens on a port and fails with what came of it.
    Listen,
    /// `head` sends a datagram to the address and fails with what came of it.
    Datagram,
    /// `head` looks a name up and fails with what came of it.
    LookUp,
    /// `needs` wants the origin of the first of the requests that the address lists; `head` sends them all, and fails with
    /// what came of each.
    Requests,
    /// `head` sets headers that are not for guests to set, and fails with what came of it.
    ForbiddenHeaders,
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
    /// `head` reads about the process through `/proc` and fails with what came of it.
    ReadProc,
    /// `head` looks at what lies beside the folder without reading it, and fails with what came of it.
    LookOutside,
    /// `put` creates a file beside the folder by `..` and fails with what came of it.
    WriteDotDot,
    /// `put` creates a file through a symbolic link and fails with what came of it.
    WriteThroughLink,
    /// `put` makes a link to the file beside the folder, reads through it and fails with what came of it.
    MakeLink,
    /// `put` makes hard links to and from the outside and fails with what came of it.
    HardLink,
    /// `put` moves files out of the folder and into it and fails with what came of it.
    Rename,
    /// `put` removes what lies beside the folder and fails with what came of it.
    Remove,
    /// `needs` asks to read the folder; `put` writes there and fails with what came of it.
    WriteReadOnly,
    /// `put` and `head` remember where they were called; `head` fails with what this instance and its cache remember.
    Remembers,
    /// `head` fails with the secret in its message.
    TellsSecret,
    /// `head` panics with the secret in its message.
    PanicsWithSecret,
}
