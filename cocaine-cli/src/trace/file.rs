//! The log file of a node, and the access log of its gateway.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
};

use cocaine::Scalar;
use serde_json::{Map, Value as Json};

use super::request::RequestKey;
use crate::{
    error::{Error, Result},
    log_lines::LineRow,
};

/// What is longer is cut. The node writes no such lines.
const MAX_LINE: u64 = 32 << 20;

/// Returns the lines of a request in a file; `-` is standard input.
pub(crate) fn lines_of(request: &RequestKey, path: &Path) -> Result<Vec<LineRow>> {
    let reader: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path).map_err(Error::in_file(path))?))
    };
    read(request, reader).map_err(Error::in_file(path))
}

fn read(request: &RequestKey, mut reader: impl BufRead) -> io::Result<Vec<LineRow>> {
    let (mut lines, mut bytes) = (Vec::new(), Vec::new());
    while (&mut reader).take(MAX_LINE).read_until(b'\n', &mut bytes)? > 0 {
        let text = String::from_utf8_lossy(&bytes);
        if request.may_be_in(&text) {
            lines.push(parse(text.trim_end()));
        }
        drop(text);
        bytes.clear();
    }
    lines.retain(|line| request.is_in(line));
    Ok(lines)
}

/// Reads a line: JSON of the node's log or of its access log, or text.
fn parse(text: &str) -> LineRow {
    match serde_json::from_str::<Map<String, Json>>(text) {
        Ok(object) if object.contains_key("message") => logged(object),
        Ok(object) => accessed(object),
        Err(_) => {
            let (time, message) = text.split_once(' ').unwrap_or(("", text));
            let (level, message) = message.split_once(' ').unwrap_or(("", message));
            let is_line = time.parse::<jiff::Timestamp>().is_ok();
            let (time, level, message) =
                if is_line { (time, level, message.trim_start()) } else { ("", "", text) };
            row(time, &level.to_lowercase(), "-", message)
        }
    }
}

/// Returns a line of the log: its attributes are an object of their own.
fn logged(mut object: Map<String, Json>) -> LineRow {
    let mut text = |name: &str| object.remove(name).as_ref().map(display).unwrap_or_default();
    let mut line = row(&text("time"), &text("level"), &text("source"), &text("message"));
    if let Some(Json::Object(attributes)) = object.remove("attributes") {
        line.attributes = attributes.iter().map(|(name, value)| (name.clone(), scalar(value))).collect();
    }
    line
}

/// Returns a line of the access log: what it does not name is an attribute.
fn accessed(mut object: Map<String, Json>) -> LineRow {
    let mut text = |name: &str| object.remove(name).as_ref().map(display).unwrap_or_default();
    let (time, method, uri, status) = (text("time"), text("method"), text("uri"), text("status"));
    let mut line = row(&time, "info", "access", &format!("{method} {uri} {status}"));
    line.attributes = object.iter().map(|(name, value)| (name.clone(), scalar(value))).collect();
    line
}

fn row(time: &str, level: &str, source: &str, message: &str) -> LineRow {
    let (source, message) = (source.to_owned(), message.to_owned());
    let level = level.to_owned().into();
    LineRow { time: time.to_owned(), level, source, worker: None, message, attributes: BTreeMap::new() }
}

fn display(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn scalar(value: &Json) -> Scalar {
    match value {
        Json::Bool(truth) => (*truth).into(),
        Json::Number(number) => match (number.as_u64(), number.as_f64()) {
            (Some(number), _) => number.into(),
            (None, Some(number)) => number.into(),
            (None, None) => number.to_string().into(),
        },
        other => display(other).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Row as _;

    #[test]
    fn logs_of_all_forms_are_read() {
        let log = "\
{\"time\":\"2025-01-31T12:00:00.25Z\",\"severity\":1,\"level\":\"info\",\"source\":\"app/shop\",\"message\":\"sold\",\"attributes\":{\"trace_id\":\"00000000000000ff\",\"count\":[1,2]}}
{\"time\":\"2025-01-31T12:00:00.25Z\",\"severity\":1,\"level\":\"info\",\"source\":\"app/shop\",\"message\":\"other\"}
{\"time\":\"2025-01-31T12:00:00.1Z\",\"method\":\"GET\",\"uri\":\"/shop/web/\",\"status\":200,\"request_id\":\"ff\",\"seconds\":0.5}
2025-01-31T12:00:00.300Z WARN    app/shop: slow  trace_id=00000000000000ff
free text of 00000000000000ff
staff
";
        let lines = read(&"ff".parse().unwrap(), log.as_bytes()).unwrap();
        let cells: Vec<_> = lines.iter().map(|line| line.cells().join("|")).collect();
        assert_eq!(
            cells,
            [
                "2025-01-31T12:00:00.25Z|info|app/shop|-|sold count=[1,2] trace_id=00000000000000ff",
                "2025-01-31T12:00:00.1Z|info|access|-|GET /shop/web/ 200 request_id=ff seconds=0.5",
                "2025-01-31T12:00:00.300Z|warn|-|-|app/shop: slow  trace_id=00000000000000ff",
                "||-|-|free text of 00000000000000ff",
            ]
        );
    }
}
