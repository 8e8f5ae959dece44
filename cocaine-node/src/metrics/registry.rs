//! The metrics of the running services.

use std::{
    collections::BTreeMap,
    ptr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Instant,
};

use cocaine::bind::{Dispatch, ServiceSpec};
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::{
    metered::{MeteredService, ServiceMetrics, ServiceTotals},
    rates::Rates,
    reading::Reading,
};

/// The metrics of the running services by name; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct MetricsRegistry(Arc<Mutex<BTreeMap<String, Weak<ServiceMetrics>>>>);

impl MetricsRegistry {
    /// Wraps a service so that it counts its calls. Its metrics are registered while the service exists. A service that
    /// restarts while its predecessor still has clients continues with the same metrics. One whose name belongs to
    /// another type of service is not registered.
    pub(crate) fn meter<D: Dispatch>(&self, name: &str, dispatch: D) -> MeteredService<D> {
        let spec = dispatch.spec();
        let mut meters = self.meters();
        meters.retain(|_, meter| meter.strong_count() > 0);
        let meter = match meters.get(name).and_then(Weak::upgrade) {
            Some(known) if ptr::eq(known.spec, spec) => known,
            taken => {
                let meter = Arc::new(ServiceMetrics::new(spec, Instant::now()));
                if taken.is_none() {
                    meters.insert(name.to_owned(), Arc::downgrade(&meter));
                }
                meter
            }
        };
        MeteredService { dispatch, meter }
    }

    /// Returns the metrics of the service `name`, if it is of this type.
    pub(crate) fn find(&self, name: &str, spec: &'static ServiceSpec) -> Option<Arc<ServiceMetrics>> {
        let known = self.meters().get(name).and_then(Weak::upgrade)?;
        ptr::eq(known.spec, spec).then_some(known)
    }

    /// Returns the readings of all services.
    pub(crate) fn read(&self, now: Instant) -> Vec<Reading> {
        let mut readings = Vec::new();
        for (name, meter) in self.live_services() {
            meter.read(&name, now, &mut readings);
        }
        readings
    }

    /// Returns the counts of all services.
    pub(crate) fn totals(&self) -> Vec<ServiceTotals> {
        let now = Instant::now();
        self.live_services().into_iter().map(|(name, meter)| meter.totals(name, now)).collect()
    }

    /// Starts a task that updates the rates until the returned handle is dropped.
    pub(crate) fn update_rates(&self) -> RateUpdater {
        let registry = self.clone();
        RateUpdater(tokio::spawn(async move {
            let mut ticks = interval(Rates::TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let now = Instant::now();
                registry.live_services().iter().for_each(|(_, meter)| meter.tick(now));
            }
        }))
    }

    fn live_services(&self) -> Vec<(String, Arc<ServiceMetrics>)> {
        let meters = self.meters();
        meters.iter().filter_map(|(name, meter)| Some((name.clone(), meter.upgrade()?))).collect()
    }

    fn meters(&self) -> MutexGuard<'_, BTreeMap<String, Weak<ServiceMetrics>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of [`MetricsRegistry::update_rates`].
#[derive(Debug)]
pub(crate) struct RateUpdater(JoinHandle<()>);

impl Drop for RateUpdater {
    fn drop(&mut self) {
        self.0.abort();
    }
}
