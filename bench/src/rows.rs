//! What the table holds: the place to add a row.

use anyhow::Result;

use crate::cores::Cores;
use crate::generator;
use crate::line::Line;
use crate::peer::{Caller, Load, Peer};
use crate::peers::{
    cocaine::{Cocaine, Dynamic},
    events::{Annotated, ByHand, Inline},
    floor::Floor,
    node::CocaineNode,
    raw_copy::RawCopy,
    tarpc::Tarpc,
    tonic::Tonic,
    web::Site,
};
use crate::work::Work;

/// Rows that are sampled in turn and compared with each other.
pub struct Group {
    /// What is measured, and how.
    pub title: &'static str,
    /// What is asked for.
    pub work: Work,
    /// The numbers of calls in flight.
    pub in_flight: &'static [usize],
    /// The rows that all others are compared with, each a column.
    pub against: &'static [&'static str],
    /// The rows, in their order.
    pub rows: Vec<Row>,
}

/// One of the things compared.
pub struct Row {
    /// Its name, for the table, for [`Group::against`], for [`Goal::Speed`] and for `--only`.
    pub name: &'static str,
    /// How it is set up.
    pub settings: String,
    /// Where its numbers come from.
    pub source: Source,
    /// What it is meant to reach.
    pub goals: Vec<Goal>,
}

/// Where a row's numbers come from.
#[derive(Clone, Copy)]
pub enum Source {
    /// From here and now.
    Measured(fn(Cores) -> Result<Line>),
    /// From elsewhere: calls a second at a number in flight.
    Recorded(&'static [(usize, f64)]),
}

/// What a row is meant to reach at a number in flight.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// At least so many times the speed of another row.
    Speed(usize, f64, &'static str),
    /// At most so many heap allocations for a call.
    Allocations(usize, f64),
}

/// A job that is timed as a whole.
pub struct Timing {
    /// What is done.
    pub name: &'static str,
    /// The job.
    pub job: fn() -> Result<()>,
    /// It is meant to take no longer, in seconds.
    pub limit: f64,
}

impl Row {
    /// Client and server each on a core of its own.
    fn own_cores<P: Peer>() -> Self {
        let settings = format!("{}; {}", P::SETTINGS, P::Client::STYLE);
        Self::new(P::NAME, &settings, Source::Measured(Line::on_own_cores::<P>))
    }

    /// The client on a runtime of two workers.
    fn two_workers<P: Peer<Client: Caller>>() -> Self {
        Self::new(P::NAME, P::SETTINGS, Source::Measured(Line::on_two_workers::<P>))
    }

    /// Client, server and whatever process the server starts, wherever the system puts them.
    fn processes<P: Peer<Client: Caller>>() -> Self {
        let settings = format!("{}; {}", P::SETTINGS, P::Client::STYLE);
        Self::new(P::NAME, &settings, Source::Measured(Line::on_no_cores::<P>))
    }

    /// Numbers measured elsewhere; `settings` says where.
    fn recorded(name: &'static str, settings: &'static str, rates: &'static [(usize, f64)]) -> Self {
        Self::new(name, settings, Source::Recorded(rates))
    }

    fn new(name: &'static str, settings: &str, source: Source) -> Self {
        Self { name, settings: settings.to_owned(), source, goals: Vec::new() }
    }

