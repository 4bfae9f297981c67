//! Folders and files of `wasi:filesystem`.

use std::ops::ControlFlow;

use siltstone_plugin_sdk::wasi::filesystem::preopens::get_directories;
use siltstone_plugin_sdk::wasi::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, MetadataHashValue, OpenFlags, PathFlags,
};

use crate::folder::{Code, Entry, File, Folder, Kind, Stat};

/// Nothing is ever resolved through a symbolic link.
const NO_FOLLOW: PathFlags = PathFlags::empty();

/// The folder that the host granted under exactly this name, if it did.
pub fn granted(path: &str) -> Option<Descriptor> {
    get_directories().into_iter().find(|(_, name)| name == path).map(|(folder, _)| folder)
}

fn kind(of: DescriptorType) -> Kind {
    match of {
        DescriptorType::RegularFile => Kind::File,
        DescriptorType::Directory => Kind::Folder,
        _ => Kind::Other,
    }
}

fn stat(stat: DescriptorStat, hash: MetadataHashValue) -> Stat {
    Stat {
        kind: kind(stat.type_),
        size: stat.size,
        modified: stat.data_modification_timestamp.map(|time| (time.seconds, time.nanoseconds)),
        identity: u128::from(hash.upper) << 64 | u128::from(hash.lower),
    }
}

impl Folder for Descriptor {
    type File = Descriptor;

    fn open_folder(&self, name: &str) -> Result<Self, Code> {
        // A folder that may be changed asks for the right to; a read-only grant still opens for reading.
        let open = |flags| self.open_at(NO_FOLLOW, name, OpenFlags::DIRECTORY, flags);
        match open(DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY) {
            Err(Code::ReadOnly | Code::NotPermitted) => open(DescriptorFlags::READ),
            opened => opened,
        }
    }

    fn create_folder(&self, name: &str) -> Result<(), Code> {
        self.create_directory_at(name)
    }

    fn remove_folder(&self, name: &str) -> Result<(), Code> {
        self.remove_directory_at(name)
    }

    fn entries(&self, each: &mut dyn FnMut(Entry) -> ControlFlow<()>) -> Result<(), Code> {
        let stream = self.read_directory()?;
        loop {
            let entry = match stream.read_directory_entry() {
                Ok(Some(entry)) => Entry { name: entry.name, kind: kind(entry.type_) },
                Ok(None) => return Ok(()),
                Err(Code::NoEntry | Code::IllegalByteSequence) => continue,
                Err(code) => return Err(code),
            };
            if each(entry).is_break() {
                return Ok(());
            }
        }
    }

    fn stat(&self, name: &str) -> Result<Stat, Code> {
        Ok(stat(self.stat_at(NO_FOLLOW, name)?, self.metadata_hash_at(NO_FOLLOW, name)?))
    }

    fn create(&self, name: &str) -> Result<Descriptor, Code> {
        self.open_at(NO_FOLLOW, name, OpenFlags::CREATE | OpenFlags::EXCLUSIVE, DescriptorFlags::WRITE)
    }

    fn open(&self, name: &str) -> Result<Descriptor, Code> {
        self.open_at(NO_FOLLOW, name, OpenFlags::empty(), DescriptorFlags::READ)
    }

    fn open_for_writing(&self, name: &str) -> Result<Descriptor, Code> {
        self.open_at(NO_FOLLOW, name, OpenFlags::empty(), DescriptorFlags::WRITE)
    }

    fn link(&self, name: &str, to: &Self, new_name: &str) -> Result<(), Code> {
        self.link_at(NO_FOLLOW, name, to, new_name)
    }

    fn rename(&self, name: &str, to: &Self, new_name: &str) -> Result<(), Code> {
        self.rename_at(name, to, new_name)
    }

    fn unlink(&self, name: &str) -> Result<(), Code> {
        self.unlink_file_at(name)
    }

    fn sync(&self) -> Result<(), Code> {
        Descriptor::sync(self)
    }
}

impl File for Descriptor {
    fn read(&self, len: u64, offset: u64) -> Result<(Vec<u8>, bool), Code> {
        Descriptor::read(self, len, offset)
    }

    fn write(&self, data: &[u8], offset: u64) -> Result<u64, Code> {
        Descriptor::write(self, data, offset)
    }

    fn set_size(&self, size: u64) -> Result<(), Code> {
        Descriptor::set_size(self, size)
    }

    fn stat(&self) -> Result<Stat, Code> {
        Ok(stat(Descriptor::stat(self)?, self.metadata_hash()?))
    }

    fn sync_data(&self) -> Result<(), Code> {
        Descriptor::sync_data(self)
    }

    fn sync(&self) -> Result<(), Code> {
        Descriptor::sync(self)
    }
}
