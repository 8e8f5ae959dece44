//! Typed bindings for the services of the Cocaine cloud.
//!
//! For each service there is a trait to call and to implement, a client, and the serving side:
//!
//! | service | for callers | for servers | client | serving side |
//! |---|---|---|---|---|
//! | an app | [`App`] | [`AppServer`] | [`AppClient`] | [`ServeApp`] |
//! | `locator` | [`Locator`] | [`LocatorServer`] | [`LocatorClient`] | [`ServeLocator`] |
//! | `logging` | [`Logging`] | the same | [`LoggingClient`] | [`ServeLogging`] |
//! | `node` | [`Node`] | [`NodeServer`] | [`NodeClient`] | [`ServeNode`] |
//! | `storage` | [`Storage`] | the same | [`StorageClient`] | [`ServeStorage`] |
//!
//! They are written by `cocaine-codegen` from `metadata.json`, with
//!
//! ```text
//! cocaine-codegen generate --from bindings/metadata.json --out-dir bindings/src/services
//! ```

#[rustfmt::skip]
mod services;

pub use services::*;
