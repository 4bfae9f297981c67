//! A location with backups, a database that was backed up, an empty one, and what became of a lie.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use siltstone::model::{Compression, Location, State, TenantState};
use siltstone::ops::{BackupRequest, RestoreRequest, VerifyDepth};
use siltstone::plugin::PluginPackage;
use siltstone_liar::{FOLDER, Kind, LIE, Lie, NAME, NOTES, NTH, OBJECT, OLDER, STRIKE};
use siltstone_tests::corrupt::{Object, objects};
use siltstone_tests::folder_db::Content;
use siltstone_tests::ops_house::{BACKEND, House, Plan, error_of, files, fill, shown};
use tempfile::{TempDir, tempdir};

/// The backup that is lied about.
pub const ID: &str = "x";

/// What became of a lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was never told, as nobody asked.
    Idle,
    /// The backup failed, or what is to be its status is damaged, and that is told; nothing of it can be restored.
    Refused,
    /// Verify tells of it, and a restore installs nothing.
    Found,
    /// Verify tells of it, and a restore brings the exact content.
    Noted,
    /// Verify is content, and so may it be: a restore brings the exact content.
    Harmless,
}

/// Which objects are lied about.
pub type Target = (Kind, Option<u32>);

/// Everything, and no host: each trial starts its own.
pub struct Scene {
    base: TempDir,
    /// What a restore must bring.
    pub content: Content,
    trials: AtomicU32,
}

impl Scene {
    /// An earlier backup `y` is at the location, and the older versions of each object of `x` are kept aside. The database has
    /// changed since, in several files of several chunks; `scale` bytes in the largest.
    pub async fn new(scale: usize) -> Self {
        let base = tempdir().unwrap();
        let a = plan(base.path(), "a").start().await.unwrap();
        fill(&a.db, scale).unwrap();
        assert_eq!(a.backup(ID).await.unwrap().state, State::Success);
        keep_older(&a.plan.backups, &base.path().join("older"));
        a.host.forget(BACKEND, ID, &Location::default()).await.unwrap();
        a.db.add("Later", None, TenantState::Hot, &files(60, &[scale / 2, 9])).unwrap();
        assert_eq!(a.backup("y").await.unwrap().state, State::Success);
        a.db.add("Latest", None, TenantState::Hot, &files(80, &[scale / 3, 4])).unwrap();
        let content = a.db.content().unwrap();
        a.stop().await;
        Self { base, content, trials: AtomicU32::new(0) }
    }

    /// The same with `x` as it is now, made honestly.
    pub async fn with_backup(scale: usize, compression: &str) -> Self {
        let scene = Self::new(scale).await;
        let a = scene.plan("a").start().await.unwrap();
        let mut request = BackupRequest::new(BACKEND, ID);
        request.compression = Compression::from_name(compression).unwrap();
        let status = a.backup_with(request).await.unwrap();
        assert_eq!(status.state, State::Success, "{}", shown(&status));
        a.stop().await;
        scene
    }

    /// A database with one file of this length, and an empty location.
    pub async fn of_one_file(len: usize) -> Self {
        let base = tempdir().unwrap();
        fs::create_dir(base.path().join("older")).unwrap();
        let a = plan(base.path(), "a").start().await.unwrap();
        a.db.add("Big", None, TenantState::Hot, &files(1, &[len])).unwrap();
        let content = a.db.content().unwrap();
        a.stop().await;
        Self { base, content, trials: AtomicU32::new(0) }
    }

    /// A node with the filesystem plugin: `a` has the database, `b` an empty one.
    pub fn plan(&self, name: &str) -> Plan {
        plan(self.base.path(), name)
    }

    /// Where the backups are.
    pub fn backups(&self) -> PathBuf {
        self.plan("a").backups
    }

    /// Where the older versions are.
    pub fn older(&self, kind: Kind) -> PathBuf {
        self.base.path().join("older").join(format!("{OLDER}{}", kind.name()))
    }

    /// A node with the lying plugin as well, and the folder of its notes.
    pub fn lying(&self, name: &str, lie: Lie, (kind, nth): Target) -> (Plan, PathBuf) {
        let trial = self.trials.fetch_add(1, Ordering::Relaxed);
        let notes = self.base.path().join(format!("notes-{trial}"));
        fs::create_dir(&notes).unwrap();
        for entry in fs::read_dir(self.base.path().join("older")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), notes.join(entry.file_name())).unwrap();
        }
        let mut variables = vec![
            (FOLDER, self.backups().display().to_string()),
            (NOTES, notes.display().to_string()),
            (LIE, lie.name().to_owned()),
            (OBJECT, kind.name().to_owned()),
        ];
        variables.extend(nth.map(|nth| (NTH, nth.to_string())));
        let component = fs::read(env!("LIAR_WASM")).unwrap();
        let package = PluginPackage::new(NAME, component).unwrap();
        (self.plan(name).with_package(package, &variables), notes)
    }
}

fn plan(base: &Path, name: &str) -> Plan {
    Plan::new(base, name).unwrap()
}

/// Copies the descriptor, the manifest and the first chunk of `x`.
fn keep_older(backups: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for (object, path) in objects(backups, ID).into_iter().rev() {
        fs::copy(path, to.join(format!("{OLDER}{}", kind(object).name()))).unwrap();
    }
}

/// The liar's word for it.
pub fn kind(object: Object) -> Kind {
    match object {
        Object::Descriptor => Kind::Descriptor,
        Object::Manifest => Kind::Manifest,
        Object::Chunk => Kind::Chunk,
    }
}

/// How often a lie was told.
pub fn strikes(notes: &Path) -> usize {
    let names = fs::read_dir(notes).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with(STRIKE)).count()
}

/// Verifies and restores `x`, empties the database again, and says what came of it. Panics when something else than the content
/// was installed, or anything left behind, or when what verify says does not fit what a restore does.
pub async fn judge(b: &House, backend: &str, content: &Content) -> (End, String) {
    let told = match b.host.verify(backend, ID, &Location::default(), VerifyDepth::ReadData).await {
        Ok(report) => report.problems.join("; "),
        Err(error) => error.to_string(),
    };
    let restored = match b.restore_with(RestoreRequest::new(backend, ID)).await {
        Ok(status) if status.state == State::Success => None,
        Ok(status) => {
            assert_eq!(status.state, State::Failed, "{}", shown(&status));
            Some(error_of(&status).to_owned())
        }
        Err(error) => Some(error.to_string()),
    };
    let installed = b.db.content().unwrap();
    assert!(b.local_leftovers().unwrap().is_empty(), "{told}: {:?}", b.local_leftovers());
    let Some(refusal) = restored else {
        assert!(installed == *content, "something else was restored; verify says: {told}");
        for collection in content.keys().map(|shard| shard.split('/').next().unwrap_or(shard)) {
            b.db.drop_collection(collection).unwrap();
        }
        return (if told.is_empty() { End::Harmless } else { End::Noted }, told);
    };
    assert!(installed.is_empty(), "something was installed: {refusal}");
    assert!(!refusal.is_empty() && !told.is_empty(), "verify says {told:?}, restore {refusal:?}");
    (End::Found, format!("{told}; {refusal}"))
}
