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
//! | `geobase` | [`Geobase`] | the same | [`GeobaseClient`] | [`ServeGeobase`] |
//! | `locator` | [`Locator`] | [`LocatorServer`] | [`LocatorClient`] | [`ServeLocator`] |
//! | `logging` | [`Logging`] | the same | [`LoggingClient`] | [`ServeLogging`] |
//! | `logging::v2` | [`LoggingV2`] | [`LoggingV2Server`] | [`LoggingV2Client`] | [`ServeLoggingV2`] |
//! | `metrics` | [`Metrics`] | the same | [`MetricsClient`] | [`ServeMetrics`] |
//! | `node` | [`Node`] | [`NodeServer`] | [`NodeClient`] | [`ServeNode`] |
//! | `storage` | [`Storage`] | the same | [`StorageClient`] | [`ServeStorage`] |
//! | `unicorn` | [`Unicorn`] | the same | [`UnicornClient`] | [`ServeUnicorn`] |
//! | `uniresis` | [`Uniresis`] | the same | [`UniresisClient`] | [`ServeUniresis`] |
//! | `urlfetch` | [`Urlfetch`] | the same | [`UrlfetchClient`] | [`ServeUrlfetch`] |
//!
//! They are written by `cocaine-codegen` from `metadata.json`, with
//!
//! ```text
//! cocaine-codegen generate --from bindings/metadata.json --out-dir bindings/src/services
//! ```

#[rustfmt::skip]
mod services;

pub use services::*;
