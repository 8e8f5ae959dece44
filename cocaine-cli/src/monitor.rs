//! What the apps of a node do, sampled again and again.

mod activity;
mod screen;
mod sort;

use std::time::Duration;

use cocaine::Client;
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use crate::{error::Result, node_apps::NodeApps};

pub(crate) use activity::{Activity, Counters};
pub(crate) use screen::{AppScreen, ScreenKey};
pub(crate) use sort::SortKey;

/// What the apps of a node do at one time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    /// In UTC.
    pub(crate) time: String,
    pub(crate) apps: Vec<Activity>,
}

/// Takes samples of a node. One that is restarted is found again.
#[derive(Debug)]
pub(crate) struct Sampler {
    cloud: Client,
    /// How long a call may take.
    limit: Duration,
    node: Option<NodeApps>,
    counters: Counters,
}

impl Sampler {
    pub(crate) fn new(cloud: Client, limit: Duration) -> Self {
        Self { cloud, limit, node: None, counters: Counters::default() }
    }

    /// Takes a sample.
    pub(crate) async fn sample(&mut self) -> Result<Sample> {
        let sampled = self.ask().await;
        if sampled.is_err() {
            // The next one looks for the node anew, and counts from its own counts on.
            self.node = None;
            self.counters = Counters::default();
        }
        sampled
    }

    async fn ask(&mut self) -> Result<Sample> {
        let node = match self.node.take() {
            Some(node) => node,
            None => NodeApps::connect_silently(&self.cloud, self.limit).await?,
        };
        let infos = self.node.insert(node).each().await?;
        let apps = self.counters.activities(Instant::now().into_std(), &infos);
        Ok(Sample { time: format!("{:.3}", Timestamp::now()), apps })
    }
}
