//! What is stored changes by itself, or by somebody who can write it: every change is found.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use siltstone_tests::corrupt::{Damage, Object, damage, frames, objects};
use siltstone_tests::folder_db::Content;
use siltstone_tests::ops_house::{BACKEND, House};

use super::scene::{End, ID, Scene, judge, kind};

/// Bytes in the largest file: two chunks.
const SCALE: usize = 1100 << 10;
/// Masks of the flipped bits: the lowest, the one that tells upper from lower case, the highest.
const MASKS: [u8; 3] = [0x01, 0x20, 0x80];
/// Bytes of the header of a gzip member that tell how it was made and nothing of its content: time, level, system.
const IDLE: std::ops::Range<u64> = 4..10;

/// The one bit of its flags that tells nothing either: the content may be text.
const TEXT: (u64, u8) = (3, 0x01);

/// What was tried and what came of it, by kind of object.
#[derive(Default)]
struct Tally(BTreeMap<Object, (u32, u32)>);

impl Tally {
    /// Judges the backup as it lies there now, after a change that may or may not be `harmless` to who restores.
    async fn take(&mut self, b: &House, content: &Content, object: Object, what: &str, harmless: bool) {
        let (end, text) = judge(b, BACKEND, content).await;
        let expected = if harmless { End::Noted } else { End::Found };
        assert_eq!(end, expected, "{what}: {text}");
        let (tried, noted) = self.0.entry(object).or_default();
        *tried += 1;
        *noted += u32::from(harmless);
    }

    fn assert_at_least(&self, least: u32) {
        println!("changes tried, and those of them that a restore need not refuse: {:?}", self.0);
        assert_eq!(self.0.len(), 3, "{:?}", self.0);
        assert!(self.0.values().all(|(tried, noted)| *tried >= least && noted * 4 < *tried), "{:?}", self.0);
    }
}

/// Places in an object of this length: the first ones, the last one and about `many` between.
fn places(len: u64, many: u64) -> impl Iterator<Item = u64> {
    let step = (len / many).max(1) | 1;
    (0..len.min(12)).chain((12..len).step_by(usize::try_from(step).unwrap())).chain([len - 1])
}

async fn changed(compression: &str, many: u64) -> Tally {
    let scene = Scene::with_backup(SCALE, compression).await;
    let b = scene.plan("b").start().await.unwrap();
    let stored = objects(&scene.backups(), ID);
    let frames = frames(&scene.backups(), ID);
    let mut tally = Tally::default();
    for (object, path) in &stored {
        let before = fs::read(path).unwrap();
        let len = before.len() as u64;
        let key = path.strip_prefix(scene.backups()).unwrap().display().to_string();
        let flips = places(len, many).zip(MASKS.into_iter().cycle()).map(|(at, m)| Damage::FlipAt(at, m));
        let cuts = places(len, many / 4).map(Damage::CutTo);
        let whole = [Damage::Empty, Damage::Grow, Damage::Double, Damage::Delete];
        for how in flips.chain(cuts).chain(whole) {
            let harmless = *object == Object::Chunk
                && match how {
                    Damage::Grow | Damage::Double => true,
                    Damage::FlipAt(at, mask) if compression == "BestSpeed" => {
                        let places = frames[&key].iter().map(|frame| at.wrapping_sub(*frame));
                        places.into_iter().any(|place| IDLE.contains(&place) || (place, mask) == TEXT)
                    }
                    _ => false,
                };
            damage(path, how).unwrap();
            tally.take(&b, &scene.content, *object, &format!("{how:?} of {key}"), harmless).await;
            fs::write(path, &before).unwrap();
        }
        let older = fs::read(scene.older(kind(*object))).unwrap();
        fs::write(path, older).unwrap();
        tally.take(&b, &scene.content, *object, &format!("an older {key}"), false).await;
        fs::write(path, &before).unwrap();
    }
    exchanged(&mut tally, &scene, &b, &stored).await;
    assert_eq!(judge(&b, BACKEND, &scene.content).await.0, End::Harmless, "whole again");
    tally
}

/// Every object changes places with every other one of the backup, and with those of another backup.
async fn exchanged(tally: &mut Tally, scene: &Scene, b: &House, stored: &[(Object, std::path::PathBuf)]) {
    let foreign = objects(&scene.backups(), "y");
    for (n, (object, one)) in stored.iter().enumerate() {
        for (_, other) in stored.iter().skip(n + 1).chain(&foreign) {
            let what = format!("{} and {} exchanged", one.display(), other.display());
            swap(one, other);
            tally.take(b, &scene.content, *object, &what, false).await;
            swap(one, other);
        }
    }
}

fn swap(one: &Path, other: &Path) {
    let (first, second) = (fs::read(one).unwrap(), fs::read(other).unwrap());
    fs::write(one, second).unwrap();
    fs::write(other, first).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_of_a_compressed_backup_is_found_and_none_is_installed() {
    changed("BestSpeed", 60).await.assert_at_least(80);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_of_an_uncompressed_backup_is_found_and_none_is_installed() {
    changed("NoCompression", 24).await.assert_at_least(40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_nobody_names_harms_nothing() {
    let scene = Scene::with_backup(SCALE, "BestSpeed").await;
    let b = scene.plan("b").start().await.unwrap();
    for (_, path) in objects(&scene.backups(), ID) {
        let stray = path.with_file_name("00000099");
        fs::copy(&path, &stray).unwrap();
        assert_eq!(judge(&b, BACKEND, &scene.content).await.0, End::Harmless, "{}", stray.display());
        fs::remove_file(stray).unwrap();
    }
}
