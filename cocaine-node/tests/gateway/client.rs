//! A client that sends exact bytes, and accepts only responses that are exactly HTTP.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long any step may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A response, as a strict client understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) version: String,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body is delimited by the end of the connection.
    pub(crate) until_end: bool,
}

impl Response {
    /// Returns the values of a header.
    pub(crate) fn header_values(&self, name: &str) -> Vec<&[u8]> {
        let named = self.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice()).collect()
    }

    /// Returns the one value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.header_values(name);
        assert!(values.len() < 2, "{name} is repeated: {self:?}");
        values.first().map(|value| std::str::from_utf8(value).unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A parsed value and the bytes that follow it, or `None` if it is incomplete. The error says how HTTP is violated.
type Parsed<'a, T> = Result<Option<(T, &'a [u8])>, String>;

/// Parses the response at the beginning of `bytes`, to a request with this method and version. Returns it with the bytes
/// that follow it, or `None` if it is incomplete.
///
/// # Errors
/// A violation of HTTP.
pub(crate) fn parse<'a>(bytes: &'a [u8], method: &str, http_10: bool, ended: bool) -> Parsed<'a, Response> {
    let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else { return Ok(None) };
    let (head, rest) = (&bytes[..end], &bytes[end + 4..]);
    let head = head.iter().map(|byte| char::from(*byte)).collect::<String>();
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let (version, status) = status_line.split_once(' ').ok_or("no status")?;
    if !["HTTP/1.0", "HTTP/1.1"].contains(&version) {
        return Err(format!("the version {version}"));
    }
    let (code, reason) = status.split_once(' ').ok_or("a status without a blank behind it")?;
    let code = code.parse().ok().filter(|code| (100..1000).contains(code) && status.len() > 3);
    let status: u16 = code.ok_or_else(|| format!("the status {status}"))?;
    if reason.chars().any(char::is_control) {
        return Err("a reason with control characters".into());
    }
    let headers = lines.map(header).collect::<Result<Vec<_>, _>>()?;
    let answer = Response { version: version.into(), status, headers, body: Vec::new(), until_end: false };
    parse_body(answer, rest, method, http_10, ended)
}

fn header(line: &str) -> Result<(String, Vec<u8>), String> {
    let (name, value) = line.split_once(':').ok_or_else(|| format!("no colon in {line:?}"))?;
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err(format!("the header name {name:?}"));
    }
    let value = value.trim_matches([' ', '\t']);
    if value.chars().any(|c| c.is_ascii_control() && c != '\t') {
        return Err(format!("the header value {value:?}"));
    }
    Ok((name.into(), value.chars().map(|c| c as u8).collect()))
}

fn parse_body<'a>(
    mut answer: Response,
    rest: &'a [u8],
    method: &str,
    http_10: bool,
    ended: bool,
) -> Parsed<'a, Response> {
    let codings = answer.header_values("transfer-encoding").iter().map(|v| v.to_vec()).collect::<Vec<_>>();
    let lengths = answer.header_values("content-length").iter().map(|v| v.to_vec()).collect::<Vec<_>>();
    let bodiless = method == "HEAD" || answer.status < 200 || [204, 304].contains(&answer.status);
    match (&codings[..], &lengths[..]) {
        ([], []) if bodiless => Ok(Some((answer, rest))),
        ([], [length]) => {
            let digits = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
            let length: Option<usize> =
                std::str::from_utf8(length).ok().filter(|_| digits).and_then(|length| length.parse().ok());
            let length = length.ok_or("a Content-Length that is no number")?;
            if answer.status == 204 {
                return Err("a Content-Length with 204".into());
            }
            let length = if bodiless { 0 } else { length };
            if rest.len() < length {
                return if ended { Err("fewer bytes than Content-Length".into()) } else { Ok(None) };
            }
            answer.body = rest[..length].to_vec();
            Ok(Some((answer, &rest[length..])))
        }
        ([coding], []) if coding == b"chunked" => {
            if http_10 {
                return Err("chunks for a client of HTTP/1.0".into());
            }
            if bodiless {
                return Err("chunks where no body may be".into());
            }
            let Some((body, rest)) = chunks(rest)? else {
                return if ended { Err("chunks without an end".into()) } else { Ok(None) };
            };
            answer.body = body;
            Ok(Some((answer, rest)))
        }
        ([], []) => {
            if !http_10 && answer.header_values("connection") != [b"close"] {
                return Err("neither a length nor chunks, and the connection stays".into());
            }
            answer.body = rest.to_vec();
            answer.until_end = true;
            Ok(ended.then_some((answer, &[])))
        }
        _ => Err(format!("framed by {codings:?} and {lengths:?}")),
    }
}

