//! The metrics of a node. Counts and times are recorded without a lock.
//!
//! ```text
//! registry  the metrics of the running services
//! metered   a service that counts its connections and calls
//! events    the metrics of an app's events
//! meter timer distribution average rates      the instruments
//! reading   the values of a metric            query     the filter of a request
//! ```

mod average;
mod distribution;
mod events;
mod meter;
mod metered;
mod query;
mod rates;
mod reading;
mod registry;
mod timer;

pub(crate) use self::{
    events::EventMetrics,
    metered::{CallTimer, MeteredService, ServiceMetrics, ServiceTotals},
    query::Query,
    reading::{MetricValue, Reading, TimeStats, to_flat_map, to_nested_map},
    registry::{MetricsRegistry, RateUpdater},
};
