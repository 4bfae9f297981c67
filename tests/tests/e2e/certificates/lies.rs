//! A plugin that lies about what a check writes does not pass, and the check that is about the lie says so.
//!
//! What no check of a transport can see is what it never asks about. A plugin may know the keys of a check and lie about all
//! others ([`a_lie_that_is_told_about_backups_alone_is_not_seen`]), lie only later, or show the whole location as it was before
//! the check began. Against these the host's own checksums stand, not the certificate.

use std::path::Path;

use futures_util::StreamExt;
use siltstone_liar::{FOLDER, Kind, LIE, Lie, NAME, NOTES, OBJECT, OLDER, STRIKE};
use siltstone_tests::certify::{check, environment, suite};

/// Where a check sees a lie, and words of its reason.
enum Seen {
    /// In a step of its first object.
    First(&'static str, &'static str),
    /// In a case of the suite.
    Suite(&'static str, &'static str),
    /// Only a whole check does; `honesty::checked` makes one of each.
    Whole,
}

const HEAD: &str = "its_head_is_that_of_the_put";
const GET: &str = "its_bytes_come_back";
const LIST: &str = "it_is_listed";
const PARTS: &str = "parts_make_the_whole_object";

/// One row for each lie; a lie without one does not compile.
fn seen(lie: Lie) -> Seen {
    use Seen::{First, Suite, Whole};
    match lie {
        Lie::PutDrops | Lie::HeadHides => First(HEAD, "does not exist"),
        Lie::PutTruncates | Lie::PutExtends | Lie::PutEmpties | Lie::PutOlder | Lie::HeadSize => {
            First(HEAD, "a size of")
        }
        Lie::PutFlips | Lie::PutZeroes | Lie::IgnoresDigests => First(GET, "other bytes come back"),
        Lie::PutOther | Lie::GetOther => Suite("an_object_is_read_back_whole", "that are not the"),
        Lie::GetFlips | Lie::GetZeroes | Lie::GetShifted => First(GET, "other bytes come back"),
        Lie::GetTruncates | Lie::GetEmpties | Lie::GetOlder => First(GET, "a length of"),
        Lie::GetOvercounts => First(GET, "says that it sent"),
        Lie::GetEndless => First(GET, "more"),
        Lie::GetHides => First(GET, "does not exist"),
        Lie::HeadEtag => Suite("an_etag_stays_with_the_content", "without a change"),
        Lie::ListOmits | Lie::ListInvents => First(LIST, "a number of objects of"),
        Lie::ListRepeats => First(LIST, "out of order or twice"),
        Lie::ListSizes => First(LIST, "a size of"),
        Lie::DeleteKeeps => First("it_is_deleted", "is still there"),
        Lie::PartDropped | Lie::PartsSwapped | Lie::PartRepeated | Lie::LastPartCut => {
            Suite(PARTS, "that are not the")
        }
        Lie::ForeignTags => Suite(PARTS, "multipart-finish"),
        Lie::FinishDrops => Suite(PARTS, "does not exist"),
        Lie::AbortKeeps => Suite("an_aborted_upload_leaves_nothing", "are left after the abort"),
        Lie::ClaimsAnyOrder => Suite("parts_come_from_many_tasks_at_once", "that are not the"),
        Lie::IgnoresIfAbsent => {
            Suite("if_absent_leaves_an_existing_object_untouched", "if-absent on an existing key must fail")
        }
        Lie::IgnoresIfMatch | Lie::ClaimsIfMatch => {
            Suite("if_match_with_another_etag_changes_nothing", "if-match with another etag must fail")
        }
        Lie::IgnoresPath | Lie::ClaimsPath | Lie::SecretEtag => Whole,
    }
}

/// Trials at once: each is a process of its own, or a few objects.
const AT_ONCE: usize = 3;

/// A location, notes, and the settings of a liar about this kind of object.
struct Scene {
    base: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Scene {
    fn new(lie: Option<Lie>, kind: Kind) -> Self {
        let base = tempfile::tempdir().unwrap();
        let at = |name: &str| base.path().join(name);
        for folder in ["store", "notes"] {
            std::fs::create_dir(at(folder)).unwrap();
        }
        std::fs::write(at("notes").join(format!("{OLDER}{}", kind.name())), b"what it once was").unwrap();
        let mut settings = vec![
            (FOLDER, at("store").display().to_string()),
            (NOTES, at("notes").display().to_string()),
            (OBJECT, kind.name().to_owned()),
        ];
        settings.extend(lie.map(|lie| (LIE, lie.name().to_owned())));
        Self { base, settings }
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    fn has_lied(&self) -> bool {
        let notes = std::fs::read_dir(self.base.path().join("notes")).unwrap();
        notes.into_iter().any(|note| note.unwrap().file_name().to_string_lossy().starts_with(STRIKE))
    }

    /// Failed cases of the suite, of these or of all, with their reasons.
    async fn suite(&self, only: &[&'static str]) -> Vec<(String, String)> {
        let component = std::fs::read(env!("LIAR_WASM")).unwrap();
        let report = suite(NAME, &component, &self.settings(), only).await.unwrap();
        assert!(report.cases.len() > only.len(), "{report}");
        report.failures().map(|(name, reason)| (name.to_owned(), reason.to_owned())).collect()
    }

    /// The same of the command.
    async fn command(&self) -> Vec<(String, String)> {
        let settings = self.settings();
        let names: Vec<&str> = settings.iter().map(|(name, _)| *name).collect();
        let config = format!("settings = {names:?}\n{}", environment(&settings));
        let certificate = check(Path::new(env!("LIAR_WASM")), &config, &[]).await.unwrap();
        assert!(certificate.code == 1 && !certificate.passed, "{}{}", certificate.text, certificate.errors);
        let failed = certificate.with("failed").into_iter();
        failed.filter_map(|name| Some((name.to_owned(), certificate.of(name)?.1.to_owned()))).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_lie_fails_the_certificate_by_the_check_that_is_about_it() {
    let trials = Lie::ALL.iter().map(|lie| trial(*lie));
    let wrong: Vec<Option<String>> =
        futures_util::stream::iter(trials).buffer_unordered(AT_ONCE).collect().await;
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What is wrong with the certificate, if anything is.
async fn trial(lie: Lie) -> Option<String> {
    let scene = Scene::new(Some(lie), Kind::Checked);
    let (failed, check, words) = match seen(lie) {
        Seen::First(step, words) => (scene.command().await, step, words),
        Seen::Suite(case, words) => (scene.suite(&[case]).await, case, words),
        Seen::Whole => return None,
    };
    let is_said = failed.iter().any(|(name, reason)| name == check && reason.contains(words));
    (!is_said || !scene.has_lied()).then(|| format!("{lie:?} at {check} with {words:?}: {failed:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_component_passes_while_it_is_honest() {
    let scene = Scene::new(None, Kind::Checked);
    let failed = scene.suite(&[]).await;
    assert!(failed.is_empty(), "{failed:?}");
    assert!(!scene.has_lied());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lie_that_is_told_about_backups_alone_is_not_seen() {
    let scene = Scene::new(Some(Lie::PutFlips), Kind::Chunk);
    let failed = scene.suite(&[]).await;
    assert!(failed.is_empty(), "{failed:?}");
    assert!(!scene.has_lied());
}
