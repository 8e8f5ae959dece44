//! The table as text.

use std::fmt::Write;

use crate::rows::{Goal, Group, Timing};
use crate::sampling::Measurement;

/// A list for each row, with an entry for each number of calls in flight.
pub type Numbers = [Vec<Option<Measurement>>];

const NONE: &str = "-";

/// Returns the table of a group: the heading, then a line for each row and number of calls in flight.
pub fn group(group: &Group, numbers: &Numbers) -> String {
    let mut head = vec![String::new(), "in flight".to_owned(), "calls/s".to_owned()];
    head.extend(group.against.iter().map(|name| format!("× {name}")));
    head.extend(["allocations", "spread", "samples", "goals"].map(str::to_owned));
    let mut lines = vec![head];
    for (at, in_flight) in group.in_flight.iter().enumerate() {
        for (row, numbers_of_row) in group.rows.iter().zip(numbers) {
            let number = numbers_of_row[at].as_ref();
            let mut line = vec![row.name.to_owned(), in_flight.to_string(), number.map_or(NONE.into(), rate)];
            line.extend(group.against.iter().map(|name| {
                let ratio = speed_ratio(group, numbers, at, number, name);
                ratio.map_or(NONE.into(), |ratio| format!("{ratio:.2}"))
            }));
            let allocations = number.and_then(|number| number.allocations);
            line.push(allocations.map_or(NONE.into(), |allocations| format!("{allocations:.2}")));
            let spread = number.and_then(|number| number.spread);
            line.push(spread.map_or(NONE.into(), |spread| format!("{:.1} %", spread * 100.0)));
            line.push(number.map_or(NONE.into(), samples));
            let goals = row.goals.iter().filter_map(|goal| verdict(*goal, group, numbers, at, number));
            line.push(goals.collect::<Vec<_>>().join(", "));
            lines.push(line);
        }
    }
    format!("{}\n{}", group.title, align(&lines))
}

/// Returns the line of a timed job.
pub fn timing(timing: &Timing, seconds: Option<f64>) -> String {
    let verdict = seconds.map_or("", |seconds| if seconds <= timing.limit { " met" } else { " MISSED" });
    let seconds = seconds.map_or(NONE.into(), |seconds| format!("{seconds:.3} s"));
    format!("{}: {seconds} (goal: at most {} s{verdict})", timing.name, timing.limit)
}

fn rate(number: &Measurement) -> String {
    format!("{}{}", if number.busy { "~" } else { "" }, thousands(number.rate))
}

fn samples(number: &Measurement) -> String {
    match number.samples {
        (_, 0) => "recorded".to_owned(),
        (kept, taken) => format!("{kept}/{taken}"),
    }
}

fn speed_ratio(
    group: &Group,
    numbers: &Numbers,
    at: usize,
    number: Option<&Measurement>,
    other: &str,
) -> Option<f64> {
    let other = group.rows.iter().position(|row| row.name == other)?;
    Some(number?.rate / numbers[other][at].as_ref()?.rate)
}

fn verdict(
    goal: Goal,
    group: &Group,
    numbers: &Numbers,
    at: usize,
    number: Option<&Measurement>,
) -> Option<String> {
    let (wanted_at, text, met) = match goal {
        Goal::Speed(in_flight, times, other) => {
            let ratio = speed_ratio(group, numbers, at, number, other);
            (in_flight, format!("{times} × {other}"), ratio.map(|ratio| ratio >= times))
        }
        Goal::Allocations(in_flight, most) => {
            let allocations = number.and_then(|number| number.allocations);
            // A buffer that grows once in a sample does not count as an allocation per call.
            (in_flight, format!("{most} allocations"), allocations.map(|found| found < most + 0.01))
        }
    };
    let met = met.map_or("", |met| if met { " met" } else { " MISSED" });
    (wanted_at == group.in_flight[at]).then(|| text + met)
}

/// Returns the rounded number with a comma after each three digits.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Aligns the cells in columns: the first and the last to the left, the others to the right.
fn align(lines: &[Vec<String>]) -> String {
    let columns = lines[0].len();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for line in lines {
        let mut text = String::new();
        for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 => write!(text, "  {cell:<width$}"),
                _ if column == columns - 1 => write!(text, "  {cell}"),
                _ => write!(text, "  {cell:>width$}"),
            };
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}
