//! What objects of the data set look like: the same arguments always give the same object.

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};
use siltstone_db::Object;
use uuid::{Builder, Uuid};

use crate::demo::words::WORDS;

/// The day on which the first object was made, in milliseconds since 1970.
const FIRST_DAY_MS: u64 = 1_735_689_600_000;

/// The states of a ticket.
const STATES: [&str; 4] = ["open", "waiting", "solved", "closed"];

/// What kind of objects a shard holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Long prose and a vector of 384 numbers.
    Article,
    /// Short prose and a vector of 256 numbers.
    Ticket,
}

impl Kind {
    /// Bytes that such an object takes on disk at least, in tables that the engine has compressed; measured, rounded down.
    /// In young tables and in journals it takes more.
    pub(super) fn bytes_on_disk(self) -> u64 {
        match self {
            Self::Article => 3_000,
            Self::Ticket => 1_750,
        }
    }
}

/// The id of an object: of version 7, so that ids are in the order of numbers, which is the order of lists.
pub(super) fn id(shard: u64, number: u64) -> Uuid {
    let mut random = [0; 10];
    SmallRng::seed_from_u64(mix(&[shard, number])).fill(&mut random[..]);
    Builder::from_unix_timestamp_millis(FIRST_DAY_MS + number, &random).into_uuid()
}

/// The object of a number as the operation `version` wrote it; 0 is the one that was loaded.
pub(super) fn object(kind: Kind, shard: u64, number: u64, version: u64) -> Object {
    let mut rng = SmallRng::seed_from_u64(mix(&[shard, number, version, 1]));
    let rng = &mut rng;
    let length = match kind {
        Kind::Article => rng.random_range(180..420),
        Kind::Ticket => rng.random_range(60..200),
    };
    let text = prose(rng, length);
    let properties = match kind {
        Kind::Article => json!({
            "title": prose(rng, 6),
            "body": text,
            "author": name(rng),
            "tags": [word(rng), word(rng), word(rng)],
            "views": rng.random_range(0..2_000_000_u64),
            "draft": rng.random_range(0..10) == 0,
        }),
        Kind::Ticket => json!({
            "subject": prose(rng, 8),
            "message": text,
            "customer": name(rng),
            "status": STATES[rng.random_range(0..STATES.len())],
            "priority": rng.random_range(1..5_u64),
        }),
    };
    let dimensions = match kind {
        Kind::Article => 384,
        Kind::Ticket => 256,
    };
    Object {
        id: id(shard, number),
        properties: into_map(properties),
        vector: Some(vector(rng, dimensions)),
        named_vectors: BTreeMap::new(),
        created_ms: FIRST_DAY_MS + number,
        updated_ms: FIRST_DAY_MS + number + version,
    }
}

/// The object beside all others of a shard that says how many operations it has seen; its id is before all others.
pub(super) fn counter(operations: u64) -> Object {
    Object {
        id: Uuid::nil(),
        properties: into_map(json!({ "operations": operations })),
        vector: None,
        named_vectors: BTreeMap::new(),
        created_ms: FIRST_DAY_MS,
        updated_ms: FIRST_DAY_MS,
    }
}

/// One number out of several.
pub(super) fn mix(parts: &[u64]) -> u64 {
    parts.iter().fold(0x5117_5705, |state, part| {
        let mixed = (state ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(23)
    })
}

fn into_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn word(rng: &mut SmallRng) -> &'static str {
    let nearer: f64 = rng.random();
    let index = (nearer * nearer * WORDS.len() as f64) as usize;
    WORDS[index.min(WORDS.len() - 1)]
}

fn name(rng: &mut SmallRng) -> String {
    format!("{} {} {}", capital(word(rng)), capital(word(rng)), rng.random_range(100..1000))
}

fn capital(word: &str) -> String {
    let mut all = word.chars();
    all.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(all).collect()
}

/// Sentences of so many words in all.
fn prose(rng: &mut SmallRng, words: u64) -> String {
    let mut text = String::new();
    let mut left_in_sentence = 0;
    for _ in 0..words {
        if left_in_sentence == 0 {
            if !text.is_empty() {
                text.push_str(". ");
            }
            left_in_sentence = rng.random_range(5..18);
            text.push_str(&capital(word(rng)));
        } else {
            text.push(' ');
            text.push_str(word(rng));
        }
        left_in_sentence -= 1;
    }
    text.push('.');
    text
}

/// A vector of length 1 whose direction is no better than any other.
fn vector(rng: &mut SmallRng, dimensions: usize) -> Vec<f32> {
    let mut vector: Vec<f32> =
        (0..dimensions).map(|_| (0..4).map(|_| rng.random::<f32>() - 0.5).sum()).collect();
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    for x in &mut vector {
        *x /= length;
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_the_order_of_numbers_and_differ_between_shards() {
        let ids: Vec<Uuid> = (0..500).map(|number| id(3, number)).collect();
        assert!(ids.is_sorted_by(|a, b| a < b) && ids[0] > Uuid::nil());
        assert_ne!(id(3, 7), id(4, 7));
    }

    #[test]
    fn an_object_is_the_same_again_and_differs_from_its_other_versions() {
        for kind in [Kind::Article, Kind::Ticket] {
            assert_eq!(object(kind, 1, 2, 3), object(kind, 1, 2, 3));
            let (old, new) = (object(kind, 1, 2, 3), object(kind, 1, 2, 4));
            assert_eq!(old.id, new.id);
            assert_ne!(old.properties, new.properties);
            assert_ne!(old.vector, new.vector);
        }
    }
}
