//! The ports of the services and of the apps: pinned to a name, from a range, or any free one.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

use super::listen_hosts::BindError;

/// The ports that the services of a node may have; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServicePorts(Arc<PortPool>);

#[derive(Debug, Default)]
struct PortPool {
    pinned: BTreeMap<String, u16>,
    range: Option<RangeInclusive<u16>>,
    state: Mutex<State>,
    /// Notified when a port is free again.
    released: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The ports of the range that no service has: first those that none ever had, in their order, then those that have been
    /// free longest.
    free: VecDeque<u16>,
    /// How many ports of the range the services may have together.
    total: usize,
    pinned_in_use: BTreeSet<u16>,
}

/// A port that a service has. Dropping this makes it free for others.
#[derive(Debug)]
pub(crate) struct PortLease {
    ports: ServicePorts,
    port: u16,
    is_pinned: bool,
}

impl ServicePorts {
    /// How long a service waits for a port while others stop.
    const RELEASE_TIMEOUT: Duration = Duration::from_secs(5);

    /// Returns ports of which none in `reserved` is in the range.
    pub(crate) fn new(
        pinned: BTreeMap<String, u16>,
        range: Option<RangeInclusive<u16>>,
        reserved: &BTreeSet<u16>,
    ) -> Self {
        let is_free = |port: &u16| !reserved.contains(port) && !pinned.values().any(|pinned| pinned == port);
        let free: VecDeque<_> = range.clone().into_iter().flatten().filter(is_free).collect();
        let state = State { total: free.len(), free, pinned_in_use: BTreeSet::new() };
        let released = Notify::new();
        Self(Arc::new(PortPool { pinned, range, state: Mutex::new(state), released }))
    }

    /// Calls `bind` with a port for a service, and with further ones of the range while other programs have them. Port 0 is any
    /// free one.
    pub(crate) async fn bind<T, F>(
        &self,
        service: &str,
        bind: impl Fn(u16) -> F,
    ) -> Result<(T, Option<PortLease>), BindError>
    where
        F: Future<Output = Result<T, BindError>>,
    {
        if let Some(port) = self.0.pinned.get(service) {
            let lease = self.lease_pinned(service, *port).await?;
            let bound = bind(*port).await.map_err(|error| pinned_to(service, *port, error))?;
            return Ok((bound, Some(lease)));
        }
        let Some(range) = &self.0.range else { return Ok((bind(0).await?, None)) };
        let attempts = self.state().free.len().max(1);
        for _ in 0..attempts {
            let Some(port) = self.wait_for(|state| state.free.pop_front()).await else { break };
            let lease = PortLease { ports: self.clone(), port, is_pinned: false };
            match bind(port).await {
                Ok(bound) => return Ok((bound, Some(lease))),
                Err(error) if error.source.kind() == io::ErrorKind::AddrInUse => {
                    tracing::debug!(port, %error, "a port of network.shared is passed over");
                }
                Err(error) => return Err(error),
            }
        }
        Err(self.range_spent(range))
    }

    async fn lease_pinned(&self, service: &str, port: u16) -> Result<PortLease, BindError> {
        let leased = self.wait_for(|state| state.pinned_in_use.insert(port).then_some(port)).await;
        let lease = leased.map(|port| PortLease { ports: self.clone(), port, is_pinned: true });
        lease.ok_or_else(|| {
            let source = in_use("another service of this name has it".into());
            pinned_to(service, port, BindError { address: format!("port {port}"), source })
        })
    }

    /// Returns a port once there is one: a service that stops is about to give back its own.
    async fn wait_for(&self, lease: impl Fn(&mut State) -> Option<u16>) -> Option<u16> {
        let leased = timeout(Self::RELEASE_TIMEOUT, async {
            loop {
                let mut released = std::pin::pin!(self.0.released.notified());
                released.as_mut().enable();
                if let Some(port) = lease(&mut self.state()) {
                    return port;
                }
                released.await;
            }
        });
        leased.await.ok()
    }

