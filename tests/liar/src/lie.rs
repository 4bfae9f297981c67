//! The list of lies, once for the component and for the tests of the host.

use std::str::FromStr;

macro_rules! lies {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What the component does to the objects that were chosen.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Lie {
            $($(#[$doc])* $name,)*
        }

        impl Lie {
            /// Every lie.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The value of the setting.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

lies! {
    /// `put` keeps nothing and says that it did.
    PutDrops,
    /// `put` keeps the first half.
    PutTruncates,
    /// `put` keeps a few bytes more.
    PutExtends,
    /// `put` keeps one bit differently.
    PutFlips,
    /// `put` keeps zeros.
    PutZeroes,
    /// `put` keeps an empty object.
    PutEmpties,
    /// `put` keeps the bytes of another object of that kind.
    PutOther,
    /// `put` keeps an older version.
    PutOlder,
    /// Asks for every digest, and keeps bytes that have none of them.
    IgnoresDigests,
    /// `get` sends all but the last byte, and says so.
    GetTruncates,
    /// `get` sends all but the last byte, and says that it sent all.
    GetOvercounts,
    /// `get` goes on sending after the range, and takes no notice of the refusal.
    GetEndless,
    /// `get` sends one bit differently.
    GetFlips,
    /// `get` sends zeros.
    GetZeroes,
    /// `get` sends nothing, and says so.
    GetEmpties,
    /// `get` sends bytes of another object of that kind.
    GetOther,
    /// `get` sends bytes of an older version.
    GetOlder,
    /// `get` sends the bytes of a range that begins one byte later.
    GetShifted,
    /// `get` says that there is no such object.
    GetHides,
    /// `head` says that the object is one byte longer.
    HeadSize,
    /// `head` answers another etag at every call.
    HeadEtag,
    /// `head` says that there is no such object.
    HeadHides,
    /// `list` leaves the objects out.
    ListOmits,
    /// `list` has one object more for each.
    ListInvents,
    /// `list` answers the same page again as the next one.
    ListRepeats,
    /// `list` says that the objects are one byte longer.
    ListSizes,
    /// `delete` keeps the objects and says that they are gone.
    DeleteKeeps,
    /// The object lacks its first part.
    PartDropped,
    /// The first part stands after the second.
    PartsSwapped,
    /// The first part stands in the place of the second as well.
    PartRepeated,
    /// The last part lacks its last byte.
    LastPartCut,
    /// `multipart-put` answers the tag that the next part will have.
    ForeignTags,
    /// `multipart-finish` makes no object of the parts and says that it did.
    FinishDrops,
    /// `multipart-abort` keeps the parts and says that they are gone.
    AbortKeeps,
    /// Keeps parts in the order in which they come, and says that any order will do.
    ClaimsAnyOrder,
    /// Honours `if-absent` for keys that belong to no backup, and for no others.
    IgnoresIfAbsent,
    /// Honours `if-match` for keys that belong to no backup, and for no others.
    IgnoresIfMatch,
    /// Says that it knows `if-match`, and does not.
    ClaimsIfMatch,
    /// Keeps everything at the configured path, whatever path a location names, and says so.
    IgnoresPath,
    /// Keeps everything at the configured path, and says that it is where the location names it.
    ClaimsPath,
    /// `list` tells the secret as the etag of the objects.
    SecretEtag,
}

impl FromStr for Lie {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().copied().find(|lie| lie.name() == name);
        found.ok_or_else(|| format!("there is no lie {name:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lie_is_found_by_its_name() {
        for lie in Lie::ALL {
            assert_eq!(lie.name().parse(), Ok(*lie));
        }
        assert!("Kind".parse::<Lie>().is_err());
    }
}
