//! One app in the cloud: what was found there, what replaces it, and how that is undone.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    time::Duration,
};

use cocaine::{Client, schema::AppSchema};
use cocaine_codegen::{AppDifference, compare_apps, difference_table};

use crate::{
    app_store::{AppStore, Manifest, Uploaded},
    environment::Environment,
    error::{Error, Result},
    node_apps::{NodeApps, Replacement},
    package::Package,
    schema,
};

/// How long a call may take. Packages are large.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);
/// How many of the versions are kept to go back to.
const NO_VERSIONS: usize = 0;
/// How long a program may take to print its schema.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(10);

/// The apps of a cloud.
pub(super) struct CloudApps {
    store: AppStore,
    node: NodeApps,
    /// The profiles that are there.
    profiles: RefCell<BTreeSet<String>>,
    has_told_of_stops: Cell<bool>,
}

/// What a session knows of an app in the cloud.
#[derive(Debug)]
pub(super) struct Deployment {
    pub(super) app: String,
    profile: String,
    /// What was there before the session changed it; `None` until then.
    found: Option<Found>,
    /// What is uploaded now.
    current: Uploaded,
    schema: Option<AppSchema>,
    /// Why there is no schema.
    no_schema: Option<String>,
    /// Whether a version of the session serves.
    pub(super) is_served: bool,
}

/// What was there before the session.
#[derive(Debug)]
struct Found {
    uploaded: Uploaded,
    /// The profile with which the app ran, if it did.
    profile: Option<String>,
}

/// What has become of a version.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Deployed {
    Started,
    /// It is what serves already.
    Unchanged,
}

impl Deployment {
    pub(super) fn new(app: &str, profile: &str) -> Self {
        Self {
            app: app.to_owned(),
            profile: profile.to_owned(),
            found: None,
            current: Uploaded::default(),
            schema: None,
            no_schema: None,
            is_served: false,
        }
    }

    /// Returns the profile of what serves: a version of the session, or what was found.
    pub(super) fn served_profile(&self) -> Option<&str> {
        let found = self.found.as_ref().and_then(|found| found.profile.as_deref());
        if self.is_served { Some(&self.profile) } else { found }
    }

    /// Returns the events that are HTTP requests.
    pub(super) fn http_events(&self) -> Vec<String> {
        let events = self.schema.iter().flat_map(|schema| &schema.events);
        let events = events.filter(|(_, event)| event.kind == cocaine::schema::EventKind::Http);
        events.map(|(name, _)| name.clone()).collect()
    }

    /// Reads the schema of a package, and says what breaks callers of the version before.
    async fn read_schema(
        &mut self,
        package: &Package,
        program: &str,
        note: &impl Fn(String),
    ) -> Result<Option<AppSchema>> {
        let Some(program) = package.local_program(program) else { return Ok(None) };
        match schema::describe(&program, package.local_folder(), DESCRIBE_TIMEOUT).await {
            Ok(schema) => {
                schema::check_limits(&schema)?;
                if let Some(former) = &self.schema {
                    warn_of_breaks(&self.app, former, &schema, note);
                }
                self.no_schema = None;
                Ok(Some(schema))
            }
            Err(reason) => {
                let text = format!("no schema: {}: {reason}", program.display());
                if self.no_schema.as_ref() != Some(&reason) {
                    note(text);
                }
                self.no_schema = Some(reason);
                Ok(None)
            }
        }
    }
}

/// Says which callers of the version before the new one breaks.
fn warn_of_breaks(app: &str, former: &AppSchema, new: &AppSchema, note: &impl Fn(String)) {
    let differences = compare_apps(app, former, new);
    let breaks: Vec<_> = differences.into_iter().filter(AppDifference::breaks_callers).collect();
    if !breaks.is_empty() {
        let table = difference_table(&breaks);
        note(format!("warning: this breaks callers of the version before:\n{}", table.trim_end()));
    }
}

impl CloudApps {
    pub(super) async fn connect(cloud: &Client, environment: &Environment) -> Result<Self> {
        let limit = environment.timeout_or(DEFAULT_TIMEOUT)?;
        let storage = environment.service(cloud).await?;
        Ok(Self {
            store: AppStore::new(&storage, limit),
            node: NodeApps::connect(cloud, environment, limit).await?,
            profiles: RefCell::default(),
            has_told_of_stops: Cell::new(false),
        })
    }

