//! Alternating pairs of runs and what they say about each other.

use crate::Result;
use crate::report::{Goal, Row, complain};
use crate::run::{Cost, timed};

/// One side of a pair: runs once, then says how many bytes it made and cleans up.
pub(crate) struct Side<'a> {
    /// The measured part.
    pub(crate) run: Box<dyn FnMut() -> Result<()> + 'a>,
    /// What follows outside the measurement; answers the bytes that it made.
    pub(crate) after: Box<dyn FnMut() -> Result<u64> + 'a>,
}

/// What is wanted of a pair.
#[derive(Clone, Copy, Default)]
pub(crate) struct Goals {
    /// Of the wall times.
    pub(crate) wall: Option<Goal>,
    /// Of the bytes.
    pub(crate) bytes: Option<Goal>,
}

/// One measured run.
#[derive(Clone, Copy)]
struct Sample {
    cost: Cost,
    bytes: u64,
}

impl Side<'_> {
    fn sample(&mut self) -> Result<Sample> {
        let ((), cost) = timed(|| (self.run)())?;
        Ok(Sample { cost, bytes: (self.after)()? })
    }
}

/// Runs both once to warm up and then `pairs` times in turn; the ratios are A over B.
pub(crate) fn compare(name: &str, pairs: usize, a: &mut Side, b: &mut Side, goals: Goals) -> Result<Row> {
    let mut samples = Vec::new();
    for pair in 0..=pairs {
        // Who goes first changes, so that what one leaves behind meets both.
        let (x, y) = if pair % 2 == 0 {
            let x = a.sample()?;
            (x, b.sample()?)
        } else {
            let y = b.sample()?;
            (a.sample()?, y)
        };
        let heat = if pair == 0 { "warm-up" } else { "pair" };
        complain(&format!(
            "{name}: {heat} {pair}: wall {:.2} / {:.2}, user {:.2} / {:.2}, sys {:.2} / {:.2}",
            x.cost.wall, y.cost.wall, x.cost.user, y.cost.user, x.cost.sys, y.cost.sys
        ));
        if pair > 0 {
            samples.push((x, y));
        }
    }
    let of = |figure: &dyn Fn(&(Sample, Sample)) -> f64| median(samples.iter().map(figure).collect());
    let cpu = |s: &Sample| s.cost.user + s.cost.sys;
    Ok(Row::new(name)
        .goal("wall, ratio", of(&|p| p.0.cost.wall / p.1.cost.wall), goals.wall)
        .goal("bytes, ratio", of(&|p| p.0.bytes as f64 / p.1.bytes as f64), goals.bytes)
        .figure("user CPU, ratio", of(&|p| p.0.cost.user / p.1.cost.user))
        .figure("user+sys CPU, ratio", of(&|p| cpu(&p.0) / cpu(&p.1)))
        .figure("wall, s", of(&|p| p.0.cost.wall))
        .figure("wall of the other, s", of(&|p| p.1.cost.wall))
        .figure("user CPU, s", of(&|p| p.0.cost.user))
        .figure("user CPU of the other, s", of(&|p| p.1.cost.user))
        .figure("sys CPU, s", of(&|p| p.0.cost.sys))
        .figure("sys CPU of the other, s", of(&|p| p.1.cost.sys))
        .figure("bytes", of(&|p| p.0.bytes as f64))
        .figure("bytes of the other", of(&|p| p.1.bytes as f64)))
}

/// The middle one; of an even number the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.get(values.len() / 2), values.len()) {
        (Some(upper), len) if len % 2 == 0 => (upper + values[len / 2 - 1]) / 2.0,
        (Some(middle), _) => *middle,
        (None, _) => f64::NAN,
    }
}
