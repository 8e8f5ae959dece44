//! A limit on the arguments of a service's calls, which is checked before they are decoded.

use cocaine::{
    Error,
    bind::ServiceSpec,
    graph::TreeShape,
    server::{Call, Dispatch},
};
use futures_util::future::Either;

/// A service whose calls are refused if their arguments have too many bytes. Decoded arguments take a multiple of them.
#[derive(Debug)]
pub(crate) struct LimitedService<D> {
    dispatch: D,
    max_args_bytes: usize,
    /// Returns the error for arguments of this size.
    refuse: fn(usize) -> Error,
}

impl<D: Dispatch> LimitedService<D> {
    pub(crate) fn new(dispatch: D, max_args_bytes: usize, refuse: fn(usize) -> Error) -> Self {
        Self { dispatch, max_args_bytes, refuse }
    }
}

impl<D: Dispatch> Dispatch for LimitedService<D> {
    fn spec(&self) -> &'static ServiceSpec {
        self.dispatch.spec()
    }

    fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<D> {
        let bytes = call.args_len();
        if bytes <= self.max_args_bytes {
            return Either::Left(self.dispatch.invoke(call));
        }
        let error = (self.refuse)(bytes);
        let method = self.spec().methods.get(call.method());
        let is_mute = method.is_some_and(|method| method.upstream.tree().shape() == TreeShape::End);
        refuse(call, error, is_mute);
        Either::Right(std::future::ready(()))
    }
}

/// Answers a call with an error. A call without an answer is dropped, and the log says so.
fn refuse(call: Call, error: Error, is_mute: bool) {
    let peer = call.caller().peer().to_owned();
    let (_, responder) = call.split();
    if is_mute {
        tracing::warn!(peer, %error, "a call was dropped");
        responder.mute(Ok(()));
    } else {
        responder.primitive::<()>(Err(error));
    }
}
