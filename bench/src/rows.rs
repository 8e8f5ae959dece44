//! The groups and rows of the table. New rows are added here.

use anyhow::Result;

use crate::cores::Cores;
use crate::generator;
use crate::payload::Payload;
use crate::peer::{Caller, Load, Peer};
use crate::peers::{
    cocaine::{Cocaine, Dynamic},
    events::{Annotated, ByHand, Inline, Typed},
    floor::Floor,
    nats::{self, Nats},
    node::CocaineNode,
    proxies::ProxyKind,
    raw_copy::RawCopy,
    tarpc::Tarpc,
    tonic::Tonic,
    web::Site,
};
use crate::runner::Runner;

/// Rows that are sampled in turn and compared with one another.
pub struct Group {
    /// What is measured, and how.
    pub title: &'static str,
    /// The blob that the calls read.
    pub payload: Payload,
    /// The numbers of calls in flight.
    pub in_flight: &'static [usize],
    /// The rows that all others are compared with; each has a column.
    pub against: &'static [&'static str],
    /// The rows in their order.
    pub rows: Vec<Row>,
}

/// One line of the table for each number of calls in flight.
pub struct Row {
    /// Its name, for the table, for [`Group::against`], for [`Goal::Speed`] and for `--only`.
    pub name: &'static str,
    /// Its settings.
    pub settings: String,
    /// The origin of its numbers.
    pub source: Source,
    /// Its goals.
    pub goals: Vec<Goal>,
}

/// The origin of a row's numbers.
#[derive(Clone, Copy)]
pub enum Source {
    /// Measured in this run.
    Measured(fn(Cores) -> Result<Runner>),
    /// Recorded elsewhere: calls per second at a number of calls in flight.
    Recorded(&'static [(usize, f64)]),
}

/// The goal of a row at a number of calls in flight.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// At least this many times the speed of another row.
    Speed(usize, f64, &'static str),
    /// At most this many heap allocations per call.
    Allocations(usize, f64),
}

/// A job that is timed as a whole.
pub struct Timing {
    /// The name of the job.
    pub name: &'static str,
    /// The job.
    pub job: fn() -> Result<()>,
    /// The goal: the longest that the job may take, in seconds.
    pub limit: f64,
}

impl Row {
    /// Returns a row with client and server each on a core of its own.
    fn own_cores<P: Peer>() -> Self {
        let settings = format!("{}; {}", P::SETTINGS, P::Client::STYLE);
        Self::new(P::NAME, &settings, Source::Measured(Runner::on_own_cores::<P>))
    }

    /// Returns a row with the client on a runtime of two workers.
    fn two_workers<P: Peer<Client: Caller>>() -> Self {
        Self::new(P::NAME, P::SETTINGS, Source::Measured(Runner::on_two_workers::<P>))
    }

    /// Returns a row whose client, server and child processes run wherever the system puts them.
    fn processes<P: Peer<Client: Caller>>() -> Self {
        let settings = format!("{}; {}", P::SETTINGS, P::Client::STYLE);
        Self::new(P::NAME, &settings, Source::Measured(Runner::without_cores::<P>))
    }

    /// Returns a row of numbers recorded elsewhere; `settings` says where.
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

/// Returns all groups in the order of the table.
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
        payload: Payload::Manifest,
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
        payload: Payload::Manifest,
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
        payload: Payload::Blob,
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
        payload: Payload::Manifest,
        in_flight: &[1, 64, 256],
        against: &["original"],
        rows: vec![
            Row::recorded("original", "the C++ runtime 0.12.14 on two cores, recorded", &[(64, 21_000.0)]),
            Row::own_cores::<CocaineNode>().goals([Goal::Speed(64, 20.0, "original")]),
        ],
    }
}

fn events() -> Group {
    let goals = [
        Goal::Speed(1, 0.45, "floor"),
        Goal::Speed(1, 2.0, "nats"),
        Goal::Speed(64, 1.5, "nats"),
        Goal::Speed(256, 1.5, "nats"),
        Goal::Speed(64, 30.0, "original"),
    ];
    let nats = nats::is_installed().then(Row::processes::<Nats>);
    if nats.is_none() {
        eprintln!("skipped: nats (there is no nats-server: `apt-get install nats-server` brings it)");
    }
    let rows = [
        Row::own_cores::<Floor>(),
        Row::recorded(
            "original",
            "the C++ runtime 0.12.14 with a Go worker on two cores, recorded",
            &[(1, 2_800.0), (64, 4_800.0)],
        ),
    ];
    let own = [
        Row::processes::<Annotated>().goals(goals),
        Row::processes::<Typed>(),
        Row::processes::<ByHand>(),
        Row::processes::<Inline>().goals([Goal::Speed(1, 2.0, "nats"), Goal::Speed(64, 2.5, "nats")]),
    ];
    Group {
        title: "an event with a 64-byte chunk, through the node to a worker and back; no core of its own",
        payload: Payload::Manifest,
        in_flight: &[1, 64, 256],
        against: &["floor", "original", "nats", "event"],
        rows: rows.into_iter().chain(nats).chain(own).collect(),
    }
}

fn web() -> Group {
    let site = |name, settings, start: fn(Cores) -> Result<Runner>| {
        Row::new(name, settings, Source::Measured(start))
    };
    let goals = [
        Goal::Speed(1, 1.0, "http, haproxy"),
        Goal::Speed(64, 1.0, "http, nginx"),
        Goal::Speed(64, 0.55, "http, direct"),
    ];
    let proxies = [
        (
            ProxyKind::Nginx,
            site("http, nginx", "in front of the same app, two processes, connections kept", |_| {
                Runner::for_site(Site::Nginx)
            }),
        ),
        (
            ProxyKind::Haproxy,
            site("http, haproxy", "in front of the same app, two threads, connections kept", |_| {
                Runner::for_site(Site::Haproxy)
            }),
        ),
    ];
    let proxies = proxies.into_iter().filter_map(|(kind, row)| {
        if kind.program().is_none() {
            eprintln!(
                "skipped: {} (it is not installed: `apt-get install nginx haproxy` brings it)",
                row.name
            );
            return None;
        }
        Some(row)
    });
    let direct = site("http, direct", "axum::serve on TCP, two threads", |_| Runner::for_site(Site::Direct));
    let own = [
        site("http, gateway", "worker.http behind a node's gateway, one worker", |_| {
            Runner::for_site(Site::Cloud)
        })
        .goals(goals),
        site("http, inline", "worker.http_inline behind a node's gateway, one worker", |_| {
            Runner::for_site(Site::Inline)
        }),
    ];
    Group {
        title: "GET of 64 bytes from one axum app, wrk with keep-alive connections; no core of its own",
        payload: Payload::Manifest,
        in_flight: &[1, 64, 1000],
        against: &["http, direct", "http, nginx", "http, haproxy"],
        rows: [direct].into_iter().chain(proxies).chain(own).collect(),
    }
}

/// Returns all timed jobs.
pub fn timings() -> Vec<Timing> {
    vec![Timing {
        name: "cocaine-codegen, 1,000 services of 20 methods",
        job: generator::generate_bindings,
        limit: 2.0,
    }]
}
