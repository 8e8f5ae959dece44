//! The apps of a node: which run, with which profile, and what they do.

use std::{collections::BTreeMap, time::Duration};

use cocaine::{Client, Code, ServiceClient as _, Value};
use cocaine_bindings::{Node as _, NodeClient};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    environment::Environment,
    error::{Error, Result},
};

/// The flag of `info` that asks for all counts (`node.md` 6.1).
const WITH_REPORT: u32 = 1;
/// How many apps are asked for at the same time.
const MAX_CALLS: usize = 32;
/// The header with which `start_app` of an embedded node replaces an app that runs (`node.md` 10.5).
const REPLACE: &str = "replace";

/// What nodes say of an app that they do not have. That the service is not available, as while a node starts, is another error.
const ABSENT: [Code; 3] = [Code::INVALID_VALUE, Code::NOT_RUNNING, Code::NOT_FOUND];

/// The service `node`.
#[derive(Clone, Debug)]
pub(crate) struct NodeApps(NodeClient);

/// How an app was put in the place of what ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replacement {
    /// Without an outage.
    Seamless,
    /// The node knows no replacement: the app was stopped first.
    StoppedFirst,
}

/// What the node says of an app.
#[derive(Clone, Debug)]
pub(crate) struct AppInfo(pub(crate) Value);

impl NodeApps {
    pub(crate) async fn connect(cloud: &Client, environment: &Environment, limit: Duration) -> Result<Self> {
        let node: NodeClient = environment.service(cloud).await?;
        Ok(Self(node.with_deadline(limit)))
    }

    /// Connects to the node, and shows nothing meanwhile.
    pub(crate) async fn connect_silently(cloud: &Client, limit: Duration) -> Result<Self> {
        let node: NodeClient =
            cloud.service().await.map_err(Error::while_doing("the service `node` cannot be reached"))?;
        Ok(Self(node.with_deadline(limit)))
    }

    /// Returns the names of the apps that the node has, sorted. They may be stopped by an error.
    pub(crate) async fn names(&self) -> Result<Vec<String>> {
        let names = self.0.list().await.map_err(Error::while_doing("the node does not list its apps"))?;
        let names = names.as_array().unwrap_or_default();
        Ok(names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Returns what the node says of an app; `None` if it does not have it.
    pub(crate) async fn info(&self, app: &str) -> Result<Option<AppInfo>> {
        match self.0.info(app, Some(WITH_REPORT)).await {
            Err(error) if error.code().is_some_and(|code| ABSENT.contains(&code)) => Ok(None),
            info => {
                let failed = Error::while_doing(format!("the node says nothing of `{app}`"));
                info.map(|info| Some(AppInfo(info))).map_err(failed)
            }
        }
    }

    /// Returns what the node says of its apps. One that ends meanwhile is left out.
    pub(crate) async fn all(&self) -> Result<BTreeMap<String, AppInfo>> {
        let calls = self.names().await?.into_iter().map(|name| async {
            let info = self.info(&name).await?;
            Ok(info.map(|info| (name, info)))
        });
        let infos = stream::iter(calls).buffer_unordered(MAX_CALLS);
        infos.try_filter_map(|info| async { Ok(info) }).try_collect().await
    }

    /// Returns what the node says of each of its apps, or why it does not. One that ends meanwhile is left out.
    pub(crate) async fn each(&self) -> Result<BTreeMap<String, Result<AppInfo>>> {
        let calls = self.names().await?.into_iter().map(|name| async {
            let info = self.info(&name).await.transpose();
            info.map(|info| (name, info))
        });
        Ok(stream::iter(calls).buffer_unordered(MAX_CALLS).filter_map(|info| async { info }).collect().await)
    }

    /// Starts an app.
    pub(crate) async fn start(&self, app: &str, profile: &str) -> Result<()> {
        let failed = || format!("`{app}` cannot be started with the profile `{profile}`");
        match self.0.start_app(app, profile).await {
            Err(error) if error.code() == Some(Code::ALREADY_STARTED) => Err(Error::Failed(format!(
                "`{app}` is started already ({error}): `cocaine app restart {app}` starts it again"
            ))),
            started => started.map_err(Error::while_doing(failed())),
        }
    }

    /// Stops an app, and returns whether the node had it.
    pub(crate) async fn stop(&self, app: &str) -> Result<bool> {
        match self.0.pause_app(app).await {
            Err(error) if error.code() == Some(Code::NOT_RUNNING) => Ok(false),
            stopped => {
                stopped.map(|()| true).map_err(Error::while_doing(format!("`{app}` cannot be stopped")))
            }
        }
    }

    /// Starts an app, or puts what is uploaded in the place of what runs.
    pub(crate) async fn replace(&self, app: &str, profile: &str) -> Result<Replacement> {
        let failed = |state: &str| {
            let what = format!("`{app}` cannot be started with the profile `{profile}`, and {state}");
            Error::while_doing(what)
        };
        match self.0.with_header(REPLACE, "1").start_app(app, profile).await {
            Err(error) if error.code() == Some(Code::ALREADY_STARTED) => {}
            started => {
                return started.map(|()| Replacement::Seamless).map_err(failed("is as it was before"));
            }
        }
        self.stop(app).await?;
        let started = self.0.start_app(app, profile).await;
        started.map(|()| Replacement::StoppedFirst).map_err(failed("is stopped now"))
    }
}

impl AppInfo {
    pub(crate) fn state(&self) -> &str {
        self.0.get("state").and_then(Value::as_str).unwrap_or("unknown")
    }

    /// Returns the name of the profile.
    pub(crate) fn profile(&self) -> Option<&str> {
        self.0.get("profile")?.get("name")?.as_str()
    }

    /// Returns how many workers there are.
    pub(crate) fn workers(&self) -> Option<u64> {
        let slaves = self.0.get("pool")?.get("slaves")?.as_map()?;
        u64::try_from(slaves.len()).ok()
    }

    /// Returns how many events the workers have.
    pub(crate) fn load(&self) -> Option<u64> {
        self.0.get("load")?.as_u64()
    }

    /// Returns for how many seconds the app has run.
    pub(crate) fn uptime(&self) -> Option<u64> {
        self.0.get("uptime")?.as_u64()
    }

    /// Returns how many events a second were accepted during the last minute.
    pub(crate) fn rate(&self) -> Option<f64> {
        float(self.0.get("rate")?.as_array()?.first()?)
    }

    /// Returns within how many milliseconds a share of the events, such as `99.00%`, was handled.
    pub(crate) fn timing(&self, share: &str) -> Option<f64> {
        float(self.0.get("timings")?.get(share)?)
    }

    /// Returns a number of the report, such as `queue`, `depth`.
    pub(crate) fn count(&self, section: &str, name: &str) -> Option<u64> {
        self.0.get(section)?.get(name)?.as_u64()
    }
}

fn float(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.is_finite())
}