    fn goals(mut self, goals: impl IntoIterator<Item = Goal>) -> Self {
        self.goals.extend(goals);
        self
    }
}

/// All groups, in the table's order.
pub fn groups() -> Vec<Group> {
    vec![own_cores(), two_workers(), blob(), node(), events(), web()]
}

fn own_cores() -> Group {
    let typed = [
        Goal::Speed(1, 0.85, "floor"),
        Goal::Speed(64, 0.5, "floor"),
        Goal::Speed(64, 6.0, "tarpc"),
        Goal::Speed(64, 25.0, "tonic"),
        Goal::Speed(256, 6.0, "tarpc"),
        Goal::Speed(256, 25.0, "tonic"),
        Goal::Allocations(1, 1.0),
        Goal::Allocations(64, 1.0),
        Goal::Allocations(256, 1.0),
    ];
    Group {
        title: "storage.read, 64-byte reply; client and server each on one thread and a core of its own",
        work: Work::Manifest,
        in_flight: &[1, 64, 256],
        against: &["floor", "tarpc", "tonic"],
        rows: vec![
            Row::own_cores::<Floor>(),
            Row::own_cores::<Tarpc>(),
            Row::own_cores::<Tonic>(),
            Row::own_cores::<Cocaine>().goals(typed),
            Row::own_cores::<Dynamic>(),
        ],
    }
}

fn two_workers() -> Group {
    Group {
        title: "the same; client on a runtime of two workers, each caller a spawned task, no core of its own",
        work: Work::Manifest,
        in_flight: &[1, 64, 256],
        against: &["tarpc", "tonic"],
        rows: vec![
            Row::two_workers::<Tarpc>(),
            Row::two_workers::<Tonic>(),
            Row::two_workers::<Cocaine>()
                .goals([Goal::Speed(64, 3.0, "tarpc"), Goal::Speed(256, 3.0, "tarpc")]),
        ],
    }
}

fn blob() -> Group {
    Group {
        title: "storage.read, 1 MiB reply (calls/s are MiB/s); a core each",
        work: Work::Blob,
        in_flight: &[1, 4],
        against: &["raw copy", "tarpc", "tonic"],
        rows: vec![
            Row::own_cores::<RawCopy>(),
            Row::own_cores::<Tarpc>(),
            Row::own_cores::<Tonic>(),
            Row::own_cores::<Cocaine>()
                .goals([Goal::Speed(1, 0.9, "raw copy"), Goal::Speed(4, 0.9, "raw copy")]),
        ],
    }
}

fn node() -> Group {
    Group {
        title: "storage.read, 64-byte reply, from the node's own storage; a core each",
        work: Work::Manifest,
        in_flight: &[1, 64, 256],
        against: &["original"],
        rows: vec![
            Row::recorded("original", "the C++ runtime 0.12.14 on two cores, recorded", &[(64, 21_000.0)]),
            Row::own_cores::<CocaineNode>().goals([Goal::Speed(64, 20.0, "original")]),
        ],
    }
}

fn events() -> Group {
    // One at a time within 1.7 times two round trips of the floor: 1 / (2 * 1.7) of its speed.
    let goals = [Goal::Speed(1, 0.294, "floor"), Goal::Speed(64, 30.0, "original")];
    Group {
        title: "an event with a 64-byte chunk, through the node to a worker and back; no core of its own",
        work: Work::Manifest,
        in_flight: &[1, 64],
        against: &["floor", "original", "event, by hand"],
        rows: vec![
            Row::own_cores::<Floor>(),
            Row::recorded(
                "original",
                "the C++ runtime 0.12.14 with a Go worker on two cores, recorded",
                &[(1, 2_800.0), (64, 4_800.0)],
            ),
            Row::processes::<Annotated>().goals(goals),
            Row::processes::<ByHand>(),
            Row::processes::<Inline>(),
        ],
    }
}

fn web() -> Group {
    let site =
        |name, settings, start: fn(Cores) -> Result<Line>| Row::new(name, settings, Source::Measured(start));
    Group {
        title: "GET of 64 bytes from one axum app, wrk with keep-alive connections; no core of its own",
        work: Work::Manifest,
        in_flight: &[1, 64],
        against: &["http, direct"],
        rows: vec![
            site("http, direct", "axum::serve on TCP, two threads", |_| Line::of_site(Site::Direct)),
            site("http, gateway", "worker.http behind a node's gateway, one worker", |_| {
                Line::of_site(Site::Cloud)
            })
            .goals([Goal::Speed(64, 0.4, "http, direct")]),
        ],
    }
}

/// All timed jobs.
pub fn timings() -> Vec<Timing> {
    vec![Timing { name: "cocaine-codegen, 1,000 services of 20 methods", job: generator::job, limit: 2.0 }]
}
