//! The service of an app (`node.md` 5.1, 6).

use cocaine::{
    Bytes, Code, Error, Receiver, ReplySender, Result, Sender, Value,
    bind::Caller,
    schema::{HASH_HEADER, MANIFEST_KEY},
    server::{BODY_HEADER, BODY_KEY},
};
use cocaine_bindings::AppServer;

use super::{
    current_overseer::CurrentOverseer,
    errors,
    event::request::EventRequest,
    report::info::{self, InfoFlags},
};

/// The service of an app for one caller.
#[derive(Debug)]
pub(super) struct AppService {
    overseer: CurrentOverseer,
    caller: Caller,
}

impl AppService {
    pub(super) fn new(overseer: CurrentOverseer, caller: &Caller) -> Self {
        Self { overseer, caller: caller.clone() }
    }
}

impl AppServer for AppService {
    fn enqueue(
        &self,
        event: &str,
        _tag: Option<&str>,
        input: Receiver<Bytes>,
        output: Sender<Bytes>,
    ) -> impl Future<Output = Result<()>> + Send {
        // Boxed because the future is large, and the server moves it.
        let overseer = self.overseer.load();
        let request = EventRequest::new(event, &self.caller);
        Box::pin(async move { overseer.handle_event(request, input, output).await })
    }

    async fn info(&self) -> Result<Value> {
        let overseer = self.overseer.load();
        if overseer.is_stopped() {
            return Err(errors::stopped());
        }
        // Only a gateway of this project asks for it.
        if self.caller.headers().get(BODY_HEADER).is_some() {
            return Ok(Value::Map(vec![(BODY_KEY.into(), true.into())]));
        }
        // Only a gateway of this project asks for it, too: with the schema, which may be large and nested deeply, as a blob.
        if self.caller.headers().get(HASH_HEADER).is_some() {
            let schema = overseer.config().manifest.schema_blob()?;
            return Ok(Value::Map(vec![(MANIFEST_KEY.into(), schema.into())]));
        }
        Ok(info::running(&overseer, InfoFlags::REPORT, None))
    }

    /// A client that ends the stream other than by revoking it, or by leaving, loses its connection (`node.md` 6).
    async fn control(&self, mut input: Receiver<i32>, output: ReplySender<()>) -> Result<()> {
        let ended = self.overseer.follow_control(&mut input).await;
        output.abandon();
        match ended {
            Some(error) if error.code().is_none() => Ok(()),
            Some(error) => Err(error),
            None => Err(Error::service(Code::SLOT_NOT_FOUND, "control has no end of its own")),
        }
    }
}
