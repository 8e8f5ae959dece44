//! Samples taken in turn, and their medians.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cores::Cores;
use crate::line::{Line, Sample};
use crate::rows::{Group, Row, Source, Timing};

/// A sample is dropped when more than this share of it was taken by other processes.
const DISTURBED: f64 = 0.03;

/// How often a dropped sample is tried again: at most this many rounds for each that is wanted.
const TRIES: usize = 3;

/// How long a sample takes, and how many are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// The length of each sample.
    pub length: Duration,
    /// Undisturbed samples for each number of the table.
    pub rounds: usize,
}

/// One number of the table, and how it came about.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Calls a second, the median.
    pub rate: f64,
    /// Heap allocations of a call, the median.
    pub allocations: Option<f64>,
    /// The distance between the quartiles of the rate, as a share of the median; `None` if it was not measured here.
    pub spread: Option<f64>,
    /// Samples that count, of samples taken.
    pub samples: (usize, usize),
    /// Too few samples were undisturbed: these are the least disturbed ones.
    pub busy: bool,
}

/// Measures the rows of a group. The result has a list for each row: a number for each number in flight.
pub fn measure(group: &Group, cores: Cores, effort: Effort) -> Result<Vec<Vec<Option<Measured>>>> {
    let lines = group.rows.iter().map(|row| start(row, cores)).collect::<Result<Vec<_>>>()?;
    let mut table = vec![Vec::new(); group.rows.len()];
    for &in_flight in group.in_flight {
        let mut samples = vec![Vec::new(); lines.len()];
        for _ in 0..effort.rounds * TRIES {
            for (row, line) in lines.iter().enumerate() {
                let Some(line) = line else { continue };
                if undisturbed(&samples[row]).count() < effort.rounds {
                    let sample = line.sample(group.work, in_flight, effort.length);
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

fn start(row: &Row, cores: Cores) -> Result<Option<Line>> {
    match row.source {
        Source::Measured(start) => start(cores).map(Some).with_context(|| row.name),
        Source::Recorded(_) => Ok(None),
    }
}

fn failure(row: &Row, in_flight: usize) -> String {
    format!("{} at {in_flight} in flight", row.name)
}

fn undisturbed(samples: &[Sample]) -> impl Iterator<Item = &Sample> {
    samples.iter().filter(|sample| sample.disturbed <= DISTURBED)
}

fn recorded(rates: &[(usize, f64)], in_flight: usize) -> Option<Measured> {
    let &(_, rate) = rates.iter().find(|(at, _)| *at == in_flight)?;
    Some(Measured { rate, allocations: None, spread: None, samples: (0, 0), busy: false })
}

fn summarise(mut samples: Vec<Sample>, wanted: usize) -> Option<Measured> {
    let taken = samples.len();
    let enough = wanted.div_ceil(2);
    let busy = undisturbed(&samples).count() < enough;
    samples.sort_by(|a, b| a.disturbed.total_cmp(&b.disturbed));
    samples.retain({
        let mut index = 0;
        move |sample| {
            index += 1;
            if busy { index <= enough } else { sample.disturbed <= DISTURBED }
        }
    });
    let rates = sorted(samples.iter().map(|sample| sample.rate));
    let rate = quantile(&rates, 0.5)?;
    Some(Measured {
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

/// The value below which `share` of the sorted values lie, between two of them if need be.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = sorted.len().checked_sub(1)? as f64 * share;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}

/// How the numbers of the table came about, in one line.
pub fn describe(effort: Effort) -> String {
    let Effort { length, rounds } = effort;
    let limit = DISTURBED * 100.0;
    format!(
        "samples: {rounds} of {length:?} for each number, taken in turn, medians; spread is the distance between the \
         quartiles; dropped when others took more than {limit} % of it; ~ if there were too few others to choose from"
    )
}

/// The median time of a job, in seconds.
pub fn time(timing: &Timing, effort: Effort) -> Result<Option<f64>> {
    let mut seconds = Vec::new();
    for _ in 0..effort.rounds {
        let start = Instant::now();
        (timing.job)().with_context(|| timing.name)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(quantile(&sorted(seconds.into_iter()), 0.5))
}
