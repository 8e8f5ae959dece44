//! Listening sockets, and what follows when a connection cannot be accepted.

use std::{io, net::SocketAddr, time::Duration};

use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpSocket, ToSocketAddrs, lookup_host},
    time::{Instant, sleep},
};

use super::idle::close_idle_connections;

/// The connections that may wait to be accepted. The kernel lowers the number to `net.core.somaxconn`.
const BACKLOG: u32 = 4096;

/// Listens on the first of the addresses that is free, with room for thousands of connections that wait to be accepted.
/// The address `[::]` serves clients of IPv4, too, whatever the default of the system is.
pub async fn listen(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
    listen_on(address, |socket| SockRef::from(socket).set_only_v6(false)).await
}

/// Listens like [`listen`], but an address of IPv6 serves clients of IPv6 alone: those of IPv4 may have a socket of their own
/// on the same port.
pub async fn listen_v6_only(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
    listen_on(address, |socket| SockRef::from(socket).set_only_v6(true)).await
}

async fn listen_on(
    address: impl ToSocketAddrs,
    set_versions: impl Fn(&TcpSocket) -> io::Result<()>,
) -> io::Result<TcpListener> {
    let mut result = Err(io::Error::new(io::ErrorKind::InvalidInput, "the name has no address"));
    for address in lookup_host(address).await? {
        result = open_listener(address, &set_versions);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn open_listener(
    address: SocketAddr,
    set_versions: &impl Fn(&TcpSocket) -> io::Result<()>,
) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        let socket = TcpSocket::new_v6()?;
        set_versions(&socket)?;
        socket
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Whether a listener can accept connections.
///
/// A change is logged once: failures come many times a second.
#[derive(Debug)]
pub struct AcceptStatus {
    /// The address of the listener.
    address: String,
    is_failing: bool,
    logged: Option<Instant>,
}

impl AcceptStatus {
    /// The pause after a failure to accept a connection, such as one for lack of file descriptors.
    const RETRY_DELAY: Duration = Duration::from_millis(100);
    /// The pause while connections that were closed give their descriptors back.
    const CLOSE_DELAY: Duration = Duration::from_millis(5);
    /// The time within which a listener that fails again is not reported again.
    const LOG_INTERVAL: Duration = Duration::from_secs(10);
    /// How many connections are closed at once to make room.
    const CLOSED_AT_ONCE: usize = 16;

    /// Returns the status of a new listener.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), is_failing: false, logged: None }
    }

    /// Records that a connection was accepted.
    pub fn record_success(&mut self) {
        if self.is_failing {
            tracing::info!(address = self.address, "connections are accepted again");
            (self.is_failing, self.logged) = (false, Some(Instant::now()));
        }
    }

    /// Records a failure, and waits until the next attempt is due. If descriptors have run out, connections that
    /// nobody has used yet are closed ([`IdleConnection`](super::IdleConnection)).
    pub async fn recover(&mut self, error: &io::Error) {
        if is_of_one_connection(error) {
            tracing::debug!(address = self.address, %error, "a connection has ended before it was accepted");
            return;
        }
        let is_due = self.logged.is_none_or(|logged| logged.elapsed() >= Self::LOG_INTERVAL);
        if !self.is_failing && is_due {
            tracing::warn!(
                address = self.address, %error,
                "no connection can be accepted; connections that were never used are closed if that helps"
            );
            (self.is_failing, self.logged) = (true, Some(Instant::now()));
        }
        let closed =
            if is_lack_of_descriptors(error) { close_idle_connections(Self::CLOSED_AT_ONCE) } else { 0 };
        sleep(if closed > 0 { Self::CLOSE_DELAY } else { Self::RETRY_DELAY }).await;
    }
}

/// Returns whether the next connection may well be accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

fn is_lack_of_descriptors(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

#[cfg(test)]
mod tests {
    use std::{
        fmt,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use super::*;

    /// Counts the events above `debug`.
    #[derive(Clone, Default)]
    struct EventCounter(Arc<AtomicUsize>);

    impl tracing::Subscriber for EventCounter {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            *metadata.level() <= tracing::Level::INFO
        }

        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }

        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

        fn event(&self, _: &tracing::Event<'_>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn enter(&self, _: &tracing::span::Id) {}

        fn exit(&self, _: &tracing::span::Id) {}
    }

    impl fmt::Debug for EventCounter {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("EventCounter")
        }
    }

    #[tokio::test(start_paused = true)]
    async fn change_of_state_is_logged_once() {
        let counter = EventCounter::default();
        let _guard = tracing::subscriber::set_default(counter.clone());
        let logged = || counter.0.swap(0, Ordering::Relaxed);
        let (mut status, error) = (AcceptStatus::new("here"), io::Error::from_raw_os_error(24));
        status.record_success();
        assert_eq!(logged(), 0);
        for _ in 0..1000 {
            status.recover(&error).await;
        }
        assert_eq!(logged(), 1, "it cannot accept");
        (0..1000).for_each(|_| status.record_success());
        assert_eq!(logged(), 1, "it can again");
        for _ in 0..20 {
            status.recover(&error).await;
            status.record_success();
        }
        assert_eq!(logged(), 0, "a listener that wavers is not logged each time");
        tokio::time::advance(AcceptStatus::LOG_INTERVAL).await;
        status.recover(&error).await;
        assert_eq!(logged(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn aborted_connection_does_not_delay_the_next() {
        let start = Instant::now();
        let aborted = io::ErrorKind::ConnectionAborted.into();
        AcceptStatus::new("here").recover(&aborted).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test]
    async fn burst_of_connections_waits_to_be_accepted() {
        let listener = listen("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let somaxconn = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
        let burst = somaxconn.trim().parse::<usize>().unwrap().min(400);
        let mut connected = Vec::new();
        for _ in 0..burst {
            // Each connection is made while nobody accepts.
            let connecting = tokio::net::TcpStream::connect(address);
            connected
                .push(tokio::time::timeout(Duration::from_millis(900), connecting).await.unwrap().unwrap());
        }
        assert_eq!(connected.len(), burst);
    }
}
