//! Folders are granted by where they really are.

use std::os::unix::fs::symlink;

use super::super::describe::{PluginInfo, Required, SettingInfo, SettingKind};
use super::super::needs::OriginNeed;
use super::*;
use crate::model::BackendName;

struct House {
    folder: tempfile::TempDir,
    settings: Settings,
    extra: ExtraRoots,
    protected: Vec<PathBuf>,
}

impl House {
    /// A backup folder `backups` (not there yet), an extra root `extra`, and the data folder `data`.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("data/wal")).unwrap();
        std::fs::create_dir_all(root.join("extra")).unwrap();
        std::fs::create_dir_all(root.join("elsewhere")).unwrap();
        let info = PluginInfo {
            name: BackendName::new("fs").unwrap(),
            version: "1".to_owned(),
            settings: vec![
                SettingInfo {
                    name: "FS_PATH".to_owned(),
                    kind: SettingKind::Folder,
                    required: Required::Yes,
                    default: Some(root.join("backups/deep").display().to_string()),
                    doc: "Folder.".to_owned(),
                },
                SettingInfo {
                    name: "FS_KEY".to_owned(),
                    kind: SettingKind::File,
                    required: Required::No,
                    default: Some("/etc/key".to_owned()),
                    doc: "Key.".to_owned(),
                },
            ],
        };
        Self {
            settings: Settings::collect(&info, &|_| None).unwrap(),
            extra: ExtraRoots { variable: "FS_EXTRA".to_owned(), paths: vec![root.join("extra")] },
            protected: vec![root.join("data")],
            folder,
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(path)
    }

    fn decide(&self, needs: &Needs, trust: Trust<'_>) -> Result<Grants> {
        Grants::decide(
            needs,
            &Policy {
                plugin: "fs",
                trust,
                settings: &self.settings,
                extra: &self.extra,
                protected: &self.protected,
            },
        )
    }

    fn folder(&self, path: &str) -> Result<Grants> {
        let folders = vec![FolderNeed { path: self.at(path), access: FolderAccess::Write }];
        self.decide(&Needs { folders, ..Needs::default() }, Trust::Bundled)
    }

