//! Answers that break the contract, texts that lie or shout, and descriptions without bound.

use siltstone::ErrorKind::{AlreadyExists, Denied, Invalid, Plugin as Fault, Throttled};
use siltstone::plugin::{ExtraRoots, Location};
use siltstone::storage::{ListRequest, ListingSettings, StackSettings, Storage, stack};
use siltstone::{FaultKind, Retry};
use siltstone_hostile::{Behaviour, FOLDER, Order};

use super::house::{House, Plan, resident};
use super::memory::alone;
use super::trial::Call::{Delete, Finish, Get, Head, List, Load, Open, Part, Put, Start};
use super::trial::Outcome::{Fails, Harmless};
use super::trial::provoke;
use super::trials;

trials! {
    an_honest_component_works: Nothing in Put => Harmless;
    a_get_that_sends_less_than_it_says_is_found_out: SendsLess in Get => Fails(Fault, &["says that it sent 16 bytes, but 15"]);
    a_get_that_sends_more_than_asked_is_found_out: SendsMore in Get => Fails(Fault, &["more bytes than were asked for"]);
    an_answer_for_another_key_is_refused: WrongKey in Head => Fails(Fault, &["answered for \"other\""]);
    an_upload_that_ends_as_another_is_refused: FinishesOther in Finish => Fails(Fault, &["answered for \"other\""]);
    a_size_that_was_not_given_is_refused: WrongSize in Put => Fails(Fault, &["was given 9 bytes", "stored 10"]);
    an_unsorted_page_is_refused: Unsorted in List => Fails(Fault, &["out of order"]);
    a_page_with_duplicates_is_refused: Duplicates in List => Fails(Fault, &["out of order or twice"]);
    a_page_with_a_foreign_prefix_is_refused: ForeignPrefix in List => Fails(Fault, &["worse/1"]);
    a_page_beyond_its_limit_is_refused: TooMany in List => Fails(Fault, &["names; 10 were asked for"]);
    a_name_of_a_mebibyte_is_refused: HugeName in List => Fails(Fault, &["a key of 1048580 bytes"]);
    a_token_beyond_its_bound_is_refused: HugeToken in List => Fails(Fault, &["page token has 9216 bytes"]);
    a_token_that_leads_to_itself_is_refused: EndlessToken in List => Fails(Fault, &["token that it was given"]);
    pages_that_repeat_are_refused: EndlessPages in List => Fails(Fault, &["out of order or twice"]);
    an_error_text_beyond_its_bound_is_refused: LongErrorText in Head => Fails(Fault, &["5120 bytes"]);
    an_error_text_cannot_steer_a_terminal: OddErrorText in Head => Fails(Denied, &["\\u{1b}[2J\\u{7}\\r\\n\\u{202e}all is well"]);
    a_request_id_cannot_steer_a_terminal: OddRequestId in Head => Fails(Fault, &["a request id holds control characters: \"\\u{1b}"]);
    a_read_that_fails_as_a_put_changes_nothing: WrongOutcome in Head => Fails(AlreadyExists, &["it was there"]);
    a_pause_without_end_is_an_error_like_any_other: EndlessPause in Head => Fails(Throttled, &["not now"]);
    an_etag_beyond_its_bound_is_refused: HugeEtag in Head => Fails(Fault, &["etag has 2048 bytes"]);
    an_upload_id_beyond_its_bound_is_refused: HugeUploadId in Start => Fails(Fault, &["upload id has 5120 bytes"]);
    an_empty_upload_id_is_refused: EmptyUploadId in Start => Fails(Fault, &["upload id has 0 bytes"]);
    an_upload_id_of_control_characters_is_refused: OddUploadId in Start => Fails(Fault, &["upload id holds control characters: \"\\u{1b}"]);
    a_tag_beyond_its_bound_is_refused: HugeTag in Part => Fails(Fault, &["tag of a part has 2048 bytes"]);
    a_tag_of_control_characters_is_refused: OddTag in Part => Fails(Fault, &["tag of a part holds control characters: \"\\u{1b}"]);
    a_home_beyond_its_bound_is_refused: HugeHome in Open => Fails(Fault, &["home has 3072 bytes"]);
    a_home_with_a_secret_is_refused: SecretHome in Open => Fails(Fault, &["home holds credentials"]);
    nonsense_capabilities_are_refused: NonsenseCapabilities in Open => Fails(Fault, &["delete-batch"]);
    a_store_that_takes_nothing_is_refused: NoPut in Open => Fails(Fault, &["max-put must be at least 1"]);
    parts_with_a_smallest_above_the_largest_are_refused: MinAboveMax in Open => Fails(Fault, &["min-size is at most max-size"]);
    uploads_without_parts_are_refused: NoParts in Open => Fails(Fault, &["max-count"]);
    parts_of_which_none_fits_are_refused: NoMultiple in Open => Fails(Fault, &["no multiple of multiple-of"]);
    flags_that_nobody_defined_are_without_effect: UnknownFlags in Open => Harmless;
    a_need_of_a_foreign_folder_is_refused: NeedsForeignFolder in Open => Fails(Denied, &["`/etc`", "not granted"]);
    a_need_of_a_foreign_file_is_refused: NeedsForeignFile in Open => Fails(Denied, &["`/etc/passwd`"]);
    a_need_of_an_origin_is_refused: NeedsOrigin in Open => Fails(Denied, &["http://127.0.0.1:80"]);
    needs_may_not_use_the_cache: CacheInNeeds in Open => Fails(Fault, &["called host.cache-get in needs"]);
    needs_of_too_many_origins_are_refused: ManyOrigins in Open => Fails(Fault, &["needs 65 origins; at most 64"]);
    needs_of_a_hundred_thousand_origins_are_refused: HugeNeeds in Open => Fails(Fault, &[]);
    needs_of_too_many_folders_are_refused: ManyFolders in Open => Fails(Fault, &["needs 17 folders; at most 16"]);
    too_many_settings_are_refused: ManySettings in Load => Fails(Fault, &["65 settings; at most 64"]);
    a_description_of_a_hundred_thousand_settings_is_refused: HugeDescription in Load => Fails(Fault, &[]);
    a_name_that_no_backend_has_is_refused: OddName in Load => Fails(Fault, &["\\u{1b}"]);
    a_delete_of_keys_that_were_not_given_is_refused: DeletesOthers in Delete => Fails(Fault, &["\"innocent\""]);
    a_secret_in_an_error_is_redacted: TellsSecret in Head => Fails(Denied, &["the key [redacted HOSTILE_SECRET] is wrong"]);
    a_secret_in_a_panic_is_redacted: PanicsWithSecret in Head => Fails(Fault, &["on purpose: [redacted HOSTILE_SECRET]"]);
    @ EndlessNames by a_listing_without_end_is_ended_at_its_bound;
    @ ManyInFlight by a_wish_for_more_than_the_limits_is_cut;
}

