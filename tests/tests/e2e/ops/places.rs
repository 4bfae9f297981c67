//! Where backups may lie: what is wrong with a place is said by the variable that sets it.

use std::fs;
use std::os::unix::fs::symlink;

use siltstone::ErrorKind;
use siltstone::model::{Location, State};
use siltstone::ops::{BackupRequest, Order, RestoreRequest, VerifyDepth};
use siltstone_tests::ops_house::{BACKEND, House, Plan, fill, shown};
use tempfile::tempdir;

fn at(path: &std::path::Path) -> Location {
    Location { bucket: None, path: Some(path.display().to_string()) }
}

async fn start_error(plan: &Plan) -> String {
    match plan.start().await {
        Ok(_) => panic!("started with {}", plan.backups.display()),
        Err(e) => e.to_string(),
    }
}

#[tokio::test]
async fn a_folder_that_cannot_hold_backups_stops_the_start_and_names_the_variable() {
    let base = tempdir().unwrap();
    let good = Plan::new(base.path(), "a").unwrap();
    fs::write(base.path().join("file"), "").unwrap();
    symlink(base.path().join("nowhere"), base.path().join("dangling")).unwrap();
    for wrong in ["relative/path", "", "/proc/nope", "/a/../b"]
        .map(std::path::PathBuf::from)
        .into_iter()
        .chain([base.path().join("file"), base.path().join("file/below"), base.path().join("dangling/x")])
        .chain([good.root.clone(), good.root.join("inside"), base.path().to_path_buf()])
    {
        let plan = Plan { backups: wrong.clone(), ..good.clone() };
        let text = start_error(&plan).await;
        assert!(text.contains("BACKUP_FILESYSTEM_PATH"), "{}: {text}", wrong.display());
    }
    assert!(good.start().await.is_ok(), "and the folder is created when it is missing");
    assert!(good.backups.is_dir());
    let mut unknown = good.clone();
    unknown.settings.modules.push("backup-nonsense".into());
    let text = start_error(&unknown).await;
    assert!(text.contains("ENABLE_MODULES") && text.contains("backup-filesystem"), "{text}");
}

#[tokio::test]
async fn a_path_override_lies_below_the_configured_folder_or_an_extra_one() {
    let base = tempdir().unwrap();
    let extra = base.path().join("extra");
    fs::create_dir_all(&extra).unwrap();
    let mut plan = Plan::new(base.path(), "a").unwrap();
    plan.settings.extra_paths = vec![extra.clone()];
    let a = plan.start().await.unwrap();
    fill(&a.db, 1000).unwrap();
    for (n, place) in [extra.clone(), extra.join("deep/er"), a.plan.backups.join("sub")].iter().enumerate() {
        let id = format!("x{n}");
        let mut request = BackupRequest::new(BACKEND, &id);
        request.location = at(place);
        let status = a.backup_with(request).await.unwrap();
        assert_eq!(status.state, State::Success, "{}", shown(&status));
        assert_eq!(status.path, format!("{}/{id}", place.display()));
        assert!(place.join(&id).join("backup.json").is_file());
        let report = a.host.verify(BACKEND, &id, &at(place), VerifyDepth::ReadData).await.unwrap();
        assert!(report.problems.is_empty());
        assert_eq!(a.host.list(BACKEND, &at(place), Order::Ascending).await.unwrap().len(), 1);
        assert_eq!(
            a.status(&id).await.unwrap_err().kind(),
            ErrorKind::NotFound,
            "it is not at the configured place"
        );
    }
    symlink("/tmp", extra.join("out")).unwrap();
    let outside = base.path().join("elsewhere");
    for place in
        [outside.clone(), base.path().join("extras"), a.plan.root.join("in"), extra.join("out/x"), "/".into()]
    {
        let mut request = BackupRequest::new(BACKEND, "y");
        request.location = at(&place);
        let refused = a.host.backup(request).await.unwrap_err();
        let text = refused.to_string();
        assert_eq!(refused.kind(), ErrorKind::Denied, "{text}");
        assert!(text.contains("BACKUP_FILESYSTEM_EXTRA_PATHS") || text.contains("overlaps"), "{text}");
        assert!(!outside.exists(), "a folder that is refused is not created");
    }
    for wrong in ["relative", "", "/a/../b"] {
        let mut request = BackupRequest::new(BACKEND, "y");
        request.location.path = Some(wrong.into());
        let refused = a.host.backup(request).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{wrong}: {refused}");
    }
}

#[tokio::test]
async fn a_restore_from_an_override_and_its_status_name_that_place() {
    let base = tempdir().unwrap();
    let (a, place) = elsewhere(base.path(), "a").await;
    fill(&a.db, 1000).unwrap();
    let mut request = BackupRequest::new(BACKEND, "x");
    request.location = place.clone();
    assert_eq!(a.backup_with(request).await.unwrap().state, State::Success);
    let (b, _) = elsewhere(base.path(), "b").await;
    assert_eq!(
        b.host.restore(RestoreRequest::new(BACKEND, "x")).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let mut request = RestoreRequest::new(BACKEND, "x");
    request.location = place.clone();
    let status = b.restore_with(request).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    assert_eq!(a.db.content().unwrap(), b.db.content().unwrap());
    // Also after a restart, and not for another place.
    let b = b.stop().await.start().await.unwrap();
    let told = b.host.restore_status(BACKEND, "x", &place).await.unwrap();
    assert_eq!((told.state, told.path), (State::Success, status.path));
    let other = b.host.restore_status(BACKEND, "x", &Location::default()).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::NotFound, "{other}");
}

async fn elsewhere(base: &std::path::Path, node: &str) -> (House, Location) {
    let mut plan = Plan::new(base, node).unwrap();
    plan.settings.extra_paths = vec![base.join("extra")];
    (plan.start().await.unwrap(), at(&base.join("extra/place")))
}

#[tokio::test]
async fn a_backup_folder_that_is_made_anew_is_used_and_one_that_is_gone_is_named() {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().start().await.unwrap();
    fill(&a.db, 10_000).unwrap();
    assert_eq!(a.backup("first").await.unwrap().state, State::Success);
    let backups = base.path().join("backups");
    std::fs::rename(&backups, base.path().join("moved")).unwrap();
    let gone = a.status("first").await.unwrap_err().to_string();
    assert!(gone.contains("is gone: mount it or make it again"), "{gone}");
    std::fs::create_dir(&backups).unwrap();
    assert!(a.status("first").await.unwrap_err().is(ErrorKind::NotFound), "the new folder is empty");
    assert_eq!(a.backup("second").await.unwrap().state, State::Success);
    assert!(backups.join("second/backup.json").is_file());
    assert!(!base.path().join("moved/second").exists(), "nothing goes where nobody looks any more");
    let report = a.host.verify(BACKEND, "second", &Location::default(), VerifyDepth::ReadData).await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    a.stop().await;
}
