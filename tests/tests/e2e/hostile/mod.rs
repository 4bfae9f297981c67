//! Whatever a plugin does, one call of it fails, and nothing else happens.
//!
//! Each behaviour of the hostile component has a test in one of these files; a behaviour without one does not compile.

mod certificates;
mod contract;
mod files;
mod house;
mod memory;
mod messages;
mod network;
mod phases;
mod resources;
mod tables;
mod tenants;
mod trial;
mod writer;

use siltstone_hostile::Behaviour;

/// `NAME: BEHAVIOUR in CALL => OUTCOME;` is a test of that name. `@ BEHAVIOUR by TEST;` says that a test which is written out
/// beside it is about that behaviour.
macro_rules! trials {
    (
        $($name:ident: $behaviour:ident in $call:ident => $outcome:expr;)*
        $(@ $other:ident by $test:ident;)*
    ) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::trial::trial(siltstone_hostile::Behaviour::$behaviour, $call, $outcome).await;
            }
        )*

        /// The behaviours that are tried here.
        pub(super) const TRIED: &[siltstone_hostile::Behaviour] = &[
            $(siltstone_hostile::Behaviour::$behaviour,)*
            $(siltstone_hostile::Behaviour::$other,)*
        ];

        /// The misdeeds of which a call tells, with what it tells.
        pub(super) const CASES: &[super::certificates::Case] =
            &[$((siltstone_hostile::Behaviour::$behaviour, $call, $outcome),)*];

        $(const _: fn() = $test;)*

        #[test]
        fn tests_that_are_written_out_are_about_their_behaviours() {
            let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../", file!()));
            $(super::assert_about(text, stringify!($test), stringify!($other));)*
        }
    };
}
use trials;

/// This test names this behaviour, or a function that it names does.
fn assert_about(text: &str, test: &str, behaviour: &str) {
    let functions: Vec<(&str, &str)> = text
        .split("\nfn ")
        .chain(text.split("\nasync fn "))
        .skip(1)
        .filter_map(|rest| Some((rest.split_once('(')?.0, rest.split_once("\n}\n")?.0)))
        .collect();
    let (_, body) = functions.iter().find(|(name, _)| *name == test).unwrap();
    let named = functions.iter().filter(|(name, _)| has_word(body, name)).map(|(_, body)| body);
    let is_named = std::iter::once(body).chain(named).any(|body| has_word(body, behaviour));
    assert!(is_named, "{test} does not name {behaviour}");
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|other| other == word)
}

const ALL: [&[Behaviour]; 8] = [
    contract::TRIED,
    files::TRIED,
    memory::TRIED,
    messages::TRIED,
    network::TRIED,
    phases::TRIED,
    resources::TRIED,
    tenants::TRIED,
];

/// Does not compile while a behaviour has no trial.
const _: () = {
    let mut behaviour = 0;
    while behaviour < Behaviour::ALL.len() {
        assert!(is_tried(Behaviour::ALL[behaviour]), "a behaviour of the hostile component has no test");
        behaviour += 1;
    }
};

const fn is_tried(behaviour: Behaviour) -> bool {
    let mut area = 0;
    while area < ALL.len() {
        let mut at = 0;
        while at < ALL[area].len() {
            if ALL[area][at] as usize == behaviour as usize {
                return true;
            }
            at += 1;
        }
        area += 1;
    }
    false
}
