//! A service that counts its connections and calls, with the metric names of the original.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use cocaine::{
    bind::{Call, Dispatch, ServiceSpec},
    server::AcceptCounters,
};
use pin_project_lite::pin_project;

use super::{
    meter::Meter,
    reading::{MetricValue, Reading},
    timer::{Resolution, Timer},
};

/// The metrics of one service.
#[derive(Debug)]
pub(crate) struct ServiceMetrics {
    /// The service whose calls are counted.
    pub(super) spec: &'static ServiceSpec,
    pub(super) accept_counters: Arc<AcceptCounters>,
    calls: Meter,
    /// One for each method of the service.
    timers: Vec<(&'static str, Timer)>,
}

impl ServiceMetrics {
    pub(super) fn new(spec: &'static ServiceSpec, now: Instant) -> Self {
        let timers =
            spec.methods.iter().map(|method| (method.name, Timer::new(Resolution::COARSE, now))).collect();
        Self { spec, accept_counters: Arc::default(), calls: Meter::new(now), timers }
    }

    /// Counts a call of the method with this index, whose time is recorded when the timer is dropped.
    pub(crate) fn start_call(self: &Arc<Self>, method: usize) -> CallTimer {
        self.calls.add();
        CallTimer { meter: self.clone(), method, began: Instant::now() }
    }

    pub(super) fn tick(&self, now: Instant) {
        self.calls.tick(now);
        self.timers.iter().for_each(|(_, timer)| timer.tick(now));
    }

    /// Returns the counts of the service.
    pub(super) fn totals(&self, name: String, now: Instant) -> ServiceTotals {
        let ended: u64 = self.timers.iter().map(|(_, timer)| timer.count()).sum();
        let calls = self.calls.read(now).count;
        let (accepted, rejected) = (self.accept_counters.accepted(), self.accept_counters.rejected());
        ServiceTotals { name, accepted, rejected, calls, running: calls.saturating_sub(ended) }
    }

    /// Appends the readings of the service.
    pub(super) fn read(&self, name: &str, now: Instant, readings: &mut Vec<Reading>) {
        let ended: u64 = self.timers.iter().map(|(_, timer)| timer.count()).sum();
        let calls = self.calls.read(now);
        readings.extend([
            Reading::counter(format!("{name}.connections.accepted"), self.accept_counters.accepted()),
            Reading::counter(format!("{name}.connections.rejected"), self.accept_counters.rejected()),
            Reading::counter(format!("{name}.load"), calls.count.saturating_sub(ended)),
            Reading::new(format!("{name}.meter.summary"), MetricValue::Meter(calls)),
        ]);
        for (method, timer) in &self.timers {
            let (rate, times) = timer.read(now);
            readings.push(Reading::new(format!("{name}.timer[{method}]"), MetricValue::Timer(rate, times)));
        }
    }
}

/// What a service has done at one moment.
#[derive(Debug)]
pub(crate) struct ServiceTotals {
    pub(crate) name: String,
    /// Connections that were accepted, and those that could not be.
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    /// Calls that were begun, and those that run.
    pub(crate) calls: u64,
    pub(crate) running: u64,
}

/// A service that counts its calls.
#[derive(Debug)]
pub(crate) struct MeteredService<D> {
    pub(super) dispatch: D,
    pub(super) meter: Arc<ServiceMetrics>,
}

impl<D> MeteredService<D> {
    /// Returns the counters of connections.
    pub(crate) fn accept_counters(&self) -> Arc<AcceptCounters> {
        self.meter.accept_counters.clone()
    }
}

impl<D: Dispatch> Dispatch for MeteredService<D> {
    fn spec(&self) -> &'static ServiceSpec {
        self.dispatch.spec()
    }

    fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<D> {
        let timer = self.meter.start_call(call.method());
        MeteredCall { future: self.dispatch.invoke(call), _timer: timer }
    }
}

/// Records the time of a call when it is dropped.
#[derive(Debug)]
pub(crate) struct CallTimer {
    meter: Arc<ServiceMetrics>,
    method: usize,
    began: Instant,
}

impl Drop for CallTimer {
    fn drop(&mut self) {
        if let Some((_, timer)) = self.meter.timers.get(self.method) {
            timer.record(self.began.elapsed());
        }
    }
}

pin_project! {
    struct MeteredCall<F> {
        #[pin]
        future: F,
        _timer: CallTimer,
    }
}

impl<F: Future<Output = ()>> Future for MeteredCall<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().future.poll(cx)
    }
}
