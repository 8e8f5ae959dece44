//! Addresses that are kept for one test.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
};

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

/// Consecutive ports of this machine that no other process gets, as long as this lives. Tests may listen on them.
#[derive(Debug)]
pub struct ReservedPorts {
    ports: RangeInclusive<u16>,
    // As that of a reserved address.
    _sockets: Vec<TcpSocket>,
}

impl ReservedPorts {
    /// Reserves as many ports of all IPv4 addresses.
    ///
    /// # Panics
    /// If so many are not free side by side.
    pub fn new(count: u16) -> Self {
        let reserved = (0..1000).find_map(|_| Self::try_new(count).ok());
        reserved.expect("consecutive free ports")
    }

    fn try_new(count: u16) -> io::Result<Self> {
        let first = reserve_port(0)?;
        let port = first.local_addr()?.port();
        let last = port.checked_add(count - 1).ok_or(io::ErrorKind::AddrNotAvailable)?;
        let mut sockets = vec![first];
        for port in port + 1..=last {
            sockets.push(reserve_port(port)?);
        }
        Ok(Self { ports: port..=last, _sockets: sockets })
    }

    /// Returns the ports.
    pub fn range(&self) -> RangeInclusive<u16> {
        self.ports.clone()
    }
}

/// Reserves a port that nobody else has reserved: sharing is allowed only afterwards.
fn reserve_port(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::UNSPECIFIED, port).into())?;
    socket.set_reuseaddr(true)?;
    Ok(socket)
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
    #[tokio::test]
    async fn reserved_ports_can_be_listened_on() {
        let (reserved, others) = (ReservedPorts::new(3), ReservedPorts::new(3));
        assert!(reserved.range().all(|port| !others.range().contains(&port)));
        for port in reserved.range() {
            TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        }
    }
}
