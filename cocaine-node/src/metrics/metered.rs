//! A service whose connections and calls are counted, under the names that the original has for it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use cocaine::{
    bind::{Call, Dispatch, ServiceSpec},
    server::Admissions,
};
use pin_project_lite::pin_project;

use super::{
    meter::Meter,
    reading::{Measured, Reading},
    timer::{Resolution, Timer},
};

/// What is counted of one service.
#[derive(Debug)]
pub(crate) struct ServiceMeter {
    /// What it counts the calls of.
    pub(super) spec: &'static ServiceSpec,
    pub(super) admissions: Arc<Admissions>,
    calls: Meter,
    /// By the methods of the service.
    timers: Vec<(&'static str, Timer)>,
}

impl ServiceMeter {
    pub(super) fn new(spec: &'static ServiceSpec, now: Instant) -> Self {
        let timers =
            spec.methods.iter().map(|method| (method.name, Timer::new(Resolution::COARSE, now))).collect();
        Self { spec, admissions: Arc::default(), calls: Meter::new(now), timers }
    }

    pub(super) fn tick(&self, now: Instant) {
        self.calls.tick(now);
        self.timers.iter().for_each(|(_, timer)| timer.tick(now));
    }

    /// Adds what there is to say of the service.
    pub(super) fn read(&self, name: &str, now: Instant, readings: &mut Vec<Reading>) {
        let ended: u64 = self.timers.iter().map(|(_, timer)| timer.count()).sum();
        let calls = self.calls.read(now);
        readings.extend([
            Reading::counter(format!("{name}.connections.accepted"), self.admissions.accepted()),
            Reading::counter(format!("{name}.connections.rejected"), self.admissions.rejected()),
            Reading::counter(format!("{name}.load"), calls.count.saturating_sub(ended)),
            Reading::new(format!("{name}.meter.summary"), Measured::Meter(calls)),
        ]);
        for (method, timer) in &self.timers {
            let (rate, times) = timer.read(now);
            readings.push(Reading::new(format!("{name}.timer[{method}]"), Measured::Timer(rate, times)));
        }
    }
}

/// A service whose calls are counted.
#[derive(Debug)]
pub(crate) struct Metered<D> {
    pub(super) dispatch: D,
    pub(super) meter: Arc<ServiceMeter>,
}

impl<D> Metered<D> {
    /// Returns what counts the connections.
    pub(crate) fn admissions(&self) -> Arc<Admissions> {
        self.meter.admissions.clone()
    }
}

impl<D: Dispatch> Dispatch for Metered<D> {
    fn spec(&self) -> &'static ServiceSpec {
        self.dispatch.spec()
    }

    fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<D> {
        let watch = Watch { meter: self.meter.clone(), method: call.method(), began: Instant::now() };
        self.meter.calls.add();
        Watched { future: self.dispatch.invoke(call), _watch: watch }
    }
}

/// A call that runs: it has ended when this is dropped.
struct Watch {
    meter: Arc<ServiceMeter>,
    method: usize,
    began: Instant,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some((_, timer)) = self.meter.timers.get(self.method) {
            timer.record(self.began.elapsed());
        }
    }
}

pin_project! {
    struct Watched<F> {
        #[pin]
        future: F,
        _watch: Watch,
    }
}

impl<F: Future<Output = ()>> Future for Watched<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().future.poll(cx)
    }
}
