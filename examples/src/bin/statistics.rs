//! An app with typed events that another app calls, and that calls this app in turn: see `shortener`.

use cocaine::{Bytes, Context, Result, Schema, Worker};
use cocaine_bindings::{Storage, StorageClient};
use examples::clients::{Shortener, ShortenerClient};
use serde::{Deserialize, Serialize};

/// The collection of `storage` that holds the clicks. A click is a key of its own, with its slug as tag, so that
/// workers can write at the same time.
const CLICKS: &str = "clicks";

/// How often a link was followed.
#[derive(Serialize, Deserialize, Schema)]
struct Clicks {
    /// What stands behind the slash.
    slug: String,
    /// Where the link leads.
    target: String,
    /// The number of clicks.
    count: u64,
}

struct Statistics;

#[cocaine::worker]
impl Statistics {
    /// Records a click.
    async fn record(&self, slug: String, context: Context) -> Result<()> {
        let storage: StorageClient = context.cloud().service().await?;
        let key = format!("{slug}.{:016x}", fastrand::u64(..));
        storage.write(CLICKS, &key, &Bytes::new(), Some(&[&slug])).await
    }

    /// Returns how often a link was followed.
    async fn clicks(&self, slug: String, context: Context) -> Result<Clicks> {
        let (storage, shortener) = context.cloud().services::<(StorageClient, ShortenerClient)>().await?;
        let link = shortener.link(&slug).await?;
        let count = storage.find(CLICKS, &[&slug]).await?.len() as u64;
        Ok(Clicks { slug, target: link.target, count })
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    Worker::from_args()?.serve(Statistics).await
}
