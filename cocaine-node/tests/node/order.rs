//! The order of the calls of one connection: what is sent in one go is answered as if each call had waited for the one
//! before it, while other connections write to other keys.

use std::{
    any::Any,
    fmt::Debug,
    future::poll_fn,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
};

use cocaine::{Receiver, Result, Severity, Value, bind::DeserializeOwned};
use cocaine_bindings::{
    Cache, CacheClient, Chrono, ChronoClient, Geobase, GeobaseClient, Locator, LocatorClient, LoggingV2,
    LoggingV2Client, Storage, StorageClient, Unicorn, UnicornClient, chrono::TimerId,
};
use cocaine_node::Node;
use futures_util::future::BoxFuture;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use test_support::wait::TIMEOUT;
use tokio::{
    task::{JoinSet, unconstrained},
    time::timeout,
};

use crate::{group, service};

/// What a call answers, and what has to live until the others have been answered too.
type Answer = (String, Option<Box<dyn Any + Send>>);

/// A service, with names of its own for one run.
trait Pipeline: Sized {
    type Step: Clone + Debug;

    fn step() -> BoxedStrategy<Self::Step>;
    /// Connects, and prepares what the steps refer to. All names begin with `prefix`.
    async fn prepare(node: &Node, prefix: &str) -> Self;
    fn call(&self, step: Self::Step) -> BoxFuture<'static, Answer>;
}

fn said<T: Debug>(result: Result<T>) -> Answer {
    (result.map_or_else(|error| format!("{:?}", error.code()), |value| format!("{value:?}")), None)
}

/// Sends all calls before any of them is answered.
async fn in_one_go(calls: Vec<BoxFuture<'static, Answer>>) -> Vec<String> {
    let (mut begun, mut answers) = (Vec::new(), Vec::new());
    for call in calls {
        let mut call = Box::pin(unconstrained(call));
        let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut call).poll(cx))).await;
        begun.push((first, call));
    }
    for (first, call) in begun {
        answers.push(match first {
            Poll::Ready(answer) => answer,
            Poll::Pending => call.await,
        });
    }
    answers.into_iter().map(|(said, _)| said).collect()
}

/// Sends each call when the one before it has been answered.
async fn one_by_one(calls: Vec<BoxFuture<'static, Answer>>) -> Vec<String> {
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await);
    }
    answers.into_iter().map(|(said, _)| said).collect()
}

/// Writes to other keys over other connections, for as long as the returned tasks live.
async fn disturb(node: &Node) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for writer in 0..2 {
        let (storage, tree): (StorageClient, UnicornClient) = (service(node).await, service(node).await);
        tasks.spawn(async move {
            for number in 0_u64.. {
                let key = format!("{writer}-{number}");
                storage.write("others", &key, &b"blob".into(), Some(&["t"])).await.unwrap();
                tree.create(&format!("/others/{key}"), &number.into()).await.unwrap();
                storage.remove("others", &key).await.unwrap();
                tree.remove(&format!("/others/{key}"), -1).await.unwrap();
            }
        });
    }
    tasks
}

/// Compares pipelines of random calls with the same calls one by one.
fn check<P: Pipeline>() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let node = Node::builder().listen("127.0.0.1:0").data(folder.path()).start();
    let node = runtime.block_on(node).unwrap();
    let disturbing = runtime.block_on(disturb(&node));
    let number = AtomicUsize::new(0);
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(40) });
    let outcome = runner.run(&vec(P::step(), 1..30), |steps| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        runtime.block_on(async {
            let pipelined = P::prepare(&node, &format!("p{number}")).await;
            let sequential = P::prepare(&node, &format!("s{number}")).await;
            let calls = |service: &P| steps.iter().cloned().map(|step| service.call(step)).collect();
            let answers = timeout(TIMEOUT, in_one_go(calls(&pipelined))).await.expect("answers in time");
            let expected = timeout(TIMEOUT, one_by_one(calls(&sequential))).await.expect("answers in time");
            prop_assert_eq!(answers, expected);
            Ok(())
        })
    });
    drop(disturbing);
    runtime.block_on(node.shutdown());
    outcome.unwrap();
}