    /// Uploads a package, and puts it in the place of what serves. After an error, what served before goes on, and is what is
    /// uploaded.
    ///
    /// This is not to be cancelled.
    pub(super) async fn deploy(
        &self,
        deployment: &mut Deployment,
        package: Package,
        note: &impl Fn(String),
    ) -> Result<Deployed> {
        self.look_up(deployment).await?;
        let found = deployment.found.as_ref().and_then(|found| found.uploaded.manifest.clone());
        let program = package.program(found.as_ref().and_then(Manifest::program))?;
        let schema = deployment.read_schema(&package, &program, note).await?;
        let manifest = Manifest::new(found.as_ref(), &package.manifest, &program, schema.as_ref())?;
        let new = Uploaded { package: Some(package.blob), manifest: Some(manifest) };
        if deployment.is_served && new.is_same(&deployment.current) {
            return Ok(Deployed::Unchanged);
        }
        self.store.switch(&deployment.app, &deployment.current, &new, NO_VERSIONS).await?;
        let started = self.start(deployment, note).await;
        match started {
            Ok(()) => {
                (deployment.current, deployment.schema) = (new, schema);
                deployment.is_served = true;
                Ok(Deployed::Started)
            }
            Err(error) => {
                self.undo(deployment, &new, note).await;
                Err(error)
            }
        }
    }

    /// Finds out what is there before the first change.
    async fn look_up(&self, deployment: &mut Deployment) -> Result<()> {
        if deployment.found.is_some() {
            return Ok(());
        }
        let uploaded = self.store.uploaded_as_it_is(&deployment.app).await?;
        let info = self.node.info(&deployment.app).await?;
        let profile = info.as_ref().and_then(|info| info.profile()).map(str::to_owned);
        deployment.current = uploaded.clone();
        deployment.schema = uploaded.manifest.as_ref().and_then(|manifest| manifest.schema().ok().flatten());
        deployment.found = Some(Found { uploaded, profile });
        Ok(())
    }

    async fn start(&self, deployment: &Deployment, note: &impl Fn(String)) -> Result<()> {
        let Deployment { app, profile, .. } = deployment;
        if !self.profiles.borrow().contains(profile) {
            self.store.create_profile(profile).await?;
            self.profiles.borrow_mut().insert(profile.clone());
        }
        let replacement = self.node.replace(app, profile).await?;
        if replacement == Replacement::StoppedFirst && !self.has_told_of_stops.replace(true) {
            note("this node cannot replace an app that runs: it is stopped first, each time".to_owned());
        }
        Ok(())
    }

    /// Uploads again what serves, and starts it if a node that cannot replace apps has stopped it.
    async fn undo(&self, deployment: &mut Deployment, new: &Uploaded, note: &impl Fn(String)) {
        let Deployment { app, current, .. } = &*deployment;
        if let Err(error) = self.store.switch(app, new, current, NO_VERSIONS).await {
            note(format!("the version that cannot be started is still uploaded: {error}"));
            deployment.current = new.clone();
        }
        let Some(profile) = deployment.served_profile() else { return };
        let app = &deployment.app;
        let is_there = self.node.info(app).await.is_ok_and(|info| info.is_some());
        if !is_there && let Err(error) = self.node.start(app, profile).await {
            note(format!("the version before cannot be started again: {error}"));
            deployment.is_served = false;
        }
    }

    /// Leaves an app as it was found.
    pub(super) async fn restore(&self, deployment: &mut Deployment) -> Result<()> {
        let Some(found) = deployment.found.take() else { return Ok(()) };
        let app = &deployment.app;
        if found.profile.is_none() {
            self.node.stop(app).await?;
        }
        if !found.uploaded.is_same(&deployment.current) {
            if !self.store.uploaded_as_it_is(app).await?.is_same(&deployment.current) {
                return Err(Error::Failed(format!(
                    "somebody else has uploaded `{app}` meanwhile, which stays"
                )));
            }
            self.store.switch(app, &deployment.current, &found.uploaded, NO_VERSIONS).await?;
        }
        match found.profile {
            Some(profile) if deployment.is_served => self.node.replace(app, &profile).await.map(drop),
            _ => Ok(()),
        }
    }

    /// Stops an app, so that its node does not start it again.
    pub(super) async fn stop(&self, app: &str) -> Result<bool> {
        self.node.stop(app).await
    }

    /// Returns how many workers of the version that serves have crashed.
    pub(super) async fn crashed_workers(&self, app: &str) -> Option<u64> {
        self.node.info(app).await.ok()??.count("pool", "total:crashed")
    }
}
