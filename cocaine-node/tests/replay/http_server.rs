//! The HTTP server that the recorded `urlfetch` sent its requests to.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The headers of every response of the recorded server.
const COMMON_HEADERS: &str = "Server: BaseHTTP/0.6 Python/3.11.7\r\nDate: Sun, 22 Nov 2026 11:21:49 GMT\r\n";

/// Starts the server. Returns its port and its task.
pub(crate) async fn start() -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(socket));
        }
    });
    (port, task)
}

async fn serve(mut socket: TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let Ok(byte) = socket.read_u8().await else { return };
        request.push(byte);
    }
    let request = String::from_utf8(request).unwrap();
    let header = |name: &str| {
        let headers = request.lines().filter_map(|line| line.split_once(": "));
        headers
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .next()
            .unwrap_or("")
    };
    let (status, headers, body) = match request.split(' ').nth(1).unwrap() {
        "/ok" => ("200 OK", "X-Srv: v\r\n", b"hello \xff".to_vec()),
        "/echo" => ("200 OK", "", format!("X={} C={}", header("x-test"), header("cookie")).into()),
        "/redir" => ("302 Found", "Location: /ok\r\n", Vec::new()),
        // Never answered: the client gives up first.
        "/slow" => return drop(socket.read_u8().await),
        _ => ("404 Not Found", "", b"not here".to_vec()),
    };
    let head =
        format!("HTTP/1.0 {status}\r\n{COMMON_HEADERS}{headers}Content-Length: {}\r\n\r\n", body.len());
    socket.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
}
