//! An app with typed events: its links are structs, its errors have names, and another app calls it with what
//! `cocaine-codegen` writes (`examples/src/clients/shortener.rs`). It calls the app `statistics` in the same way.
//!
//! The tour uploads both. By hand, with a node in another terminal (`cargo run --bin cocaine-node`):
//! `cargo build --bin shortener`, `cargo run --bin cocaine -- app upload shortener --program target/debug/shortener --start`.

use std::fmt;

use cocaine::{AppError, Bytes, Context, Result, Schema, Stream, Worker, msgpack};
use cocaine_bindings::{Storage, StorageClient};
use examples::clients::{Statistics, StatisticsClient};
use futures_util::{TryStreamExt, stream};
use serde::{Deserialize, Serialize};

/// The collection of `storage` that holds the links.
const LINKS: &str = "links";
/// The tag of every link.
const TAG: &str = "link";

/// A short link.
#[derive(Serialize, Deserialize, Schema)]
struct Link {
    /// What stands behind the slash.
    slug: String,
    /// Where it leads.
    target: String,
    /// How many seconds it may be cached.
    #[serde(default)]
    ttl: Option<u32>,
}

/// Why there is no link.
#[derive(Debug, AppError)]
enum LinkError {
    /// No link has this slug.
    #[app_error(code = 1)]
    NotFound(String),
    /// The target is no URL.
    #[app_error(code = 2)]
    InvalidTarget(String),
    /// A service has failed.
    #[app_error(other)]
    Service(cocaine::Error),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(slug) => write!(f, "no link is called {slug:?}"),
            Self::InvalidTarget(target) => write!(f, "{target:?} does not begin with http:// or https://"),
            Self::Service(error) => error.fmt(f),
        }
    }
}

impl From<cocaine::Error> for LinkError {
    fn from(error: cocaine::Error) -> Self {
        Self::Service(error)
    }
}

struct Shortener;

#[cocaine::worker]
impl Shortener {
    /// Makes a short link.
    async fn shorten(&self, url: String, ttl: Option<u32>, context: Context) -> Result<Link, LinkError> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(LinkError::InvalidTarget(url));
        }
        let slug = slug(&url);
        let link = Link { slug, target: url, ttl };
        let storage: StorageClient = context.cloud().service().await?;
        let blob = Bytes::from(msgpack::to_vec(&link)?);
        storage.write(LINKS, &link.slug, &blob, Some(&[TAG])).await?;
        Ok(link)
    }

    /// Returns a link, and records the click.
    async fn follow(&self, slug: String, context: Context) -> Result<Link, LinkError> {
        let link = read(&slug, &context).await?;
        let statistics: StatisticsClient = context.cloud().service().await?;
        statistics.record(&slug).await?;
        Ok(link)
    }

    /// Returns a link.
    async fn link(&self, slug: String, context: Context) -> Result<Link, LinkError> {
        read(&slug, &context).await
    }

    /// Returns all links.
    async fn links(&self, context: Context) -> Result<impl Stream<Item = Result<Link, LinkError>> + use<>> {
        let storage: StorageClient = context.cloud().service().await?;
        let slugs = storage.find(LINKS, &[TAG]).await?;
        let links = stream::iter(slugs.into_iter().map(Ok));
        Ok(links.and_then(move |slug| {
            let context = context.clone();
            async move { read(&slug, &context).await }
        }))
    }
}

/// Returns the link of a slug.
async fn read(slug: &str, context: &Context) -> Result<Link, LinkError> {
    let storage: StorageClient = context.cloud().service().await?;
    match storage.read(LINKS, slug).await {
        Ok(blob) => Ok(msgpack::from_bytes(&blob)?),
        Err(error) if error.is_not_found() => Err(LinkError::NotFound(slug.to_owned())),
        Err(error) => Err(error.into()),
    }
}

/// Returns the slug of a URL: the same for the same one.
fn slug(url: &str) -> String {
    let hash = url.bytes().fold(5381_u32, |hash, byte| hash.wrapping_mul(33) ^ u32::from(byte));
    format!("{hash:08x}")
}

#[tokio::main]
async fn main() -> Result<()> {
    Worker::from_args()?.serve(Shortener).await
}
