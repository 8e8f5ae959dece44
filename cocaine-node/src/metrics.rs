//! What a node counts of itself, and what is told of it. Where something is counted, nobody waits for a lock.
//!
//! ```text
//! board    the meters of the services that run
//! metered  a service whose connections and calls are counted
//! meter    counts, rates and times            rates    events per second
//! reading  what one of them says              query    which of them somebody asks for
//! ```

mod board;
mod meter;
mod metered;
mod query;
mod rates;
mod reading;

pub(crate) use self::{
    board::{Board, Ticking},
    meter::Timer,
    metered::Metered,
    query::Query,
    rates::Rates,
    reading::{Measured, Rate, Reading, Times, plain, tree},
};
