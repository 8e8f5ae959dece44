//! nginx and haproxy as proxies in front of the axum app.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// A proxy, with the settings that suit it best: connections to the app are kept, nothing is logged, and both cores are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// nginx, with two processes.
    Nginx,
    /// haproxy, with two threads.
    Haproxy,
}

/// A running proxy. Dropping this ends it.
pub struct Proxy {
    process: Child,
    _folder: TempDir,
}

impl ProxyKind {
    /// Returns the program, in one of the places where Debian has such programs; `None` if it is not there.
    pub fn program(self) -> Option<PathBuf> {
        let name = match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        };
        find_program(name)
    }

    /// Starts the proxy in front of `app`. Returns its address.
    pub fn start(self, app: SocketAddr) -> Result<(Proxy, SocketAddr)> {
        let program = self.program().with_context(|| format!("there is no {self:?}"))?;
        let folder = tempfile::tempdir()?;
        let address = free_address()?;
        let file = folder.path().join("proxy.conf");
        fs::write(&file, self.configuration(address, app, folder.path().display()))?;
        let mut command = Command::new(program);
        match self {
            Self::Nginx => command.arg("-c").arg(&file),
            Self::Haproxy => command.arg("-db").arg("-f").arg(&file),
        };
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null()).spawn()?;
        let mut proxy = Proxy { process, _folder: folder };
        proxy.wait_until_it_accepts(address)?;
        Ok((proxy, address))
    }

    fn configuration(self, address: SocketAddr, app: SocketAddr, folder: impl std::fmt::Display) -> String {
        match self {
            Self::Nginx => format!(
                "daemon off; worker_processes 2; pid {folder}/pid; error_log /dev/null crit;
                events {{ worker_connections 4096; }}
                http {{
                    access_log off; keepalive_requests 1000000000;
                    upstream app {{ server {app}; keepalive 1024; keepalive_requests 1000000000; }}
                    server {{
                        listen {address};
                        location / {{
                            proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection \"\";
                        }}
                    }}
                }}"
            ),
            Self::Haproxy => format!(
                "global\n  nbthread 2\n  maxconn 4096\ndefaults\n  mode http\n  timeout client 1m\n  timeout server 1m\n  \
                 timeout connect 5s\n  http-reuse always\nfrontend clients\n  bind {address}\n  default_backend app\nbackend \
                 app\n  server app {app}\n"
            ),
        }
    }
}

impl Proxy {
    fn wait_until_it_accepts(&mut self, address: SocketAddr) -> Result<()> {
        let start = Instant::now();
        while let Err(error) = TcpStream::connect(address) {
            if let Some(status) = self.process.try_wait()? {
                bail!("the proxy has ended: {status}");
            }
            if error.kind() != ErrorKind::ConnectionRefused || start.elapsed() > Duration::from_secs(10) {
                bail!("the proxy does not accept connections: {error}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx ends its processes at this signal; `kill` would leave them.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

/// Returns a program, in one of the places where Debian has such programs.
pub fn find_program(name: &str) -> Option<PathBuf> {
    ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"]
        .iter()
        .map(|folder| PathBuf::from(folder).join(name))
        .find(|path| path.exists())
}

/// Returns an address of the loopback interface that is free now.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
