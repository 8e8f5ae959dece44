//! How an app gets into a cloud.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    pin::Pin,
    time::Duration,
};

use cocaine::{Bytes, Client, Value, msgpack};
use cocaine_bindings::{AppClient, Node, NodeClient, Storage, StorageClient};
use serde::Serialize;

use crate::{app::App, error::Error, output::WorkerOutput};

/// A tar archive without files: the program is where it was built.
const EMPTY_PACKAGE: &[u8] = &[0; 1024];
/// The program of an app whose workers run in this process.
const NO_PROGRAM: &str = "(in the process of the test)";

/// What deploys apps.
#[derive(Debug)]
pub(crate) struct Deployer {
    pub(crate) client: Client,
    pub(crate) storage: StorageClient,
    pub(crate) apps: NodeClient,
    pub(crate) output: WorkerOutput,
    pub(crate) timeout: Duration,
}

/// An app that is stored and started when this is awaited. Its former version is stopped first, if it runs.
#[derive(Debug)]
#[must_use = "an app is deployed when this is awaited"]
pub struct Deployment<'a> {
    deployer: &'a Deployer,
    app: String,
    program: Option<PathBuf>,
    environment: BTreeMap<String, String>,
    profile: BTreeMap<String, Value>,
}

impl<'a> Deployment<'a> {
    pub(crate) fn new(deployer: &'a Deployer, app: String, program: Option<PathBuf>) -> Self {
        Self { deployer, app, program, environment: BTreeMap::new(), profile: BTreeMap::new() }
    }

    /// Adds a variable to the environment of a program, which otherwise has the test's.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Sets a key of the profile, such as `pool-limit`.
    pub fn profile(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.profile.insert(key.into(), value.into());
        self
    }

    async fn deploy(self) -> Result<App, Error> {
        let Self { deployer, app, program, environment, profile } = self;
        let slave = match program {
            Some(path) => absolute(&app, &path)?,
            None => NO_PROGRAM.into(),
        };
        let slave = slave.to_str().ok_or_else(|| {
            let source = std::io::Error::new(std::io::ErrorKind::InvalidInput, "the path is not UTF-8");
            Error::Program { app: app.clone(), path: slave.clone(), source }
        })?;
        let environment = environment.into_iter().map(|(name, value)| (name.into(), value.into()));
        let manifest = Value::Map(vec![
            ("slave".into(), slave.into()),
            ("environment".into(), Value::Map(environment.collect())),
        ]);
        let deployed = async {
            deployer.store("manifests", &app, &manifest, "app").await?;
            deployer.store("profiles", &app, &profile, "profile").await?;
            deployer.store("apps", &app, &Bytes::from(EMPTY_PACKAGE), "app").await?;
            match deployer.apps.pause_app(&app).await {
                Err(error) if error.code() != Some(cocaine::Code::NOT_RUNNING) => return Err(error),
                _ => {}
            }
            deployer.apps.start_app(&app, &app).await?;
            deployer.client.service_named::<AppClient>(&app).await
        };
        let client = deployed.await.map_err(Error::of(format!("the app `{app}` cannot be deployed")))?;
        Ok(App::new(app, client, deployer.output.clone(), deployer.timeout))
    }
}

impl<'a> IntoFuture for Deployment<'a> {
    type Output = Result<App, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.deploy())
    }
}

/// Returns the absolute path of a program.
fn absolute(app: &str, path: &Path) -> Result<PathBuf, Error> {
    fs::canonicalize(path).map_err(|source| Error::Program { app: app.into(), path: path.into(), source })
}

impl Deployer {
    async fn store(
        &self,
        collection: &str,
        key: &str,
        value: &impl Serialize,
        tag: &str,
    ) -> cocaine::Result<()> {
        let blob = Bytes::from(msgpack::to_vec(value)?);
        self.storage.write(collection, key, &blob, Some(&[tag])).await
    }
}
