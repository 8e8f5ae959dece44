//! A peer's two threads, with the connection between them, ready to be sampled.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};

use crate::cores::{self, Cores};
use crate::peer::{Caller, Load, Peer, Stop, spawn_callers};
use crate::peers::web::Site;
use crate::work::Work;
use crate::wrk::Served;

/// How long a peer may take to start, and to finish its last calls.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server and a connected client. Both live until the process ends, and do nothing between samples.
pub struct Line {
    jobs: Sender<Job>,
}

/// What was measured in one sample.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Checked calls a second.
    pub rate: f64,
    /// Heap allocations of a call, in the client's thread; `None` where the client has several threads.
    pub allocations: Option<f64>,
    /// The share of the sample for which something else had a core.
    pub disturbed: f64,
}

struct Job {
    work: Work,
    in_flight: usize,
    length: Duration,
    warm: Stop,
    stop: Stop,
    done: SyncSender<Result<Sample>>,
}

/// What a server's thread tells when it is ready: where it listens, and its number.
type Ready = (SocketAddr, i32);

impl Line {
    /// Client and server each on a single-threaded runtime, in a thread pinned to a core of its own.
    pub fn on_own_cores<P: Peer>(cores: Cores) -> Result<Self> {
        let (address, server) = start_server::<P>(cores)?;
        start_client::<P>(move |jobs, ready| {
            let started = (|| {
                cores::pin(cores.client)?;
                let runtime = Builder::new_current_thread().enable_all().build()?;
                let client = runtime.block_on(P::connect(address))?;
                Ok((runtime, client))
            })();
            serve_jobs(&jobs, &ready, started, |(runtime, client), job| {
                sample_alone(runtime, client, job, server)
            });
        })
    }

    /// The server as above; the client on a runtime of two workers that may use both cores, each caller spawned.
    pub fn on_two_workers<P: Peer<Client: Caller>>(cores: Cores) -> Result<Self> {
        let (address, _) = start_server::<P>(cores)?;
        start_client::<P>(move |jobs, ready| {
            let started = (|| {
                let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
                let client = runtime.block_on(P::connect(address))?;
                Ok((runtime, client))
            })();
            serve_jobs(&jobs, &ready, started, |(runtime, client), job| sample_shared(runtime, client, job));
        })
    }

    /// Client and server each on a single-threaded runtime, on whatever core there is: the server has processes of its
    /// own that need one too.
    pub fn on_no_cores<P: Peer<Client: Caller>>(_: Cores) -> Result<Self> {
        let (address, _) = start_server_on::<P>(|| Ok(()))?;
        start_client::<P>(move |jobs, ready| {
            let started = (|| {
                let runtime = Builder::new_current_thread().enable_all().build()?;
                let client = runtime.block_on(P::connect(address))?;
                Ok((runtime, client))
            })();
            serve_jobs(&jobs, &ready, started, |(runtime, client), job| {
                sample(runtime, client, job, cores::Watch::host)
            });
        })
    }

    /// A site that `wrk` loads; both are processes of their own.
    pub fn of_site(site: Site) -> Result<Self> {
        let (jobs, inbox) = channel::<Job>();
        let served = Served::start(site)?;
        thread::Builder::new().name("wrk".into()).spawn(move || {
            while let Ok(job) = inbox.recv() {
                let _ = job.done.send(load(&served, &job));
            }
        })?;
        Ok(Self { jobs })
    }

    /// Keeps calls in flight for `length` after a tenth of it to warm up.
    pub fn sample(&self, work: Work, in_flight: usize, length: Duration) -> Result<Sample> {
        let (warm, stop) = (Stop::default(), Stop::default());
        let (done, result) = sync_channel(1);
        self.jobs.send(Job { work, in_flight, length, warm: warm.clone(), stop: stop.clone(), done })?;
        thread::sleep(length / 10);
        warm.set();
        thread::sleep(length);
        stop.set();
        result.recv_timeout(PATIENCE).context("the client did not come to an end")?
    }
}

