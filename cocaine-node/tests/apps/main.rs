//! Apps on a node, with real worker processes.

mod cloud;
mod deploy;
mod events;
mod faults;
mod lifecycle;
mod listen;
mod local_events;
mod metrics;
mod order;
mod program;
mod revoked;
mod schemas;
mod site;
mod stop;
mod uploads;
mod worker;
