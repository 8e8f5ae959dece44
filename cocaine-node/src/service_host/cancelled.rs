//! Calls that end with the connection of their caller.

use cocaine::{
    bind::ServiceSpec,
    server::{Call, Dispatch},
};

/// A service whose calls are cancelled when their caller has left. Its methods must have no effect that has to be completed.
#[derive(Debug)]
pub(crate) struct CancellableService<D>(pub(crate) D);

impl<D: Dispatch> Dispatch for CancellableService<D> {
    fn spec(&self) -> &'static ServiceSpec {
        self.0.spec()
    }

    fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<D> {
        let disconnected = call.disconnected();
        let running = self.0.invoke(call);
        async move {
            tokio::select! {
                biased;
                () = running => {}
                () = disconnected => {}
            }
        }
    }
}
