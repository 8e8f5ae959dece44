//! The meters of the services that run.

use std::{
    collections::BTreeMap,
    ptr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Instant,
};

use cocaine::bind::Dispatch;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::{
    metered::{Metered, ServiceMeter},
    rates::Rates,
    reading::Reading,
};

/// The meters of the services that run, by their names; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board(Arc<Mutex<BTreeMap<String, Weak<ServiceMeter>>>>);

impl Board {
    /// Returns the service with a meter, which is known as long as the service is there. A service that comes back
    /// while clients of the one before are still there goes on with its meter; one whose name is taken by a service of
    /// another kind is not known.
    pub(crate) fn meter<D: Dispatch>(&self, name: &str, dispatch: D) -> Metered<D> {
        let spec = dispatch.spec();
        let mut meters = self.meters();
        meters.retain(|_, meter| meter.strong_count() > 0);
        let meter = match meters.get(name).and_then(Weak::upgrade) {
            Some(known) if ptr::eq(known.spec, spec) => known,
            taken => {
                let meter = Arc::new(ServiceMeter::new(spec, Instant::now()));
                if taken.is_none() {
                    meters.insert(name.to_owned(), Arc::downgrade(&meter));
                }
                meter
            }
        };
        Metered { dispatch, meter }
    }

    /// Returns what there is to say of all services.
    pub(crate) fn read(&self, now: Instant) -> Vec<Reading> {
        let mut readings = Vec::new();
        for (name, meter) in self.alive() {
            meter.read(&name, now, &mut readings);
        }
        readings
    }

    /// Keeps the rates up to date until what is returned is dropped.
    pub(crate) fn keep_ticking(&self) -> Ticking {
        let board = self.clone();
        Ticking(tokio::spawn(async move {
            let mut ticks = interval(Rates::TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let now = Instant::now();
                board.alive().iter().for_each(|(_, meter)| meter.tick(now));
            }
        }))
    }

    fn alive(&self) -> Vec<(String, Arc<ServiceMeter>)> {
        let meters = self.meters();
        meters.iter().filter_map(|(name, meter)| Some((name.clone(), meter.upgrade()?))).collect()
    }

    fn meters(&self) -> MutexGuard<'_, BTreeMap<String, Weak<ServiceMeter>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task behind [`Board::keep_ticking`].
#[derive(Debug)]
pub(crate) struct Ticking(JoinHandle<()>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.abort();
    }
}
