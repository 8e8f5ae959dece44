//! The order of apps.

use std::cmp::Ordering;

use clap::ValueEnum;

use super::Activity;

/// By what apps are sorted: by name from the first to the last, by numbers from the largest to the smallest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortKey {
    #[default]
    Name,
    State,
    Workers,
    Queue,
    Rate,
    /// How long 99 of 100 events took at most
    P99,
    Rejected,
    Crashed,
    Uptime,
}

impl SortKey {
    /// All of them, with their keys on the screen. `q` ends the program.
    const KEYS: [(char, Self); 9] = [
        ('n', Self::Name),
        ('s', Self::State),
        ('w', Self::Workers),
        ('d', Self::Queue),
        ('r', Self::Rate),
        ('l', Self::P99),
        ('x', Self::Rejected),
        ('c', Self::Crashed),
        ('t', Self::Uptime),
    ];

    /// Returns the order that a key of the keyboard stands for.
    pub(super) fn of_key(key: char) -> Option<Self> {
        Self::KEYS.iter().find(|(known, _)| *known == key).map(|(_, sort)| *sort)
    }

    /// Returns the heading of the column.
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::State => "state",
            Self::Workers => "workers",
            Self::Queue => "queue",
            Self::Rate => "rate",
            Self::P99 => "p99",
            Self::Rejected => "rejected",
            Self::Crashed => "crashed",
            Self::Uptime => "uptime",
        }
    }

    fn compare(self, a: &Activity, b: &Activity) -> Ordering {
        match self {
            Self::Name => Ordering::Equal,
            Self::State => a.state.cmp(&b.state),
            Self::Workers => b.workers.cmp(&a.workers),
            Self::Queue => b.queue.cmp(&a.queue),
            Self::Rate => compare_floats(b.rate, a.rate),
            Self::P99 => compare_floats(b.p99, a.p99),
            Self::Rejected => b.rejected.cmp(&a.rejected),
            Self::Crashed => b.crashed.cmp(&a.crashed),
            Self::Uptime => b.uptime.cmp(&a.uptime),
        }
    }

    /// Sorts apps. Those that are equal are in the order of their names, whichever way the others are.
    pub(crate) fn sort(self, apps: &mut [Activity], is_reversed: bool) {
        apps.sort_by(|a, b| {
            let names = a.name.cmp(&b.name);
            match (self, is_reversed) {
                (Self::Name, false) => names,
                (Self::Name, true) => names.reverse(),
                (_, false) => self.compare(a, b).then(names),
                (_, true) => self.compare(a, b).reverse().then(names),
            }
        });
    }
}

/// Compares numbers. What is unknown is the smallest.
fn compare_floats(a: Option<f64>, b: Option<f64>) -> Ordering {
    let known = |number: Option<f64>| number.unwrap_or(f64::NEG_INFINITY);
    known(a).total_cmp(&known(b))
}
