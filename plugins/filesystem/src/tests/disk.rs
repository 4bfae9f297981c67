//! A folder of the machine that runs the test, with a hook before every step.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::folder::{Code, Entry, File, Folder, Kind, Stat};

/// Most bytes taken by one write, so that writes fall short.
const MOST: usize = 700_000;

type Hook = dyn FnMut(&str) -> Option<Code>;

/// What has been done, and what is to go wrong.
#[derive(Default)]
pub(super) struct Hooks {
    steps: RefCell<Vec<String>>,
    before: RefCell<Option<Box<Hook>>>,
}

impl Hooks {
    /// Calls `hook` before every step; it may do something itself, and may make the step fail.
    pub(super) fn before(&self, hook: impl FnMut(&str) -> Option<Code> + 'static) {
        *self.before.borrow_mut() = Some(Box::new(hook));
    }

    /// Fails every step that begins so.
    pub(super) fn fail(&self, start: &str, code: Code) {
        let start = start.to_owned();
        self.before(move |step| step.starts_with(&start).then_some(code));
    }

    /// Lets everything through again.
    pub(super) fn calm(&self) {
        *self.before.borrow_mut() = None;
    }

    /// The steps since the last call, as verb and path; the unique part of a temporary name reads `T`.
    pub(super) fn take(&self) -> Vec<String> {
        self.steps.take()
    }

    fn step(&self, text: String) -> Result<(), Code> {
        self.steps.borrow_mut().push(text.clone());
        let failed = self.before.borrow_mut().as_mut().and_then(|hook| hook(&text));
        failed.map_or(Ok(()), Err)
    }
}

/// An open folder.
pub(super) struct Disk {
    root: PathBuf,
    path: PathBuf,
    hooks: Rc<Hooks>,
}

/// An open file.
pub(super) struct OpenFile {
    file: fs::File,
    shown: String,
    hooks: Rc<Hooks>,
}

impl Disk {
    pub(super) fn new(root: &Path, hooks: &Rc<Hooks>) -> Self {
        Self { root: root.to_owned(), path: root.to_owned(), hooks: Rc::clone(hooks) }
    }

    fn shown(&self, path: &Path) -> String {
        let names = path.strip_prefix(&self.root).unwrap().iter().map(|name| {
            let name = name.to_str().unwrap();
            let hex = name.get(..32).filter(|start| start.bytes().all(|b| b.is_ascii_hexdigit()));
            hex.map_or_else(|| name.to_owned(), |hex| name.replace(hex, "T"))
        });
        names.collect::<Vec<_>>().join("/")
    }

    fn step(&self, verb: &str, name: &str) -> Result<PathBuf, Code> {
        let path = self.path.join(name);
        self.hooks.step(format!("{verb} {}", self.shown(&path)))?;
        Ok(path)
    }

    fn opened(&self, path: &Path, options: &fs::OpenOptions) -> Result<OpenFile, Code> {
        if path.is_symlink() {
            return Err(Code::Loop);
        }
        let file = options.open(path).map_err(code)?;
        Ok(OpenFile { file, shown: self.shown(path), hooks: Rc::clone(&self.hooks) })
    }
}

fn code(error: io::Error) -> Code {
    match error.kind() {
        io::ErrorKind::NotFound => Code::NoEntry,
        io::ErrorKind::AlreadyExists => Code::Exist,
        io::ErrorKind::NotADirectory => Code::NotDirectory,
        io::ErrorKind::IsADirectory => Code::IsDirectory,
        io::ErrorKind::DirectoryNotEmpty => Code::NotEmpty,
        io::ErrorKind::PermissionDenied => Code::Access,
        other => panic!("no word for {other}"),
    }
}

fn stat(of: &fs::Metadata) -> Stat {
    Stat {
        kind: kind(of.file_type()),
        size: of.len(),
        modified: Some((of.mtime().try_into().unwrap(), of.mtime_nsec().try_into().unwrap())),
        identity: of.ino().into(),
    }
}

