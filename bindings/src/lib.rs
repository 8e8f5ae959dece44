//! Typed bindings for the public services of the Cocaine cloud.
//!
//! ```no_run
//! use cocaine_bindings::{Storage, StorageClient};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cocaine::Result<()> {
//! let cloud = cocaine::Client::new("localhost:10053")?;
//! let storage: StorageClient = cloud.service().await?;
//! let manifest = storage.read("manifests", "echo").await?;
//! # let _ = manifest;
//! # Ok(())
//! # }
//! ```
//!
//! # Services
//!
//! For each service there is a trait to call and to implement, a client, and the serving side. The types that its
//! methods take and return are in a module of the service's name.
//!
//! | service | for callers | for servers | client | serving side |
//! |---|---|---|---|---|
//! | an app | [`App`] | [`AppServer`] | [`AppClient`] | [`ServeApp`] |
//! | `cache` | [`Cache`] | the same | [`CacheClient`] | [`ServeCache`] |
//! | `chrono` | [`Chrono`] | the same | [`ChronoClient`] | [`ServeChrono`] |
//! | `echo` | [`Echo`] | the same | [`EchoClient`] | [`ServeEcho`] |
//! | `elasticsearch` | [`Elasticsearch`] | the same | [`ElasticsearchClient`] | [`ServeElasticsearch`] |
//! | `geobase` | [`Geobase`] | the same | [`GeobaseClient`] | [`ServeGeobase`] |
//! | `graphite` | [`Graphite`] | the same | [`GraphiteClient`] | [`ServeGraphite`] |
//! | `isolate` | [`Isolate`] | [`IsolateServer`] | [`IsolateClient`] | [`ServeIsolate`] |
//! | `langdetect` | [`Langdetect`] | the same | [`LangdetectClient`] | [`ServeLangdetect`] |
//! | `locator` | [`Locator`] | [`LocatorServer`] | [`LocatorClient`] | [`ServeLocator`] |
//! | `logging` | [`Logging`] | the same | [`LoggingClient`] | [`ServeLogging`] |
//! | `logging::stream` | [`LoggingStream`] | the same | [`LoggingStreamClient`] | [`ServeLoggingStream`] |
//! | `logging::v2` | [`LoggingV2`] | [`LoggingV2Server`] | [`LoggingV2Client`] | [`ServeLoggingV2`] |
//! | `metrics` | [`Metrics`] | the same | [`MetricsClient`] | [`ServeMetrics`] |
//! | `node` | [`Node`] | [`NodeServer`] | [`NodeClient`] | [`ServeNode`] |
//! | `storage` | [`Storage`] | the same | [`StorageClient`] | [`ServeStorage`] |
//! | `tvm` | [`Tvm`] | the same | [`TvmClient`] | [`ServeTvm`] |
//! | `uatraits` | [`Uatraits`] | the same | [`UatraitsClient`] | [`ServeUatraits`] |
//! | `unicat` | [`Unicat`] | the same | [`UnicatClient`] | [`ServeUnicat`] |
//! | `unicorn` | [`Unicorn`] | the same | [`UnicornClient`] | [`ServeUnicorn`] |
//! | `uniresis` | [`Uniresis`] | the same | [`UniresisClient`] | [`ServeUniresis`] |
//! | `urlfetch` | [`Urlfetch`] | the same | [`UrlfetchClient`] | [`ServeUrlfetch`] |
//! | `vicodyn` | [`Vicodyn`] | the same | [`VicodynClient`] | [`ServeVicodyn`] |
//!
//! Little is known of `geobase`, `langdetect`, `tvm` and `uatraits`, which are closed source; their docs say what is
//! inferred. `elliptics`, which is obsolete, is left out: its first four methods are those of `storage`, whose client
//! can call them. What the methods do is described in `docs/services.md` of the repository.
//!
//! # Features
//!
//! `doubles` adds the module `doubles` with a double of each service for tests, such as `doubles::StorageDouble`: it
//! implements the trait for callers and answers as the test says.
//!
//! # Generated code
//!
//! `cocaine-codegen` writes the code from the committed `metadata.json`:
//!
//! ```text
//! cocaine-codegen generate --from bindings/metadata.json --out-dir bindings/src/services
//! cocaine-codegen generate --from bindings/metadata.json --doubles-of crate --out-dir bindings/src/doubles
//! ```

/// A double of each service, which tests call instead of a cloud (feature `doubles`).
#[cfg(feature = "doubles")]
#[rustfmt::skip]
pub mod doubles;
#[rustfmt::skip]
mod services;

pub use services::*;
