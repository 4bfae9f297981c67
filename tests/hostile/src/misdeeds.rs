//! What uses more than its share, breaks off or never ends.

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::host::{self, LogLevel};
use siltstone_plugin_sdk::io::{Blob, Sink};
use siltstone_plugin_sdk::types::Error;
use siltstone_plugin_sdk::wasi::clocks::monotonic_clock::{
    now, resolution, subscribe_duration, subscribe_instant,
};
use siltstone_plugin_sdk::wasi::random::random::get_random_bytes;

use crate::component::Handle;
use crate::{Behaviour, network};

#[expect(clippy::panic, reason = "this is the misdeed")]
pub(crate) fn trap(words: &str) -> ! {
    panic!("on purpose: {words}")
}

fn sleep(time: Duration) {
    subscribe_duration(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)).block();
}

/// What can be done in every function.
pub(crate) fn anywhere(behaviour: Behaviour, function: &str) {
    match behaviour {
        Behaviour::Trap => trap(function),
        Behaviour::Exit => std::process::exit(0),
        Behaviour::Loop => {
            let mut turns = 0_u64;
            loop {
                turns = black_box(turns.wrapping_add(1));
            }
        }
        Behaviour::CallLoop => loop {
            black_box(now());
        },
        Behaviour::Recursion => {
            black_box(recurse(1));
        }
        Behaviour::MemoryHog => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        Behaviour::Sleep => sleep(Duration::from_secs(3600)),
        Behaviour::SleepForEver => subscribe_duration(u64::MAX).block(),
        Behaviour::Dawdle => loop {
            sleep(Duration::from_millis(1));
        },
        Behaviour::SendsNow => trap(&format!("{:?}", network::request("127.0.0.1:9"))),
        _ => {}
    }
}

pub(crate) fn put(handle: &Handle, body: &Blob) -> Result<(), Error> {
    match handle.behaviour {
        Behaviour::ReadsClocks => {
            black_box((SystemTime::now(), Instant::now(), resolution()));
            subscribe_instant(0).block();
            subscribe_instant(now().saturating_sub(1)).block();
            if subscribe_instant(u64::MAX).ready() {
                return Err(error::internal("the end of time has come"));
            }
        }
        Behaviour::LogFlood => {
            for line in 0..100_000 {
                host::log(LogLevel::Warn, &format!("line {line}"));
            }
        }
        Behaviour::HugeLogLine => host::log(LogLevel::Warn, &"l".repeat(20 << 20)),
        #[expect(clippy::print_stderr, reason = "this is the misdeed")]
        Behaviour::StderrFlood => loop {
            eprintln!("{}", "e".repeat(1000));
        },
        Behaviour::CacheFlood => {
            for entry in 0..1000 {
                host::cache_put(&format!("key {entry}"), &[0; 1024], 60_000);
            }
        }
        Behaviour::HugeCacheValue => host::cache_put("key", &vec![0; 65 << 10], 60_000),
        Behaviour::HugeBlobRead => {
            for offset in [0, 1, body.size(), u64::MAX] {
                let read = body.read(offset, u32::MAX);
                if read.len() > 1 << 20 {
                    return Err(error::internal(format!("got {} bytes at once", read.len())));
                }
            }
        }
        Behaviour::KeepsStream => std::mem::forget(body.stream(0, u64::MAX)),
        Behaviour::HugeRandom => {
            black_box(get_random_bytes(1 << 30));
        }
        _ => {}
    }
    Ok(())
}

#[expect(unconditional_recursion, reason = "this is the misdeed")]
fn recurse(depth: u64) -> u64 {
    let space = black_box([depth; 64]);
    recurse(black_box(space[3] + 1)) + space[5]
}

/// What it says that it sent; none where it does not misbehave.
pub(crate) fn get(behaviour: Behaviour, len: u64, to: &Sink) -> Option<u64> {
    let _ = match behaviour {
        Behaviour::SendsLess => to.write(&vec![7; len as usize - 1]),
        Behaviour::SendsMore => to.write(&vec![7; len as usize]).and_then(|()| to.write(&[7])),
        Behaviour::SinkFlood => loop {
            let _ = to.write(&[7; 4096]);
        },
        Behaviour::StreamFlood => {
            let stream = to.stream();
            loop {
                let _ = stream.check_write().and_then(|permit| stream.write(&vec![7; permit as usize]));
            }
        }
        Behaviour::Trickle => loop {
            let _ = to.write(&[7]);
            sleep(Duration::from_millis(20));
        },
        _ => return None,
    };
    Some(len)
}