fn kind(of: fs::FileType) -> Kind {
    match of {
        of if of.is_file() => Kind::File,
        of if of.is_dir() => Kind::Folder,
        _ => Kind::Other,
    }
}

impl Folder for Disk {
    type File = OpenFile;

    fn open_folder(&self, name: &str) -> Result<Self, Code> {
        let path = self.step("enter", name)?;
        let metadata = fs::symlink_metadata(&path).map_err(code)?;
        match kind(metadata.file_type()) {
            Kind::Folder => Ok(Self { root: self.root.clone(), path, hooks: Rc::clone(&self.hooks) }),
            Kind::File => Err(Code::NotDirectory),
            Kind::Other => Err(Code::Loop),
        }
    }

    fn create_folder(&self, name: &str) -> Result<(), Code> {
        fs::create_dir(self.step("mkdir", name)?).map_err(code)
    }

    fn remove_folder(&self, name: &str) -> Result<(), Code> {
        fs::remove_dir(self.step("rmdir", name)?).map_err(code)
    }

    fn entries(&self, each: &mut dyn FnMut(Entry) -> ControlFlow<()>) -> Result<(), Code> {
        self.hooks.step(format!("entries {}", self.shown(&self.path)))?;
        for entry in fs::read_dir(&self.path).map_err(code)? {
            let entry = entry.map_err(code)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if each(Entry { name, kind: kind(entry.file_type().map_err(code)?) }).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn stat(&self, name: &str) -> Result<Stat, Code> {
        Ok(stat(&fs::symlink_metadata(self.step("stat", name)?).map_err(code)?))
    }

    fn create(&self, name: &str) -> Result<OpenFile, Code> {
        self.opened(&self.step("create", name)?, fs::OpenOptions::new().write(true).create_new(true))
    }

    fn open(&self, name: &str) -> Result<OpenFile, Code> {
        self.opened(&self.step("open", name)?, fs::OpenOptions::new().read(true))
    }

    fn open_for_writing(&self, name: &str) -> Result<OpenFile, Code> {
        self.opened(&self.step("open", name)?, fs::OpenOptions::new().write(true))
    }

    fn link(&self, name: &str, to: &Self, new_name: &str) -> Result<(), Code> {
        fs::hard_link(self.path.join(name), to.step("link", new_name)?).map_err(code)
    }

    fn rename(&self, name: &str, to: &Self, new_name: &str) -> Result<(), Code> {
        fs::rename(self.path.join(name), to.step("rename", new_name)?).map_err(code)
    }

    fn unlink(&self, name: &str) -> Result<(), Code> {
        fs::remove_file(self.step("unlink", name)?).map_err(code)
    }

    fn sync(&self) -> Result<(), Code> {
        self.step("sync-folder", "").map(drop)
    }
}

impl OpenFile {
    fn step(&self, verb: &str) -> Result<(), Code> {
        self.hooks.step(format!("{verb} {}", self.shown))
    }
}

impl File for OpenFile {
    fn read(&self, len: u64, offset: u64) -> Result<(Vec<u8>, bool), Code> {
        self.step("read")?;
        let mut data = vec![0; len.min(64 << 10) as usize];
        let read = self.file.read_at(&mut data, offset).map_err(code)?;
        data.truncate(read);
        Ok((data, read == 0))
    }

    fn write(&self, data: &[u8], offset: u64) -> Result<u64, Code> {
        self.step("write")?;
        let taken = self.file.write_at(&data[..data.len().min(MOST)], offset).map_err(code)?;
        Ok(taken as u64)
    }

    fn set_size(&self, size: u64) -> Result<(), Code> {
        self.step("cut")?;
        self.file.set_len(size).map_err(code)
    }

    fn stat(&self) -> Result<Stat, Code> {
        Ok(stat(&self.file.metadata().map_err(code)?))
    }

    fn sync_data(&self) -> Result<(), Code> {
        self.step("sync-data")
    }

    fn sync(&self) -> Result<(), Code> {
        self.step("sync")
    }
}