fn start_server<P: Peer>(cores: Cores) -> Result<Ready> {
    start_server_on::<P>(move || cores::pin(cores.server))
}

fn start_server_on<P: Peer>(place: impl FnOnce() -> Result<()> + Send + 'static) -> Result<Ready> {
    let (ready, address) = sync_channel(1);
    thread::Builder::new().name(format!("{}-server", P::NAME)).spawn(move || {
        let serving = || -> Result<(Runtime, SocketAddr)> {
            place()?;
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let address = runtime.block_on(P::serve())?;
            Ok((runtime, address))
        };
        match serving() {
            Ok((runtime, address)) => {
                let _ = ready.send(Ok((address, cores::thread_id())));
                runtime.block_on(std::future::pending::<()>());
            }
            Err(error) => drop(ready.send(Err(error))),
        }
    })?;
    address.recv_timeout(PATIENCE).with_context(|| format!("the server of {} did not start", P::NAME))?
}

fn start_client<P: Peer>(
    run: impl FnOnce(Receiver<Job>, SyncSender<Result<()>>) + Send + 'static,
) -> Result<Line> {
    let (jobs, inbox) = channel();
    let (ready, connected) = sync_channel(1);
    thread::Builder::new().name(format!("{}-client", P::NAME)).spawn(move || run(inbox, ready))?;
    connected
        .recv_timeout(PATIENCE)
        .with_context(|| format!("the client of {} did not connect", P::NAME))??;
    Ok(Line { jobs })
}

fn serve_jobs<S>(
    jobs: &Receiver<Job>,
    ready: &SyncSender<Result<()>>,
    started: Result<S>,
    sample: impl Fn(&mut S, &Job) -> Result<Sample>,
) {
    let mut state = match started {
        Ok(state) => state,
        Err(error) => return drop(ready.send(Err(error))),
    };
    let _ = ready.send(Ok(()));
    while let Ok(job) = jobs.recv() {
        let _ = job.done.send(sample(&mut state, &job));
    }
}

fn sample_alone(runtime: &Runtime, client: &mut impl Load, job: &Job, server: i32) -> Result<Sample> {
    sample(runtime, client, job, || cores::Watch::threads([cores::thread_id(), server]))
}

fn sample(
    runtime: &Runtime,
    client: &mut impl Load,
    job: &Job,
    watch: impl FnOnce() -> cores::Watch,
) -> Result<Sample> {
    runtime.block_on(client.run(job.work, job.in_flight, &job.warm))?;
    let watch = watch();
    let allocations = counter::allocations();
    let start = Instant::now();
    let calls = runtime.block_on(client.run(job.work, job.in_flight, &job.stop))?;
    let elapsed = start.elapsed();
    let allocations = counter::allocations() - allocations;
    Ok(Sample {
        rate: rate(calls, elapsed),
        allocations: Some(exact(allocations) / exact(calls)),
        disturbed: watch.disturbed(elapsed),
    })
}

fn sample_shared(runtime: &Runtime, client: &mut impl Caller, job: &Job) -> Result<Sample> {
    runtime.block_on(spawn_callers(client, job.work, job.in_flight, &job.warm))?;
    let watch = cores::Watch::other_processes();
    let start = Instant::now();
    let calls = runtime.block_on(spawn_callers(client, job.work, job.in_flight, &job.stop))?;
    let elapsed = start.elapsed();
    Ok(Sample { rate: rate(calls, elapsed), allocations: None, disturbed: watch.disturbed(elapsed) })
}

fn load(served: &Served, job: &Job) -> Result<Sample> {
    let watch = cores::Watch::host();
    let start = Instant::now();
    let rate = served.load(job.in_flight, job.length)?;
    Ok(Sample { rate, allocations: None, disturbed: watch.disturbed(start.elapsed()) })
}

fn rate(calls: u64, elapsed: Duration) -> f64 {
    exact(calls) / elapsed.as_secs_f64()
}

/// Counts here stay far below 2⁵³.
#[allow(clippy::cast_precision_loss)]
fn exact(count: u64) -> f64 {
    count as f64
}
