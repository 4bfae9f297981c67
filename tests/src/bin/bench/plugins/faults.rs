//! How much memory is left in the process by calls that fault.

use std::sync::Arc;
use std::time::Duration;

use siltstone::Host;
use siltstone_hostile::Behaviour;

use super::hostile::{Pair, location, provoke};
use super::neighbours::on;
use crate::Result;
use crate::machine::field;
use crate::report::{Goal, Row, complain};
use crate::run::Work;

/// Faults and their share of all calls, in hundredths.
const KINDS: [(Behaviour, u32); 5] = [
    (Behaviour::Trap, 45),
    (Behaviour::WrongKey, 40),
    (Behaviour::MemoryHog, 1),
    (Behaviour::ManyStreams, 4),
    (Behaviour::Sleep, 10),
];
/// A call that moves nothing ends after this.
const STALL: Duration = Duration::from_millis(20);
/// Locations that call at the same time.
const AT_ONCE: u32 = 4;
/// Calls before the memory is looked at for the first time.
const WARM_UP: u32 = 400;

/// Runs them.
pub(super) fn run(host: &Host, work: &Work, faults: u32) -> Result<Row> {
    let own = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let pair = own.block_on(on(host, Pair::load(work, STALL)))?;
    own.block_on(fault(host, &pair, WARM_UP))?;
    let before = resident()?;
    let mut most = before;
    let mut made = 0;
    for step in 1..=10 {
        made += own.block_on(fault(host, &pair, faults / 10))?;
        let now = resident()?;
        most = most.max(now);
        complain(&format!("faults: {step} of 10: {:.1} MiB above the beginning", now - before));
    }
    Ok(Row::new("memory after calls that fault")
        .figure("calls", f64::from(made))
        .goal("growth, MiB", resident()? - before, Some(Goal::AtMost(16.0)))
        .figure("most growth on the way, MiB", most - before)
        .figure("before, MiB", before))
}

/// Makes this many calls that fault, of every kind its share, and answers how many they were.
async fn fault(host: &Host, pair: &Arc<Pair>, calls: u32) -> Result<u32> {
    let mut made = 0;
    for (behaviour, share) in KINDS {
        let each = (calls * share).div_ceil(100 * AT_ONCE);
        let mut tasks = Vec::new();
        for number in 0..AT_ONCE {
            let pair = Arc::clone(pair);
            tasks.push(host.runtime().spawn(async move {
                let plugin = pair.hostile(behaviour)?;
                let storage = plugin.open(&location(number as usize)).await?;
                for _ in 0..each {
                    provoke(&storage, behaviour).await?;
                }
                crate::Result::Ok(())
            }));
        }
        for task in tasks {
            task.await??;
            made += each;
        }
    }
    Ok(made)
}

/// Memory of the process in MiB.
fn resident() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let bytes = field(&status, "VmRSS:").ok_or("/proc/self/status has no VmRSS")?;
    Ok(bytes as f64 / f64::from(1 << 20))
}
