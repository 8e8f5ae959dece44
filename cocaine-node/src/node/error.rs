//! Why a node does not start.

use std::io;

use crate::{
    apps::FolderError,
    config::ConfigError,
    gateway::GatewayError,
    services::geobase::GeobaseError,
    store::{OpenError, StoreError},
};

/// An error while a node starts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The stored data cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A service cannot listen on its address.
    #[error("{service} cannot listen on {address}: {source}")]
    Listen {
        /// The service.
        service: &'static str,
        /// The address.
        address: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The folders of the apps cannot be used.
    #[error("{0}")]
    Folders(String),
    /// The thread that starts workers cannot be started.
    #[error("the thread that starts workers cannot be started: {0}")]
    Spawner(io::Error),
    /// The log cannot be started.
    #[error("the log cannot be started: {0}")]
    Log(io::Error),
    /// The HTTP gateway cannot start.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The database of regions cannot be used.
    #[error(transparent)]
    Geobase(#[from] GeobaseError),
}

impl From<FolderError> for StartError {
    fn from(error: FolderError) -> Self {
        Self::Folders(error.to_string())
    }
}
