//! The threads of a peer's server and client, which take samples on demand.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};

use crate::cores::{self, Cores};
use crate::payload::Payload;
use crate::peer::{Caller, Load, Peer, StopFlag, spawn_callers};
use crate::peers::web::Site;
use crate::wrk::SiteProcess;

/// The longest that a peer may take to start, or to finish its last calls.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A running server and a connected client. Both run until the process ends, and are idle between samples.
pub struct Runner {
    jobs: Sender<Job>,
}

/// The result of one sample.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Checked calls per second.
    pub rate: f64,
    /// Heap allocations per call in the client's thread; `None` where the client has several threads.
    pub allocations: Option<f64>,
    /// The share of the sample that other work took.
    pub interference: f64,
}

struct Job {
    payload: Payload,
    in_flight: usize,
    length: Duration,
    warm_up: StopFlag,
    stop: StopFlag,
    done: SyncSender<Result<Sample>>,
}

/// What a server's thread reports when it is ready: its address and the id of the thread.
type Ready = (SocketAddr, i32);

impl Runner {
    /// Starts client and server, each on a single-threaded runtime in a thread pinned to a core of its own.
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

    /// Starts the server as above, and the client on a runtime of two workers that may use both cores.
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

    /// Starts client and server, each on a single-threaded runtime without a core of its own: the server has child
    /// processes that need one too.
    pub fn without_cores<P: Peer<Client: Caller>>(_: Cores) -> Result<Self> {
        let (address, _) = start_server_on::<P>(|| Ok(()))?;
        start_client::<P>(move |jobs, ready| {
            let started = (|| {
                let runtime = Builder::new_current_thread().enable_all().build()?;
                let client = runtime.block_on(P::connect(address))?;
                Ok((runtime, client))
            })();
            serve_jobs(&jobs, &ready, started, |(runtime, client), job| {
                sample(runtime, client, job, cores::Interference::host)
            });
        })
    }

    /// Starts a site in a process of its own, for `wrk`.
    pub fn for_site(site: Site) -> Result<Self> {
        let (jobs, inbox) = channel::<Job>();
        let process = SiteProcess::start(site)?;
        thread::Builder::new().name("wrk".into()).spawn(move || {
            while let Ok(job) = inbox.recv() {
                let _ = job.done.send(load(&process, &job));
            }
        })?;
        Ok(Self { jobs })
    }

    /// Keeps calls in flight for `length`, after a warm-up of a tenth of that.
    pub fn sample(&self, payload: Payload, in_flight: usize, length: Duration) -> Result<Sample> {
        let (warm_up, stop) = (StopFlag::default(), StopFlag::default());
        let (done, result) = sync_channel(1);
        self.jobs.send(Job {
            payload,
            in_flight,
            length,
            warm_up: warm_up.clone(),
            stop: stop.clone(),
            done,
        })?;
        thread::sleep(length / 10);
        warm_up.set();
        thread::sleep(length);
        stop.set();
        result.recv_timeout(TIMEOUT).context("the client did not finish")?
    }
}

fn start_server<P: Peer>(cores: Cores) -> Result<Ready> {
    start_server_on::<P>(move || cores::pin(cores.server))
}

fn start_server_on<P: Peer>(pin: impl FnOnce() -> Result<()> + Send + 'static) -> Result<Ready> {
    let (ready, address) = sync_channel(1);
    thread::Builder::new().name(format!("{}-server", P::NAME)).spawn(move || {
        let serving = || -> Result<(Runtime, SocketAddr)> {
            pin()?;
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
    address.recv_timeout(TIMEOUT).with_context(|| format!("the server of {} did not start", P::NAME))?
}

fn start_client<P: Peer>(
    run: impl FnOnce(Receiver<Job>, SyncSender<Result<()>>) + Send + 'static,
) -> Result<Runner> {
    let (jobs, inbox) = channel();
    let (ready, connected) = sync_channel(1);
    thread::Builder::new().name(format!("{}-client", P::NAME)).spawn(move || run(inbox, ready))?;
    connected
        .recv_timeout(TIMEOUT)
        .with_context(|| format!("the client of {} did not connect", P::NAME))??;
    Ok(Runner { jobs })
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
    sample(runtime, client, job, || cores::Interference::threads([cores::thread_id(), server]))
}

fn sample(
    runtime: &Runtime,
    client: &mut impl Load,
    job: &Job,
    start_watch: impl FnOnce() -> cores::Interference,
) -> Result<Sample> {
    runtime.block_on(client.run(job.payload, job.in_flight, &job.warm_up))?;
    let interference = start_watch();
    let allocations = counter::allocations();
    let start = Instant::now();
    let calls = runtime.block_on(client.run(job.payload, job.in_flight, &job.stop))?;
    let elapsed = start.elapsed();
    let allocations = counter::allocations() - allocations;
    Ok(Sample {
        rate: rate(calls, elapsed),
        allocations: Some(to_f64(allocations) / to_f64(calls)),
        interference: interference.share(elapsed),
    })
}

fn sample_shared(runtime: &Runtime, client: &mut impl Caller, job: &Job) -> Result<Sample> {
    runtime.block_on(spawn_callers(client, job.payload, job.in_flight, &job.warm_up))?;
    let interference = cores::Interference::other_processes();
    let start = Instant::now();
    let calls = runtime.block_on(spawn_callers(client, job.payload, job.in_flight, &job.stop))?;
    let elapsed = start.elapsed();
    Ok(Sample { rate: rate(calls, elapsed), allocations: None, interference: interference.share(elapsed) })
}

fn load(process: &SiteProcess, job: &Job) -> Result<Sample> {
    let interference = cores::Interference::host();
    let start = Instant::now();
    let rate = process.load(job.in_flight, job.length)?;
    Ok(Sample { rate, allocations: None, interference: interference.share(start.elapsed()) })
}

fn rate(calls: u64, elapsed: Duration) -> f64 {
    to_f64(calls) / elapsed.as_secs_f64()
}

/// Converts a count; all counts here stay far below 2⁵³.
#[allow(clippy::cast_precision_loss)]
fn to_f64(count: u64) -> f64 {
    count as f64
}
