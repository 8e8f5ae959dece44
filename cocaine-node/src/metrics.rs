//! What a node counts of itself, and what is told of it. Where something is counted, nobody waits for a lock.
//!
//! ```text
//! board    the meters of the services that run
//! metered  a service whose connections and calls are counted
//! events   an app whose events are counted
//! meter timer distribution average rates      what these count with
//! reading  what one of them says              query    which of them somebody asks for
//! ```

mod average;
mod board;
mod distribution;
mod events;
mod meter;
mod metered;
mod query;
mod rates;
mod reading;
mod timer;

pub(crate) use self::{
    board::{Board, Ticking},
    events::EventMetrics,
    metered::Metered,
    query::Query,
    reading::{Measured, Reading, plain, tree},
};
