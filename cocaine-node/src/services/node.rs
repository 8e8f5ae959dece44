//! The service `node`: starts, stops and inspects apps (`node.md` 6).

mod call_order;

use std::sync::Arc;

use cocaine::{Bytes, Receiver, ReplySender, Result, Sender, Value, bind::Caller};
use cocaine_bindings::NodeServer;

use self::call_order::{CallOrder, wait_for};
use crate::apps::{Apps, EventRequest, not_found};

/// The header of `start_app` whose value `1` replaces an app that runs (`node.md` 10.5).
const REPLACE: &str = "replace";

/// The service `node` for one caller.
#[derive(Debug)]
pub(crate) struct NodeService {
    apps: Apps,
    caller: Caller,
    order: Arc<CallOrder>,
}

impl NodeService {
    pub(crate) fn new(apps: Apps, caller: &Caller) -> Self {
        Self { apps, caller: caller.clone(), order: caller.connection_state() }
    }
}

impl NodeServer for NodeService {
    async fn start_app(&self, app: &str, profile: &str) -> Result<()> {
        let mut turn = self.order.enter(app);
        turn.wait().await;
        if self.caller.headers().get(REPLACE).is_some_and(|value| value.as_ref() == b"1") {
            return self.apps.replace(app, profile).await;
        }
        self.apps.start(app, profile).await
    }

    async fn pause_app(&self, app: &str) -> Result<()> {
        let mut turn = self.order.enter(app);
        turn.wait().await;
        self.apps.pause(app).await
    }

    async fn list(&self) -> Result<Value> {
        let _turn = wait_for(self.order.enter_behind_all()).await;
        Ok(Value::Array(self.apps.list().iter().map(|name| name.as_str().into()).collect()))
    }

    async fn info(&self, app: &str, flags: Option<u32>) -> Result<Value> {
        let _turn = wait_for(self.order.enter_behind(app)).await;
        self.apps.info(app, flags.unwrap_or_default())
    }

    async fn control(&self, app: &str, mut input: Receiver<i32>, output: ReplySender<()>) -> Result<()> {
        let turn = wait_for(self.order.enter_behind(app)).await;
        let overseer = self.apps.overseer(app).ok_or_else(|| not_found(app))?;
        drop(turn);
        // The events decide again, however the stream ends.
        let _ = overseer.follow_control(&mut input).await;
        output.abandon();
        Ok(())
    }

    async fn enqueue(
        &self,
        app: &str,
        event: &str,
        input: Receiver<Bytes>,
        output: Sender<Bytes>,
    ) -> Result<()> {
        let turn = wait_for(self.order.enter_behind(app)).await;
        if let Some(overseer) = self.apps.overseer(app) {
            drop(turn);
            return overseer.handle_event(EventRequest::new(event, &self.caller), input, output).await;
        }
        // Fails only if the client has left.
        let _ = output.fail(&not_found(app));
        Ok(())
    }
}
