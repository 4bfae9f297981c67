//! What holds more of the host's resources than there are for it, or holds them while it breaks off.

use std::hint::black_box;

use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::io::{Blob, Sink};
use siltstone_plugin_sdk::types::Error;
use siltstone_plugin_sdk::wasi::clocks::monotonic_clock::subscribe_duration;
use siltstone_plugin_sdk::wasi::filesystem::types::{Descriptor, DescriptorFlags, OpenFlags, PathFlags};
use siltstone_plugin_sdk::wasi::http::types::Fields;
use siltstone_plugin_sdk::wasi::io::poll;

use crate::Behaviour;
use crate::component::Handle;
use crate::files::{create, folder};
use crate::misdeeds::trap;

/// More of one kind than an instance may hold.
const MANY: u32 = 10_000;

pub(crate) fn put(handle: &Handle, body: &Blob) -> Result<(), Error> {
    match handle.behaviour {
        Behaviour::ManyStreams => hoard(|_| body.stream(0, u64::MAX)),
        Behaviour::ManyPollables => hoard(|_| subscribe_duration(u64::MAX)),
        Behaviour::ManyFields => hoard(|_| Fields::new()),
        Behaviour::ManyDescriptors => {
            let folder = folder(handle)?;
            hoard(|_| again(&folder));
        }
        Behaviour::ManyFileStreams => {
            let folder = folder(handle)?;
            hoard(|_| {
                let file =
                    folder.open_at(PathFlags::empty(), "kept", OpenFlags::empty(), DescriptorFlags::READ);
                file.and_then(|file| file.read_via_stream(0))
            });
        }
        Behaviour::ListsLargeFolder => {
            let folder = folder(handle)?;
            let listings: Vec<_> = (0..16).filter_map(|_| folder.read_directory().ok()).collect();
            let begun = listings.iter().filter(|listing| listing.read_directory_entry().is_ok()).count();
            let mut entries = 1;
            while let Ok(Some(_)) = listings[0].read_directory_entry() {
                entries += 1;
            }
            trap(&format!("{begun} listings, {entries} entries"));
        }
        Behaviour::KeepsFolders => {
            let folder = folder(handle)?;
            std::mem::forget((0..300).map(|_| again(&folder)).collect::<Vec<_>>());
        }
        Behaviour::ManyListings => {
            let folder = folder(handle)?;
            for file in 0..100 {
                create(&folder, &format!("{file}-{}", "n".repeat(200))).map_err(error::internal)?;
            }
            hoard(|_| folder.read_directory());
        }
        Behaviour::PollFlood => {
            let moment = subscribe_duration(0);
            loop {
                black_box(poll::poll(&vec![&moment; 1_000_000]));
            }
        }
        Behaviour::HugeFileRead => {
            let folder = folder(handle)?;
            create(&folder, "long").map_err(error::internal)?;
            let flags = DescriptorFlags::READ | DescriptorFlags::WRITE;
            let file = folder
                .open_at(PathFlags::empty(), "long", OpenFlags::empty(), flags)
                .map_err(|code| error::internal(format!("{code:?}")))?;
            // A hole, so that it costs nothing.
            file.set_size(1 << 40).map_err(|code| error::internal(format!("{code:?}")))?;
            let (read, _) = file.read(u64::MAX, 0).unwrap_or_default();
            let stream = file.read_via_stream(0).map(|s| s.blocking_read(u64::MAX));
            let streamed = stream.map_or(0, |bytes| bytes.map_or(0, |b| b.len()));
            if read.len().max(streamed) > 1 << 20 {
                return Err(error::internal(format!("got {} and {streamed} bytes", read.len())));
            }
        }
        Behaviour::PanicsWithStream => {
            let stream = body.stream(0, u64::MAX);
            let read = stream.read(1).map(|bytes| bytes.len());
            trap(&format!("{read:?}"));
        }
        Behaviour::PanicsWithPollable => {
            let pollable = subscribe_duration(u64::MAX);
            trap(&format!("{:?}", pollable.ready()));
        }
        _ => {}
    }
    Ok(())
}

pub(crate) fn get(behaviour: Behaviour, to: &Sink) {
    match behaviour {
        Behaviour::ManySinkStreams => hoard(|_| to.stream()),
        Behaviour::ZeroFlood => {
            let came = to.stream().write_zeroes(u64::MAX);
            trap(&format!("{came:?}"));
        }
        Behaviour::PanicsWithSink => {
            let stream = to.stream();
            let written = stream.check_write().and_then(|_| stream.write(b"half"));
            trap(&format!("{written:?}"));
        }
        _ => {}
    }
}

pub(crate) fn hoard<T>(make: impl FnMut(u32) -> T) {
    black_box((0..MANY).map(make).collect::<Vec<_>>());
}

fn again(folder: &Descriptor) -> Option<Descriptor> {
    let folder = folder.open_at(PathFlags::empty(), ".", OpenFlags::DIRECTORY, DescriptorFlags::READ);
    folder.ok()
}
