//! `echo`: answers with its argument (`services.md` 12).

use cocaine::{Bytes, Result};
use cocaine_bindings::Echo;

/// The service, which has no state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EchoService;

impl Echo for EchoService {
    async fn ping(&self, message: &Bytes) -> Result<Bytes> {
        Ok(message.clone())
    }
}
