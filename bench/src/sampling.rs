//! Samples of all rows in turn, and their medians.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cores::Cores;
use crate::rows::{Group, Row, Source, Timing};
use crate::runner::{Runner, Sample};

/// The largest share of a sample that other work may take; a sample above it is dropped.
const MAX_INTERFERENCE: f64 = 0.03;

/// The most rounds that are taken for each sample that is wanted, dropped samples included.
const TRIES: usize = 3;

/// The length and number of samples.
#[derive(Clone, Copy, Debug)]
pub struct SampleOptions {
    /// The length of each sample.
    pub length: Duration,
    /// How many undisturbed samples each number of the table needs.
    pub rounds: usize,
}

/// One number of the table, and the samples behind it.
#[derive(Clone, Copy, Debug)]
pub struct Measurement {
    /// The median of calls per second.
    pub rate: f64,
    /// The median of heap allocations per call.
    pub allocations: Option<f64>,
    /// The distance between the quartiles of the rate, as a share of the median; `None` for a recorded number.
    pub spread: Option<f64>,
    /// How many samples count, and how many were taken.
    pub samples: (usize, usize),
    /// Whether too few samples were undisturbed, so that the least disturbed ones stand in.
    pub busy: bool,
}

/// Measures the rows of a group. Returns a list for each row, with an entry for each number of calls in flight.
pub fn measure(group: &Group, cores: Cores, effort: SampleOptions) -> Result<Vec<Vec<Option<Measurement>>>> {
    let lines = group.rows.iter().map(|row| start(row, cores)).collect::<Result<Vec<_>>>()?;
    let mut table = vec![Vec::new(); group.rows.len()];
    for &in_flight in group.in_flight {
        let mut samples = vec![Vec::new(); lines.len()];
        for _ in 0..effort.rounds * TRIES {
            for (row, line) in lines.iter().enumerate() {
                let Some(line) = line else { continue };
                if undisturbed(&samples[row]).count() < effort.rounds {
                    let sample = line.sample(group.payload, in_flight, effort.length);
                    samples[row].push(sample.with_context(|| failure(&group.rows[row], in_flight))?);
                }
            }
        }
        for (row, samples) in samples.into_iter().enumerate() {
            table[row].push(match group.rows[row].source {
                Source::Recorded(rates) => recorded(rates, in_flight),
                Source::Measured(_) => summarise(samples, effort.rounds),
            });
        }
    }
    Ok(table)
}

fn start(row: &Row, cores: Cores) -> Result<Option<Runner>> {
    match row.source {
        Source::Measured(start) => start(cores).map(Some).with_context(|| row.name),
        Source::Recorded(_) => Ok(None),
    }
}

fn failure(row: &Row, in_flight: usize) -> String {
    format!("{} at {in_flight} in flight", row.name)
}

fn undisturbed(samples: &[Sample]) -> impl Iterator<Item = &Sample> {
    samples.iter().filter(|sample| sample.interference <= MAX_INTERFERENCE)
}

fn recorded(rates: &[(usize, f64)], in_flight: usize) -> Option<Measurement> {
    let &(_, rate) = rates.iter().find(|(at, _)| *at == in_flight)?;
    Some(Measurement { rate, allocations: None, spread: None, samples: (0, 0), busy: false })
}

fn summarise(mut samples: Vec<Sample>, wanted: usize) -> Option<Measurement> {
    let taken = samples.len();
    let enough = wanted.div_ceil(2);
    let busy = undisturbed(&samples).count() < enough;
    samples.sort_by(|a, b| a.interference.total_cmp(&b.interference));
    samples.retain({
        let mut index = 0;
        move |sample| {
            index += 1;
            if busy { index <= enough } else { sample.interference <= MAX_INTERFERENCE }
        }
    });
    let rates = sorted(samples.iter().map(|sample| sample.rate));
    let rate = quantile(&rates, 0.5)?;
    Some(Measurement {
        rate,
        allocations: quantile(&sorted(samples.iter().filter_map(|sample| sample.allocations)), 0.5),
        spread: Some((quantile(&rates, 0.75)? - quantile(&rates, 0.25)?) / rate),
        samples: (samples.len(), taken),
        busy,
    })
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Returns the value below which `share` of the sorted values lie, interpolated between two of them.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = sorted.len().checked_sub(1)? as f64 * share;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}

/// Describes in one line how the samples were taken.
pub fn describe(effort: SampleOptions) -> String {
    let SampleOptions { length, rounds } = effort;
    let limit = MAX_INTERFERENCE * 100.0;
    format!(
        "samples: {rounds} of {length:?} for each number, in turn; medians; spread is the distance between the quartiles; \
         a sample is dropped when other work took more than {limit} % of it; ~ marks a number with too few undisturbed \
         samples"
    )
}

/// Returns the median time of a job, in seconds.
pub fn time(timing: &Timing, effort: SampleOptions) -> Result<Option<f64>> {
    let mut seconds = Vec::new();
    for _ in 0..effort.rounds {
        let start = Instant::now();
        (timing.job)().with_context(|| timing.name)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(quantile(&sorted(seconds.into_iter()), 0.5))
}