    fn range_spent(&self, range: &RangeInclusive<u16>) -> BindError {
        let (free, total) = {
            let state = self.state();
            (state.free.len(), state.total)
        };
        let used = total - free;
        let text = format!(
            "no port is left: this node's services have {used} of {total}, and other programs {free}; each service and each \
             app needs one"
        );
        BindError {
            address: format!("network.shared = [{}, {}]", range.start(), range.end()),
            source: in_use(text),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PortLease {
    fn drop(&mut self) {
        let mut state = self.ports.state();
        if self.is_pinned {
            state.pinned_in_use.remove(&self.port);
        } else {
            state.free.push_back(self.port);
        }
        drop(state);
        self.ports.0.released.notify_waiters();
    }
}

fn in_use(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, text)
}

/// Adds the setting that asks for the port.
fn pinned_to(service: &str, port: u16, error: BindError) -> BindError {
    let text = format!("{} (network.pinned.{service} is {port})", error.source);
    BindError { source: io::Error::new(error.source.kind(), text), ..error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(pinned: &[(&str, u16)], range: RangeInclusive<u16>) -> ServicePorts {
        let pinned = pinned.iter().map(|(name, port)| ((*name).to_owned(), *port)).collect();
        ServicePorts::new(pinned, Some(range), &[8].into())
    }

    /// Binds nothing; `taken` are the ports of other programs.
    async fn bind(
        ports: &ServicePorts,
        service: &str,
        taken: &[u16],
    ) -> Result<(u16, Option<PortLease>), BindError> {
        let bind = |port| {
            let error = || BindError { address: format!("a:{port}"), source: in_use("taken".into()) };
            std::future::ready(if taken.contains(&port) { Err(error()) } else { Ok(port) })
        };
        ports.bind(service, bind).await
    }

    #[tokio::test(start_paused = true)]
    async fn released_port_is_used_again_last() {
        let ports = ports(&[("pinned", 6)], 5..=10);
        let (first, lease) = bind(&ports, "a", &[]).await.unwrap();
        assert_eq!((first, bind(&ports, "pinned", &[]).await.unwrap().0), (5, 6));
        drop(lease);
        let mut leases = Vec::new();
        for expected in [7, 9, 10, 5] {
            let (port, lease) = bind(&ports, "b", &[]).await.unwrap();
            leases.push(lease);
            assert_eq!(port, expected);
        }
        let spent = bind(&ports, "c", &[]).await.unwrap_err().to_string();
        assert!(
            spent.contains("network.shared = [5, 10]: no port is left: this node's services have 4 of 4")
        );
        let (bound, ()) = tokio::join!(bind(&ports, "c", &[]), async { drop(leases.remove(1)) });
        assert_eq!(bound.unwrap().0, 9, "it waits for the one of a service that stops");
    }

    #[tokio::test]
    async fn ports_of_other_programs_are_passed_over() {
        let ports = ports(&[], 5..=7);
        assert_eq!(bind(&ports, "a", &[5, 6]).await.unwrap().0, 7);
        let error = bind(&ports, "a", &[5, 6, 7]).await.unwrap_err().to_string();
        assert!(error.contains("have 0 of 3, and other programs 3"), "{error}");
        assert!(bind(&ports, "a", &[]).await.is_ok(), "they may be free later");
    }

    #[tokio::test(start_paused = true)]
    async fn pinned_port_waits_for_its_release() {
        let ports = ports(&[("a", 6)], 5..=7);
        let (_, lease) = bind(&ports, "a", &[]).await.unwrap();
        let refused = bind(&ports, "a", &[]).await.unwrap_err().to_string();
        assert!(refused.contains("another service of this name has it (network.pinned.a is 6)"), "{refused}");
        let (bound, ()) = tokio::join!(bind(&ports, "a", &[]), async { drop(lease) });
        assert_eq!(bound.unwrap().0, 6);
        let taken = bind(&ports, "a", &[6]).await.unwrap_err().to_string();
        assert_eq!(taken, "cannot listen on a:6: taken (network.pinned.a is 6)");
    }
}
