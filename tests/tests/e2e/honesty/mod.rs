//! Whatever a plugin does to what it was given: no backup that it spoiled passes for a good one, and nothing of it is installed.
//!
//! Each lie of the lying component has a test here; a lie without one does not compile.

mod at_rest;
mod checked;
mod deleting;
mod lying;
mod scene;
mod unseen;

use siltstone_liar::Lie;

use self::checked::failing;
use self::deleting::{abandoning, deleting};
use self::lying::{in_parts, making, racing, reading};
use self::scene::End::{Found, Harmless, Idle, Noted, Refused};

macro_rules! trials {
    ($($lie:ident { $($name:ident: $trial:ident($($with:expr),*);)+ })*) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $trial(Lie::$lie, $($with),*).await;
            }
        )+)*

        /// Does not compile while a lie has no trial.
        const _: fn(Lie) = |lie| match lie {
            $(Lie::$lie => (),)*
        };
    };
}

// What comes of a lie that is told while a backup is made, about: the descriptor that claims the id, the one that makes the
// backup visible, the manifest, every chunk, the second chunk.
// What comes of one that is told when a backup is read, about: the descriptor, the manifest, every chunk, the second chunk.
trials! {
    PutDrops {
        a_put_that_keeps_nothing: making([Refused, Refused, Refused, Refused, Refused]);
    }
    PutTruncates {
        a_put_that_keeps_half: making([Refused, Refused, Refused, Refused, Refused]);
    }
    PutExtends {
        a_put_that_keeps_more: making([Refused, Refused, Refused, Refused, Refused]);
    }
    PutFlips {
        a_put_that_keeps_a_bit_differently: making([Refused, Refused, Refused, Found, Found]);
    }
    PutZeroes {
        a_put_that_keeps_zeros: making([Refused, Refused, Refused, Found, Found]);
    }
    PutEmpties {
        a_put_that_keeps_an_empty_object: making([Refused, Refused, Refused, Refused, Refused]);
    }
    PutOther {
        a_put_that_keeps_another_object: making([Refused, Refused, Refused, Refused, Refused]);
    }
    PutOlder {
        a_put_that_keeps_an_older_version: making([Found, Found, Refused, Refused, Refused]);
    }
    IgnoresDigests {
        a_put_that_ignores_the_digests_it_asked_for: making([Refused, Refused, Refused, Found, Found]);
    }
    GetTruncates {
        a_get_that_sends_too_little: reading([Found, Found, Found, Found]);
        a_get_that_sends_too_little_meanwhile: making([Refused, Refused, Refused, Idle, Idle]);
    }
    GetOvercounts {
        a_get_that_says_that_it_sent_more: reading([Found, Found, Found, Found]);
    }
    GetEndless {
        a_get_that_sends_without_end: reading([Found, Found, Found, Found]);
    }
    GetFlips {
        a_get_that_sends_a_bit_differently: reading([Found, Found, Found, Found]);
        a_get_that_sends_a_bit_differently_meanwhile: making([Refused, Refused, Refused, Idle, Idle]);
    }
    GetZeroes {
        a_get_that_sends_zeros: reading([Found, Found, Found, Found]);
    }
    GetEmpties {
        a_get_that_sends_nothing: reading([Found, Found, Found, Found]);
    }
    GetOther {
        a_get_that_sends_another_object: reading([Found, Found, Found, Found]);
    }
    GetOlder {
        a_get_that_sends_an_older_version: reading([Found, Found, Found, Found]);
        a_get_that_sends_an_older_version_meanwhile: making([Found, Found, Refused, Idle, Idle]);
    }
    GetShifted {
        a_get_that_sends_another_range: reading([Found, Found, Found, Found]);
    }
    GetHides {
        a_get_that_finds_no_object: reading([Found, Found, Found, Found]);
        a_get_that_finds_no_object_meanwhile: making([Refused, Refused, Refused, Idle, Idle]);
    }
    HeadSize {
        a_head_with_a_wrong_size: reading([Harmless, Idle, Idle, Idle]);
        a_head_with_a_wrong_size_meanwhile: making([Harmless, Harmless, Idle, Idle, Idle]);
    }
    HeadEtag {
        a_head_with_a_wrong_etag: reading([Harmless, Idle, Idle, Idle]);
        a_head_with_a_wrong_etag_meanwhile: making([Harmless, Harmless, Idle, Idle, Idle]);
    }
    HeadHides {
        a_head_that_finds_no_object: reading([Found, Idle, Idle, Idle]);
        a_head_that_finds_no_object_meanwhile: making([Refused, Refused, Idle, Idle, Idle]);
    }
    ListOmits {
        a_list_that_omits: reading([Idle, Idle, Noted, Noted]);
        a_list_that_omits_meanwhile: making([Idle, Idle, Idle, Refused, Refused]);
    }
    ListInvents {
        a_list_that_invents: reading([Idle, Idle, Harmless, Harmless]);
        a_list_that_invents_meanwhile: making([Idle, Idle, Idle, Harmless, Harmless]);
    }
    ListRepeats {
        a_list_that_repeats: reading([Idle, Idle, Noted, Noted]);
        a_list_that_repeats_meanwhile: making([Idle, Idle, Idle, Refused, Refused]);
    }
    ListSizes {
        a_list_with_wrong_sizes: reading([Idle, Idle, Noted, Noted]);
        a_list_with_wrong_sizes_meanwhile: making([Idle, Idle, Idle, Refused, Refused]);
    }
    DeleteKeeps {
        a_delete_that_keeps_leaves_no_backup: deleting();
    }
    AbortKeeps {
        an_abort_that_keeps_leaves_no_backup: abandoning();
    }
    PartDropped {
        a_part_that_is_dropped: in_parts(Refused);
    }
    PartsSwapped {
        parts_that_change_places: in_parts(Found);
    }
    PartRepeated {
        a_part_that_is_repeated: in_parts(Found);
    }
    LastPartCut {
        a_last_part_that_is_cut: in_parts(Refused);
    }
    ForeignTags {
        tags_that_belong_to_other_parts: in_parts(Refused);
    }
    FinishDrops {
        parts_of_which_no_object_is_made: in_parts(Refused);
    }
    ClaimsAnyOrder {
        parts_that_are_kept_as_they_come: in_parts(Found);
    }
    IgnoresIfAbsent {
        a_put_that_ignores_if_absent: making([Harmless, Idle, Idle, Idle, Idle]);
        two_servers_that_are_both_let_in: racing();
    }
    IgnoresIfMatch {
        a_put_that_ignores_if_match: making([Harmless, Harmless, Idle, Idle, Idle]);
    }
    ClaimsIfMatch {
        a_put_that_only_claims_if_match: making([Harmless, Harmless, Harmless, Harmless, Harmless]);
    }
    IgnoresPath {
        a_path_that_is_ignored_fails_the_check: failing(
            &["a_path_that_was_never_used_is_empty"], &["it answers the same home", "`unsupported`"]);
    }
    ClaimsPath {
        a_path_that_is_ignored_secretly_fails_the_check: failing(
            &["a_path_that_was_never_used_is_empty", "what_lies_at_one_path_is_not_seen_at_another"],
            &["was put at the configured path and is seen at another one"]);
    }
    SecretEtag {
        an_etag_that_holds_a_secret_is_redacted_in_the_certificate: failing(
            &["a_listing_describes_objects_as_head_does"], &["[redacted LIAR_SECRET]"]);
    }
}
