//! The cloud of a session: the one that is named, the one of this machine, or a node that is started for it.

use std::{future::pending, time::Duration};

use cocaine::Client;
use cocaine_bindings::StorageClient;
use tokio::time::timeout;

use super::{super::own_node::OwnNode, Project, RunOptions, Screen};
use crate::{
    environment::Environment,
    error::{Error, Result},
};

/// How long a node of this machine may take to answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// The cloud of a session.
pub(super) struct Cloud {
    pub(super) environment: Environment,
    pub(super) client: Client,
    pub(super) node: Option<OwnNode>,
    has_node_ended: bool,
}

impl Cloud {
    /// Returns the cloud that the options name. Where none is named and this machine has none, a node is started.
    pub(super) async fn open(
        project: &Project,
        options: &RunOptions,
        environment: &Environment,
        screen: &Screen,
    ) -> Result<Self> {
        if !options.own_node && (environment.names_cloud()? || is_answering(environment).await?) {
            let (environment, client) = (environment.clone(), environment.cloud()?);
            screen.note(None, &format!("the cloud is that at {}", environment.locators()?.join(", ")));
            return Ok(Self { environment, client, node: None, has_node_ended: false });
        }
        let node = OwnNode::start(&project.state_folder, &options.http).await?;
        let environment = environment.with_locator(&node.locator);
        let client = environment.cloud()?;
        screen
            .note(None, &format!("a node is started, with its data and its log in {}", node.data.display()));
        screen.note(None, &format!("for other commands: export COCAINE_LOCATOR={}", node.locator));
        if let Some(http) = &node.http {
            screen.note(None, &format!("HTTP: http://{http}/"));
        }
        Ok(Self { environment, client, node: Some(node), has_node_ended: false })
    }

    /// Waits until the node of the session ends by itself.
    pub(super) async fn node_ended(&mut self) -> Error {
        match &mut self.node {
            Some(node) => {
                let error = node.ended().await;
                self.has_node_ended = true;
                error
            }
            None => pending().await,
        }
    }

    pub(super) fn has_node_ended(&self) -> bool {
        self.has_node_ended
    }

    pub(super) async fn stop(&mut self) {
        if let Some(node) = &mut self.node {
            node.stop().await;
        }
    }

    pub(super) fn kill(&self) {
        if let Some(node) = &self.node {
            node.kill();
        }
    }
}

/// Returns whether there is a cloud at the usual address.
async fn is_answering(environment: &Environment) -> Result<bool> {
    let client = environment.cloud()?;
    let storage = timeout(PROBE_TIMEOUT, environment.service::<StorageClient>(&client)).await;
    Ok(storage.is_ok_and(|storage| storage.is_ok()))
}