#[test]
fn a_listing_without_end_is_ended_at_its_bound() {
    alone("contract::a_listing_without_end_is_ended_at_its_bound", list_for_ever);
}

async fn list_for_ever() {
    let house = House::new(Plan::default()).await;
    let storage = house.open(Order::of(Behaviour::EndlessNames)).await.unwrap();
    let settings = StackSettings { listing: ListingSettings { names: 100_000 }, ..StackSettings::default() };
    let (storage, counters) = stack(storage, "hostile".parse().unwrap(), &settings);
    let memory = resident();
    let mut request = ListRequest { prefix: "bad/".to_owned(), limit: 1_000, ..ListRequest::default() };
    let mut pages = 0;
    let error = loop {
        match storage.list(&request).await {
            Ok(page) => request.token = Some(page.next.unwrap()),
            Err(error) => break error,
        }
        pages += 1;
    };
    assert_eq!((pages, error.kind(), error.fault()), (99, Fault, Some(FaultKind::Contract)), "{error}");
    for word in ["`hostile`", "more than 100000 names", "`bad/`", "a path of their own"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    assert!(counters.report().2.is_some(), "it counts as a fault of the plugin");
    let grown = resident().saturating_sub(memory);
    assert!(grown < 64 << 20, "the process has grown by {grown} bytes");
    house.assert_undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_for_more_than_the_limits_is_cut() {
    let house = House::new(Plan::default()).await;
    let storage = house.open(Order::of(Behaviour::ManyInFlight)).await.unwrap();
    let capabilities = storage.capabilities();
    assert_eq!((capabilities.in_flight, capabilities.delete_batch), (16, 10_000));
    assert_eq!(capabilities.parts.max_count, 1 << 20);
    house.assert_undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_is_an_hour_at_most() {
    let house = House::new(Plan::default()).await;
    let storage = house.open(Order::of(Behaviour::EndlessPause)).await.unwrap();
    let error = provoke(&*storage, Head).await.unwrap_err();
    assert_eq!(error.retry(), Retry::After(Some(std::time::Duration::from_secs(3600))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_are_missing_or_wrong_are_told_before_anything_runs() {
    let house = House::new(Plan::default()).await;
    let hostile = house.hostile(Order::of(Behaviour::Trap)).await.unwrap();
    let env = |name: &str| (name == FOLDER).then(|| "relative".to_owned());
    let error = hostile.plugin().configure(&env, ExtraRoots::default()).unwrap_err();
    assert_eq!(error.kind(), Invalid);
    let text = error.to_string();
    for part in
        ["HOSTILE_BEHAVIOUR is not set", "HOSTILE_FOLDER is \"relative\"", "HOSTILE_SECRET is not set"]
    {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_of_a_certificate_provoke_as_well() {
    let house = House::new(Plan::default()).await;
    let hostile = house.hostile(Order::of(Behaviour::Trap)).await.unwrap();
    let storage = hostile.open(&Location::default()).await.unwrap();
    let error = super::trial::make(&*storage, Put, "siltstone-check-0/x").await.unwrap_err();
    assert!(error.is(Fault) && error.to_string().contains("on purpose: put"), "{error}");
}
