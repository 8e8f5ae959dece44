//! Addresses that are kept for one test.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// An address of this machine that no other process gets, as long as this lives. Connections to it are refused, unless the test
/// listens there.
#[derive(Debug)]
pub struct ReservedAddress {
    address: SocketAddr,
    // Bound, and not listening: a listener that shares addresses may be bound beside it.
    _socket: TcpSocket,
}

impl ReservedAddress {
    /// Reserves a free port of 127.0.0.1.
    ///
    /// # Panics
    /// If there is none.
    #[expect(clippy::new_without_default, reason = "it takes a port")]
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Self { address: socket.local_addr().unwrap(), _socket: socket }
    }

    /// Returns the address.
    pub fn get(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn reserved_address_refuses_until_somebody_listens() {
        let reserved = ReservedAddress::new();
        let refused = async || TcpStream::connect(reserved.get()).await.unwrap_err().kind();
        for _ in 0..2 {
            assert_eq!(refused().await, ErrorKind::ConnectionRefused);
            let listener = TcpListener::bind(reserved.get()).await.unwrap();
            TcpStream::connect(reserved.get()).await.unwrap();
            drop(listener);
        }
        assert_eq!(refused().await, ErrorKind::ConnectionRefused);
    }
}