    fn refusal(&self, path: &str) -> String {
        let error = self.folder(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        error.to_string()
    }
}

#[test]
fn the_configured_folder_is_created_with_all_levels_and_granted_under_its_name() {
    let house = House::new();
    let grants = house.folder("backups/deep").unwrap();
    assert!(house.at("backups/deep").is_dir());
    assert_eq!(grants.folders()[0].name, house.at("backups/deep").display().to_string());
    let opened = grants.folders()[0].open().unwrap().metadata().unwrap();
    assert_eq!(identity(&opened), identity(&house.at("backups/deep").metadata().unwrap()));
    assert!(house.folder("backups/deep/below/it").is_ok());
    assert!(house.folder("extra/other").is_ok());
}

#[test]
fn a_folder_outside_the_roots_is_refused_by_name_and_not_created() {
    let house = House::new();
    for path in ["backups", "backups/deeper", "elsewhere/new", "extras"] {
        let text = house.refusal(path);
        assert!(text.contains("FS_EXTRA") && text.contains(path), "{text}");
        assert!(!house.at("elsewhere/new").exists() && !house.at("backups/deeper").exists());
    }
}

#[test]
fn a_link_is_judged_by_where_it_leads() {
    let house = House::new();
    symlink(house.at("elsewhere"), house.at("extra/out")).unwrap();
    symlink(house.at("data"), house.at("extra/data")).unwrap();
    assert!(house.refusal("extra/out").contains("elsewhere"));
    assert!(house.refusal("extra/out/new").contains("elsewhere/new"));
    assert!(!house.at("elsewhere/new").exists());
    assert!(house.refusal("extra/data/backups").contains("overlaps"));
    symlink(house.at("extra/nowhere"), house.at("extra/dangling")).unwrap();
    assert!(house.folder("extra/dangling").is_err());
    assert!(house.folder("extra/dangling/x").is_err());
    // A link into a root is as good as the root.
    symlink(house.at("extra"), house.at("elsewhere/in")).unwrap();
    assert!(house.folder("elsewhere/in/x").is_ok());
    assert!(house.at("extra/x").is_dir());
}

#[test]
fn a_folder_that_touches_the_hosts_own_is_refused_even_within_a_root() {
    let mut house = House::new();
    house.extra.paths = vec![PathBuf::from("/")];
    for path in ["data", "data/wal", "data/new", ""] {
        assert!(house.refusal(path).contains("overlaps with the host's own"), "{path}");
    }
    assert!(house.folder("elsewhere/fine").is_ok());
}

#[test]
fn a_folder_that_was_replaced_by_a_link_is_not_opened_again() {
    let house = House::new();
    let grants = house.folder("extra/x").unwrap();
    std::fs::remove_dir(house.at("extra/x")).unwrap();
    symlink(house.at("elsewhere"), house.at("extra/x")).unwrap();
    assert_eq!(grants.folders()[0].open().unwrap_err().kind(), ErrorKind::Denied);
    // Nor is one in the place of a folder above it.
    let grants = house.folder("extra/above/y").unwrap();
    std::fs::rename(house.at("extra/above"), house.at("extra/aside")).unwrap();
    symlink(house.at("extra/aside"), house.at("extra/above")).unwrap();
    assert_eq!(grants.folders()[0].open().unwrap_err().kind(), ErrorKind::Denied);
}

#[test]
fn a_folder_that_was_made_anew_is_another_one_and_one_that_is_gone_is_named() {
    let house = House::new();
    let grants = house.folder("extra/x").unwrap();
    let granted = &grants.folders()[0];
    assert!(granted.is_current().unwrap());
    // Renamed and not removed, so that its inode is not given away again.
    std::fs::rename(house.at("extra/x"), house.at("extra/old")).unwrap();
    let gone = granted.is_current().unwrap_err();
    assert!(gone.is(ErrorKind::Unavailable) && gone.to_string().contains("/extra/x` is gone"), "{gone}");
    std::fs::create_dir(house.at("extra/x")).unwrap();
    assert!(!granted.is_current().unwrap());
    assert!(granted.open().unwrap_err().to_string().contains("replaced by another one"));
    assert!(house.folder("extra/x").unwrap().folders()[0].is_current().unwrap());
}

/// The other side swaps the folder for a link and back as fast as it can.
#[test]
fn a_folder_that_is_swapped_all_the_time_is_opened_itself_or_not_at_all() {
    let house = House::new();
    let grants = house.folder("extra/x").unwrap();
    let granted = &grants.folders()[0];
    let itself = identity(&house.at("extra/x").metadata().unwrap());
    symlink(house.at("elsewhere"), house.at("extra/link")).unwrap();
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let (mut opened, mut refused, mut wrong) = (0, 0, Vec::new());
    std::thread::scope(|scope| {
        let swap = || {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            let (folder, link) = (house.at("extra/x"), house.at("extra/link"));
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                renameat_with(CWD, &folder, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            }
        };
        scope.spawn(swap);
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while (opened < 500 || refused < 500) && std::time::Instant::now() < until {
            match granted.open() {
                Ok(folder) => {
                    opened += 1;
                    if identity(&folder.metadata().unwrap()) != itself {
                        wrong.push("another folder was opened".to_owned());
                    }
                }
                Err(error) if error.is(ErrorKind::Denied) => refused += 1,
                Err(error) => wrong.push(error.to_string()),
            }
        }
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(opened > 0 && refused > 0, "{opened} times opened, {refused} times refused");
}

#[test]
fn a_folder_within_another_one_of_the_same_needs_is_refused() {
    let house = House::new();
    let decide = |paths: &[&str]| {
        let need = |path: &&str| FolderNeed { path: house.at(path), access: FolderAccess::Write };
        let folders = paths.iter().map(need).collect();
        house.decide(&Needs { folders, ..Needs::default() }, Trust::Bundled)
    };
    for paths in [["extra/a", "extra/a/b/c"], ["extra/a/b/c", "extra/a"]] {
        let error = decide(&paths).unwrap_err();
        assert!(error.is(ErrorKind::Denied), "{error}");
        let text = error.to_string();
        assert!(text.contains("extra/a/b/c`, as it lies within `") && text.contains("extra/a`, "), "{text}");
        assert!(!house.at("extra/a").exists(), "nothing is made for what is refused");
    }
    // Neighbours, and the same folder under two names.
    assert!(decide(&["extra/a", "extra/ab"]).is_ok());
    symlink(house.at("extra/a"), house.at("extra/same")).unwrap();
    assert_eq!(decide(&["extra/a", "extra/same"]).unwrap().folders().len(), 2);
    std::fs::create_dir(house.at("extra/a/b")).unwrap();
    symlink(house.at("extra/a/b"), house.at("extra/inner")).unwrap();
    assert!(decide(&["extra/a", "extra/inner"]).is_err());
}

#[test]
fn everything_that_is_refused_stands_in_one_error() {
    let house = House::new();
    let needs = Needs {
        origins: vec![origin("https", "evil.example", 443)],
        files: vec![PathBuf::from("/etc/shadow")],
        folders: vec![FolderNeed { path: house.at("data"), access: FolderAccess::Read }],
    };
    let none = PluginGrants::default();
    let text = house.decide(&needs, Trust::Foreign(&none)).unwrap_err().to_string();
    for part in ["https://evil.example:443", "/etc/shadow", "/data`"] {
        assert!(text.contains(part), "{text}");
    }
}

fn origin(scheme: &str, host: &str, port: u16) -> OriginNeed {
    let origin = Origin { is_secure: scheme == "https", host: host.to_owned(), port };
    OriginNeed { origin, purpose: "data".to_owned() }
}

#[test]
fn origins_reach_as_far_as_a_setting_says_and_metadata_only_under_its_name() {
    let house = House::new();
    let reach = |host: &str, endpoint: Option<&str>| {
        let settings = Settings::collect(&endpoint_info(), &|_| endpoint.map(str::to_owned)).unwrap();
        let house = House { settings, ..House::new() };
        let needs = Needs { origins: vec![origin("https", host, 443)], ..Needs::default() };
        house.decide(&needs, Trust::Bundled).unwrap().origins()[0].reach
    };
    assert_eq!(reach("s3.example.com", None), Reach::Public);
    assert_eq!(reach("default.example.com", None), Reach::Public, "a default is nobody's word");
    assert_eq!(reach("localhost", Some("localhost:9000")), Reach::Named);
    assert_eq!(reach("10.0.0.7", Some("10.0.0.7")), Reach::Named);
    assert_eq!(
        reach("minio.internal", Some("BlobEndpoint=http://Minio.Internal:10000/x;Key=y")),
        Reach::Named
    );
    assert_eq!(
        reach("bucket.minio.internal", Some("minio.internal")),
        Reach::Named,
        "a bucket of the endpoint"
    );
    assert_eq!(reach("a.bucket.minio.internal", Some("minio.internal")), Reach::Public);
    assert_eq!(reach("minio.internal", Some("internal")), Reach::Public);
    assert_eq!(reach("1.0.0.7", Some("0.0.7")), Reach::Public);
    assert_eq!(reach("169.254.169.254", None), Reach::Metadata);
    assert_eq!(reach("169.254.169.254", Some("169.254.169.254")), Reach::Metadata);
    let needs = Needs { origins: vec![origin("https", "s3.example.com", 443)], ..Needs::default() };
    let none = PluginGrants::default();
    let refused = house.decide(&needs, Trust::Foreign(&none)).unwrap_err().to_string();
    assert!(refused.contains("https://s3.example.com:443"), "{refused}");
}

fn endpoint_info() -> PluginInfo {
    let setting = SettingInfo {
        name: "X_ENDPOINT".to_owned(),
        kind: SettingKind::Text,
        required: Required::No,
        default: Some("default.example.com".to_owned()),
        doc: "Endpoint.".to_owned(),
    };
    PluginInfo { name: BackendName::new("fs").unwrap(), version: "1".to_owned(), settings: vec![setting] }
}

#[test]
fn files_are_granted_by_setting_and_to_bundled_plugins_by_need() {
    let house = House::new();
    let needs = Needs { files: vec![PathBuf::from("/run/token")], ..Needs::default() };
    let grants = house.decide(&needs, Trust::Bundled).unwrap();
    assert_eq!(grants.file("FS_KEY"), Some(Path::new("/etc/key")));
    assert_eq!(grants.file("/run/token"), Some(Path::new("/run/token")));
    assert_eq!(grants.file("/etc/shadow"), None);
    let mut granted = PluginGrants::default();
    assert!(house.decide(&needs, Trust::Foreign(&granted)).is_err());
    granted.files.push(PathBuf::from("/run/token"));
    let grants = house.decide(&needs, Trust::Foreign(&granted)).unwrap();
    assert_eq!(grants.file("/run/token"), Some(Path::new("/run/token")));
    assert_eq!(grants.file("FS_KEY"), None, "the default of a plugin from elsewhere is nobody's word");
}

#[test]
fn a_plugin_from_elsewhere_reaches_the_origins_that_were_granted_and_no_others() {
    let house = House::new();
    let reach = |grant: &str, addresses, (scheme, host, port): (&str, &str, u16)| {
        let granted = PluginGrants {
            origins: vec![OriginGrant::new(grant, addresses).unwrap()],
            ..PluginGrants::default()
        };
        let needs = Needs { origins: vec![origin(scheme, host, port)], ..Needs::default() };
        house.decide(&needs, Trust::Foreign(&granted)).ok().map(|grants| grants.origins()[0].reach)
    };
    use Addresses::{Private, Public};
    let dav = ("https", "dav.example.com", 443);
    assert_eq!(reach("https://dav.example.com", Public, dav), Some(Reach::Public));
    assert_eq!(reach("https://dav.example.com", Private, dav), Some(Reach::Named));
    assert_eq!(reach("https://*.example.com", Public, dav), Some(Reach::Public));
    assert_eq!(reach("https://dav.example.com:8443", Public, dav), None);
    assert_eq!(reach("http://dav.example.com:443", Public, dav), None);
    assert_eq!(reach("https://example.com", Public, dav), None);
    assert_eq!(reach("https://a.example.com", Public, ("https", "*.example.com", 443)), None);
    assert_eq!(reach("http://10.0.0.7", Public, ("http", "10.0.0.7", 80)), Some(Reach::Named));
    assert_eq!(reach("http://localhost:81", Public, ("http", "localhost", 81)), Some(Reach::Named));
    let metadata = ("http", "169.254.169.254", 80);
    assert_eq!(reach("http://169.254.169.254", Public, metadata), Some(Reach::Metadata));
    let named = ("http", "metadata.google.internal", 80);
    assert_eq!(reach("http://*.google.internal", Private, named), None);
    assert_eq!(reach("http://metadata.google.internal", Public, named), Some(Reach::Metadata));
}

#[test]
fn an_origin_that_a_setting_names_is_granted_to_a_plugin_from_elsewhere() {
    let mut info = endpoint_info();
    info.settings[0].kind = SettingKind::Origin;
    info.settings[0].default = Some("https://default.example.com".to_owned());
    let reach = |value: Option<&str>, host: &str| {
        let settings = Settings::collect(&info, &|_| value.map(str::to_owned)).unwrap();
        let house = House { settings, ..House::new() };
        let needs = Needs { origins: vec![origin("https", host, 443)], ..Needs::default() };
        let none = PluginGrants::default();
        house.decide(&needs, Trust::Foreign(&none)).ok().map(|grants| grants.origins()[0].reach)
    };
    assert_eq!(reach(Some("https://dav.internal"), "dav.internal"), Some(Reach::Named));
    assert_eq!(reach(Some("https://dav.internal:8443"), "dav.internal"), None);
    assert_eq!(reach(Some("https://dav.internal"), "sub.dav.internal"), None);
    assert_eq!(reach(None, "default.example.com"), None, "a default is nobody's word");
    assert_eq!(reach(Some("http://169.254.169.254"), "169.254.169.254"), None);
}

#[test]
fn a_plugin_from_elsewhere_uses_the_folders_that_were_granted_as_far_as_they_were() {
    let house = House::new();
    let try_it = |granted: FolderAccess, needed: FolderAccess, path: &str| {
        let grants = PluginGrants {
            folders: vec![FolderGrant { path: house.at("elsewhere"), access: granted }],
            ..PluginGrants::default()
        };
        let folders = vec![FolderNeed { path: house.at(path), access: needed }];
        house.decide(&Needs { folders, ..Needs::default() }, Trust::Foreign(&grants))
    };
    use FolderAccess::{Read, Write};
    assert_eq!(try_it(Write, Write, "elsewhere/deep").unwrap().folders()[0].access, Write);
    assert_eq!(try_it(Write, Read, "elsewhere").unwrap().folders()[0].access, Read);
    assert_eq!(try_it(Read, Read, "elsewhere").unwrap().folders()[0].access, Read);
    let refused = try_it(Read, Write, "elsewhere").unwrap_err().to_string();
    assert!(refused.contains("elsewhere` to write") && refused.contains("not granted"), "{refused}");
    // The folder of a setting counts when somebody has set it, which nobody has here.
    assert!(try_it(Write, Write, "backups/deep").is_err());
    assert!(try_it(Write, Write, "data/elsewhere").is_err());
}

#[test]
fn a_file_in_a_folder_that_may_be_written_is_refused() {
    let house = House::new();
    std::fs::write(house.at("elsewhere/token"), "t").unwrap();
    symlink(house.at("elsewhere/token"), house.at("data/token")).unwrap();
    for (access, file, is_fine) in [
        (FolderAccess::Write, "elsewhere/token", false),
        (FolderAccess::Write, "elsewhere/missing", false),
        (FolderAccess::Write, "data/token", false),
        (FolderAccess::Read, "elsewhere/token", true),
        (FolderAccess::Write, "extra/token", true),
    ] {
        let grants = PluginGrants {
            folders: vec![FolderGrant { path: house.at("elsewhere"), access }],
            files: vec![house.at(file)],
            ..PluginGrants::default()
        };
        let folders = vec![FolderNeed { path: house.at("elsewhere"), access }];
        let needs = Needs { folders, files: vec![house.at(file)], ..Needs::default() };
        let decided = house.decide(&needs, Trust::Foreign(&grants));
        assert_eq!(decided.is_ok(), is_fine, "{file}: {decided:?}");
    }
}
