//! The server that the recorded `urlfetch` asked.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The headers that the recorded server sent with every answer.
const ALWAYS: &str = "Server: BaseHTTP/0.6 Python/3.11.7\r\nDate: Sun, 22 Nov 2026 11:21:49 GMT\r\n";

/// Listens, and returns the port and what serves there.
pub(crate) async fn start() -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(socket));
        }
    });
    (port, serving)
}

async fn serve(mut socket: TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let Ok(byte) = socket.read_u8().await else { return };
        request.push(byte);
    }
    let request = String::from_utf8(request).unwrap();
    let header = |name: &str| {
        let found = request.lines().filter_map(|line| line.split_once(": "));
        found
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .next()
            .unwrap_or("")
    };
    let (status, more, body) = match request.split(' ').nth(1).unwrap() {
        "/ok" => ("200 OK", "X-Srv: v\r\n", b"hello \xff".to_vec()),
        "/echo" => ("200 OK", "", format!("X={} C={}", header("x-test"), header("cookie")).into()),
        "/redir" => ("302 Found", "Location: /ok\r\n", Vec::new()),
        // Longer than anybody waits.
        "/slow" => return drop(socket.read_u8().await),
        _ => ("404 Not Found", "", b"not here".to_vec()),
    };
    let head = format!("HTTP/1.0 {status}\r\n{ALWAYS}{more}Content-Length: {}\r\n\r\n", body.len());
    socket.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
}