fn chunks(mut rest: &[u8]) -> Parsed<'_, Vec<u8>> {
    let mut pieces = Vec::new();
    loop {
        let Some(end) = rest.windows(2).position(|end| end == b"\r\n") else { return Ok(None) };
        let size = std::str::from_utf8(&rest[..end]).ok().filter(|size| !size.is_empty());
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or_else(|| format!("the chunk size {:?}", &rest[..end]))?;
        let Some(data) = rest.get(end + 2..end + 2 + size + 2) else { return Ok(None) };
        if &data[size..] != b"\r\n" {
            return Err("a chunk that does not end where it should".into());
        }
        rest = &rest[end + 2 + size + 2..];
        if size == 0 {
            return Ok(Some((pieces.concat(), rest)));
        }
        pieces.push(&data[..size]);
    }
}

/// One connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), read: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        timeout(TIMEOUT, self.stream.write_all(bytes.as_ref())).await.expect("the bytes are sent").unwrap();
    }

    /// Reads the response to a request with this method.
    pub(crate) async fn read_response(&mut self, method: &str) -> Response {
        self.try_read_response(method, false).await.expect("a response")
    }

    /// Reads the next response, interim ones included. The error is a violation of HTTP, or the end of the connection.
    pub(crate) async fn try_read_response(
        &mut self,
        method: &str,
        http_10: bool,
    ) -> Result<Response, String> {
        let mut ended = false;
        loop {
            if let Some((answer, rest)) = parse(&self.read, method, http_10, ended)? {
                self.read = rest.to_vec();
                return Ok(answer);
            }
            if ended {
                return Err(format!("the connection ended after {} bytes", self.read.len()));
            }
            ended = self.read_more().await == 0;
        }
    }

    /// Sends a request and reads its response.
    pub(crate) async fn fetch(&mut self, request: impl AsRef<[u8]>) -> Response {
        let request = request.as_ref();
        self.send(request).await;
        let method =
            String::from_utf8_lossy(request.split(|byte| *byte == b' ').next().unwrap()).into_owned();
        self.read_response(&method).await
    }

    async fn read_more(&mut self) -> usize {
        let mut more = vec![0; 1 << 18];
        let read = timeout(TIMEOUT, self.stream.read(&mut more)).await.expect("bytes arrive");
        let len = read.unwrap_or_default();
        self.read.extend_from_slice(&more[..len]);
        len
    }

    /// Reads until the connection is closed, and returns all unread bytes.
    pub(crate) async fn read_to_end(&mut self) -> Vec<u8> {
        while self.read_more().await > 0 {}
        std::mem::take(&mut self.read)
    }

    /// Reads until these bytes arrive, and returns all unread bytes.
    pub(crate) async fn read_until(&mut self, bytes: &[u8]) -> &[u8] {
        while !self.read.windows(bytes.len()).any(|found| found == bytes) {
            assert_ne!(
                self.read_more().await,
                0,
                "the connection ended after {:?}",
                self.read.escape_ascii()
            );
        }
        &self.read
    }

    /// Waits until the connection is closed.
    pub(crate) async fn wait_for_close(&mut self) {
        while self.read_more().await > 0 {}
    }

    /// Closes the sending side of the connection.
    pub(crate) async fn close_sending_side(&mut self) {
        let _ = self.stream.shutdown().await;
    }
}

/// Sends one request on a new connection.
pub(crate) async fn fetch(address: SocketAddr, request: impl AsRef<[u8]>) -> Response {
    Client::connect(address).await.fetch(request).await
}

/// Returns a GET request for a path.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

#[test]
fn malformed_responses_are_rejected() {
    for (text, method) in [
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            "GET",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok", "GET"),
        ("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "GET"),
        ("HTTP/1.1 0 200\r\nContent-Length: 0\r\n\r\n", "GET"),
        ("HTTP/1.1 200 OK\r\n: noname\r\nContent-Length: 0\r\n\r\n", "GET"),
        ("HTTP/1.1 200 OK\r\nX space: a\r\nContent-Length: 0\r\n\r\n", "GET"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", "GET"),
        ("HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello", "GET"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n", "GET"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HEAD"),
    ] {
        assert!(!matches!(parse(text.as_bytes(), method, false, true), Ok(Some(_))), "{text:?}");
    }
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nnext";
    let (answer, rest) = parse(chunked.as_bytes(), "GET", false, false).unwrap().unwrap();
    assert_eq!((answer.text(), rest), ("hello", &b"next"[..]));
    assert!(parse(chunked.as_bytes(), "GET", true, false).is_err());
}