struct StoragePipeline {
    storage: StorageClient,
    collection: String,
}

#[derive(Clone, Debug)]
enum StorageStep {
    Write(u8, u8, Vec<&'static str>),
    Read(u8),
    Remove(u8),
    Find(Vec<&'static str>),
}

impl Pipeline for StoragePipeline {
    type Step = StorageStep;

    fn step() -> BoxedStrategy<StorageStep> {
        let tags = || prop_oneof![Just(vec!["t"]), Just(vec!["t", "u"]), Just(vec![])];
        prop_oneof![
            (0..3_u8, any::<u8>(), tags()).prop_map(|(key, blob, tags)| StorageStep::Write(key, blob, tags)),
            (0..3_u8).prop_map(StorageStep::Read),
            (0..3_u8).prop_map(StorageStep::Remove),
            tags().prop_map(StorageStep::Find),
        ]
        .boxed()
    }

    async fn prepare(node: &Node, prefix: &str) -> Self {
        Self { storage: service(node).await, collection: prefix.to_owned() }
    }

    fn call(&self, step: StorageStep) -> BoxFuture<'static, Answer> {
        let (storage, collection) = (self.storage.clone(), self.collection.clone());
        Box::pin(async move {
            match step {
                StorageStep::Write(key, blob, tags) => {
                    said(storage.write(&collection, &key.to_string(), &[blob][..].into(), Some(&tags)).await)
                }
                StorageStep::Read(key) => said(storage.read(&collection, &key.to_string()).await),
                StorageStep::Remove(key) => said(storage.remove(&collection, &key.to_string()).await),
                StorageStep::Find(tags) => said(storage.find(&collection, &tags).await),
            }
        })
    }
}

#[test]
fn storage_pipelines_match_sequential_calls() {
    check::<StoragePipeline>();
}

struct UnicornPipeline {
    tree: UnicornClient,
    prefix: String,
    locks: AtomicUsize,
}

#[derive(Clone, Copy, Debug)]
enum UnicornStep {
    Create(&'static str, u8),
    Put(&'static str, u8, i64),
    Remove(&'static str, i64),
    Increment(&'static str),
    Get(&'static str),
    Subscribe(&'static str),
    Children(&'static str),
    /// Takes a lock that nobody has, and keeps it.
    Lock(&'static str),
}

async fn first<T: DeserializeOwned + Debug + Send + 'static>(mut stream: Receiver<T>) -> Answer {
    let (said, _) = said(stream.recv().await.expect("an item"));
    (said, Some(Box::new(stream)))
}

impl Pipeline for UnicornPipeline {
    type Step = UnicornStep;

    fn step() -> BoxedStrategy<UnicornStep> {
        // Lock nodes are nodes too: the first below a new folder has this name.
        let path = || proptest::sample::select(vec!["/a", "/a/b", "/a/c", "/d", "/d/lock0000000000", "bad"]);
        prop_oneof![
            3 => (path(), any::<u8>()).prop_map(|(path, value)| UnicornStep::Create(path, value)),
            2 => (path(), any::<u8>(), 0..3_i64).prop_map(|(path, value, version)| UnicornStep::Put(path, value, version)),
            2 => (path(), -1..2_i64).prop_map(|(path, version)| UnicornStep::Remove(path, version)),
            1 => path().prop_map(UnicornStep::Increment),
            3 => path().prop_map(UnicornStep::Get),
            2 => path().prop_map(UnicornStep::Subscribe),
            2 => path().prop_map(UnicornStep::Children),
            1 => path().prop_map(UnicornStep::Lock),
        ]
        .boxed()
    }

    async fn prepare(node: &Node, prefix: &str) -> Self {
        Self { tree: service(node).await, prefix: prefix.to_owned(), locks: AtomicUsize::new(0) }
    }

    fn call(&self, step: UnicornStep) -> BoxFuture<'static, Answer> {
        let (tree, prefix) = (self.tree.clone(), self.prefix.clone());
        let at = move |path: &str| if path == "bad" { path.to_owned() } else { format!("/{prefix}{path}") };
        // A second request would wait for the first for ever.
        let is_first =
            matches!(step, UnicornStep::Lock(_)) && self.locks.fetch_add(1, Ordering::Relaxed) == 0;
        Box::pin(async move {
            match step {
                UnicornStep::Create(path, value) => {
                    said(tree.create(&at(path), &u64::from(value).into()).await)
                }
                UnicornStep::Put(path, value, version) => {
                    said(tree.put(&at(path), &u64::from(value).into(), version).await)
                }
                UnicornStep::Remove(path, version) => said(tree.remove(&at(path), version).await),
                UnicornStep::Increment(path) => said(tree.increment(&at(path), &1_u64.into()).await),
                UnicornStep::Get(path) => said(tree.get(&at(path)).await),
                UnicornStep::Subscribe(path) => first(tree.subscribe(&at(path))).await,
                UnicornStep::Children(path) => first(tree.children_subscribe(&at(path))).await,
                UnicornStep::Lock(path) if is_first => {
                    match tree.named_lock(&at(path), &7_u64.into()).await {
                        Ok(guard) => ("locked".into(), Some(Box::new(guard) as _)),
                        Err(error) => said::<()>(Err(error)),
                    }
                }
                UnicornStep::Lock(_) => said(Ok(())),
            }
        })
    }
}

#[test]
fn unicorn_pipelines_match_sequential_calls() {
    check::<UnicornPipeline>();
}

struct CachePipeline {
    cache: CacheClient,
    prefix: String,
}

#[derive(Clone, Copy, Debug)]
enum CacheStep {
    Put(u8, u8),
    Get(u8),
}

impl Pipeline for CachePipeline {
    type Step = CacheStep;

    fn step() -> BoxedStrategy<CacheStep> {
        prop_oneof![
            (0..3_u8, any::<u8>()).prop_map(|(key, blob)| CacheStep::Put(key, blob)),
            (0..3_u8).prop_map(CacheStep::Get),
        ]
        .boxed()
    }

    async fn prepare(node: &Node, prefix: &str) -> Self {
        Self { cache: service(node).await, prefix: prefix.to_owned() }
    }

    fn call(&self, step: CacheStep) -> BoxFuture<'static, Answer> {
        let (cache, prefix) = (self.cache.clone(), self.prefix.clone());
        Box::pin(async move {
            match step {
                CacheStep::Put(key, blob) => {
                    said(cache.put(&format!("{prefix}{key}"), &[blob][..].into()).await)
                }
                CacheStep::Get(key) => said(cache.get(&format!("{prefix}{key}")).await),
            }
        })
    }
}

#[test]
fn cache_pipelines_match_sequential_calls() {
    check::<CachePipeline>();
}

struct FilterPipeline {
    logging: LoggingV2Client,
    prefix: String,
    /// Filters that exist when the pipeline begins, of which a client knows the ids.
    ids: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
enum FilterStep {
    Set(u8, u64),
    SetCluster(u8, u64),
    Remove(usize),
    Filters,
    Loggers,
    Emit(u8, i32),
}

/// Returns a filter that accepts messages from `severity` on.
fn severity(severity: u64) -> Value {
    Value::Array(vec!["severity".into(), severity.into()])
}

impl Pipeline for FilterPipeline {
    type Step = FilterStep;

    fn step() -> BoxedStrategy<FilterStep> {
        prop_oneof![
            (0..2_u8, 1..4_u64).prop_map(|(logger, severity)| FilterStep::Set(logger, severity)),
            (0..2_u8, 1..4_u64).prop_map(|(logger, severity)| FilterStep::SetCluster(logger, severity)),
            (0..4_usize).prop_map(FilterStep::Remove),
            Just(FilterStep::Filters),
            Just(FilterStep::Loggers),
            (0..3_u8, 0..4).prop_map(|(logger, severity)| FilterStep::Emit(logger, severity)),
        ]
        .boxed()
    }

    async fn prepare(node: &Node, prefix: &str) -> Self {
        let logging: LoggingV2Client = service(node).await;
        let (prefix, mut ids) = (format!("{prefix}/"), Vec::new());
        // Those of earlier pipelines would add up to the largest number of filters.
        for filter in logging.list_filters().await.unwrap() {
            if filter.logger != "default" && !filter.logger[1..].starts_with(&prefix[1..]) {
                logging.remove_filter(filter.id).await.unwrap();
            }
        }
        for logger in 0..2 {
            let name = format!("{prefix}{logger}");
            ids.push(logging.set_filter(&name, &severity(2), 3600).await.unwrap());
            ids.push(logging.set_cluster_filter(&name, &severity(3), 3600).await.unwrap());
        }
        Self { logging, prefix, ids }
    }

    fn call(&self, step: FilterStep) -> BoxFuture<'static, Answer> {
        let (logging, prefix, ids) = (self.logging.clone(), self.prefix.clone(), self.ids.clone());
        Box::pin(async move {
            let own = |name: &str| name.strip_prefix(&*prefix).map(str::to_owned);
            match step {
                FilterStep::Set(logger, minimum) => {
                    let name = format!("{prefix}{logger}");
                    said(logging.set_filter(&name, &severity(minimum), 3600).await.map(drop))
                }
                FilterStep::SetCluster(logger, minimum) => {
                    let name = format!("{prefix}{logger}");
                    said(logging.set_cluster_filter(&name, &severity(minimum), 3600).await.map(drop))
                }
                FilterStep::Remove(filter) => said(logging.remove_filter(ids[filter]).await),
                FilterStep::Filters => said(logging.list_filters().await.map(|filters| {
                    let filters = filters.into_iter();
                    let own = filters
                        .filter_map(|filter| Some((own(&filter.logger)?, filter.filter, filter.disposition)));
                    own.collect::<Vec<_>>()
                })),
                FilterStep::Loggers => {
                    let names = logging.list_loggers().await;
                    said(names.map(|names| names.iter().filter_map(|name| own(name)).collect::<Vec<_>>()))
                }
                FilterStep::Emit(logger, severity) => said(
                    logging
                        .emit_ack(Severity::from(severity), &format!("{prefix}{logger}"), "text", None)
                        .await,
                ),
            }
        })
    }
}

#[test]
fn filter_pipelines_match_sequential_calls() {
    check::<FilterPipeline>();
}

struct ChronoPipeline {
    chrono: ChronoClient,
    /// Timers that run when the pipeline begins, of which a client knows the ids, with their streams.
    timers: Vec<(TimerId, Receiver<TimerId>)>,
}

#[derive(Clone, Copy, Debug)]
enum ChronoStep {
    Start,
    Cancel(usize),
    Restart(usize),
}

impl Pipeline for ChronoPipeline {
    type Step = ChronoStep;

    fn step() -> BoxedStrategy<ChronoStep> {
        prop_oneof![
            Just(ChronoStep::Start),
            (0..4_usize).prop_map(ChronoStep::Cancel),
            (0..4_usize).prop_map(ChronoStep::Restart),
        ]
        .boxed()
    }

    async fn prepare(node: &Node, _: &str) -> Self {
        let chrono: ChronoClient = service(node).await;
        let mut timers = Vec::new();
        for _ in 0..4 {
            let mut ticks = chrono.notify_every(3600.0, Some(true));
            timers.push((ticks.recv().await.unwrap().unwrap(), ticks));
        }
        Self { chrono, timers }
    }

    fn call(&self, step: ChronoStep) -> BoxFuture<'static, Answer> {
        let id = |timer: usize| TimerId(self.timers[timer].0.0);
        let (chrono, ids) = (self.chrono.clone(), [id(0), id(1), id(2), id(3)]);
        Box::pin(async move {
            match step {
                ChronoStep::Start => {
                    let mut ticks = chrono.notify_after(3600.0, Some(true));
                    let (said, _) = said(ticks.recv().await.expect("an id").map(drop));
                    (said, Some(Box::new(ticks) as _))
                }
                ChronoStep::Cancel(timer) => said(chrono.cancel(TimerId(ids[timer].0)).await),
                ChronoStep::Restart(timer) => said(chrono.restart(TimerId(ids[timer].0)).await),
            }
        })
    }
}

#[test]
fn chrono_pipelines_match_sequential_calls() {
    check::<ChronoPipeline>();
}

struct GeobasePipeline {
    geobase: GeobaseClient,
    prefix: String,
}

#[derive(Clone, Copy, Debug)]
enum GeobaseStep {
    Set(u8, bool),
    Has(u8),
    List,
}

/// A region of the sample.
const REGION: i32 = 524_901;

impl Pipeline for GeobasePipeline {
    type Step = GeobaseStep;

    fn step() -> BoxedStrategy<GeobaseStep> {
        prop_oneof![
            (0..3_u8, any::<bool>()).prop_map(|(name, enabled)| GeobaseStep::Set(name, enabled)),
            (0..3_u8).prop_map(GeobaseStep::Has),
            Just(GeobaseStep::List),
        ]
        .boxed()
    }

    async fn prepare(node: &Node, prefix: &str) -> Self {
        let geobase: GeobaseClient = service(node).await;
        for name in geobase.get_services(REGION).await.unwrap() {
            geobase.set_service(REGION, &name, false).await.unwrap();
        }
        Self { geobase, prefix: format!("{prefix}-") }
    }

    fn call(&self, step: GeobaseStep) -> BoxFuture<'static, Answer> {
        let (geobase, prefix) = (self.geobase.clone(), self.prefix.clone());
        Box::pin(async move {
            match step {
                GeobaseStep::Set(name, enabled) => {
                    said(geobase.set_service(REGION, &format!("{prefix}{name}"), enabled).await)
                }
                GeobaseStep::Has(name) => {
                    said(geobase.have_service(REGION, &format!("{prefix}{name}")).await)
                }
                GeobaseStep::List => said(geobase.get_services(REGION).await.map(|names| {
                    names
                        .iter()
                        .filter_map(|name| name.strip_prefix(&*prefix))
                        .map(str::to_owned)
                        .collect::<Vec<_>>()
                })),
            }
        })
    }
}

#[test]
fn geobase_pipelines_match_sequential_calls() {
    check::<GeobasePipeline>();
}

struct LocatorPipeline {
    locator: LocatorClient,
    prefix: String,
}

#[derive(Clone, Copy, Debug)]
enum LocatorStep {
    Refresh(u8),
    Resolve(u8),
}

impl Pipeline for LocatorPipeline {
    type Step = LocatorStep;

    fn step() -> BoxedStrategy<LocatorStep> {
        prop_oneof![(0..3_u8).prop_map(LocatorStep::Refresh), (0..3_u8).prop_map(LocatorStep::Resolve),]
            .boxed()
    }

    async fn prepare(node: &Node, prefix: &str) -> Self {
        for number in 0..2 {
            group(node, &format!("{prefix}-{number}"), &[("storage", 1)]).await;
        }
        Self { locator: service(node).await, prefix: prefix.to_owned() }
    }

    fn call(&self, step: LocatorStep) -> BoxFuture<'static, Answer> {
        let (locator, prefix) = (self.locator.clone(), self.prefix.clone());
        Box::pin(async move {
            match step {
                LocatorStep::Refresh(group) => said(locator.refresh(&[&format!("{prefix}-{group}")]).await),
                LocatorStep::Resolve(group) => {
                    said(locator.resolve(&format!("{prefix}-{group}"), None).await.map(|found| found.version))
                }
            }
        })
    }
}

#[test]
fn locator_pipelines_match_sequential_calls() {
    check::<LocatorPipeline>();
}
