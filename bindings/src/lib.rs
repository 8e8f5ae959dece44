//! Typed bindings for the services of the Cocaine cloud.
//!
//! For each service there is a trait to call and to implement, a client, and the serving side:
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
//! What is known of `geobase`, `langdetect`, `tvm` and `uatraits` is little, and inferred in part: their docs say which.
//! `elliptics`, which is obsolete, is left out: its first four methods are those of `storage`, whose client calls them.
//!
//! They are written by `cocaine-codegen` from `metadata.json`, with
//!
//! ```text
//! cocaine-codegen generate --from bindings/metadata.json --out-dir bindings/src/services
//! ```

#[rustfmt::skip]
mod services;

pub use services::*;
