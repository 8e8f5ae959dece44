//! The formats of a line: a template with fields, or JSON with all of them.

use std::{borrow::Cow, fmt::Write};

use http::HeaderValue;
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::AccessEntry;
use crate::config::{AccessLogConfig, AccessLogKind, ConfigError};

/// The text format unless another is set: that of Apache and nginx (`combined`), and more behind it.
const COMBINED: &str = "{client} - - [{time}] \"{method} {uri} {version}\" {status} {bytes} \"{referer}\" \
                        \"{user_agent}\" {service}/{event} {seconds} {request_id}";

/// The most bytes of a value, so that a line is never long.
const MAX_VALUE_LEN: usize = 2048;

/// How a line is made.
#[derive(Debug)]
pub(super) enum LineFormat {
    /// Literal texts and fields, in turn.
    Text(Vec<Part>),
    /// One object.
    Json,
}

#[derive(Debug)]
pub(super) enum Part {
    Literal(String),
    Field(Field),
}

/// A field of a line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    Time,
    Client,
    Method,
    Uri,
    Version,
    Host,
    Referer,
    UserAgent,
    RequestId,
    Traceparent,
    Service,
    Event,
    Status,
    Bytes,
    Seconds,
    Complete,
}

/// The fields and their names, in the order of a line of JSON.
const FIELDS: [(&str, Field); 16] = [
    ("time", Field::Time),
    ("client", Field::Client),
    ("method", Field::Method),
    ("uri", Field::Uri),
    ("version", Field::Version),
    ("host", Field::Host),
    ("service", Field::Service),
    ("event", Field::Event),
    ("status", Field::Status),
    ("bytes", Field::Bytes),
    ("seconds", Field::Seconds),
    ("complete", Field::Complete),
    ("request_id", Field::RequestId),
    ("traceparent", Field::Traceparent),
    ("referer", Field::Referer),
    ("user_agent", Field::UserAgent),
];

impl LineFormat {
    /// Returns the format that a configuration asks for, or `None` if the log is off.
    pub(super) fn new(config: &AccessLogConfig) -> Result<Option<Self>, ConfigError> {
        Ok(match config.kind.unwrap_or_default() {
            AccessLogKind::Off => None,
            AccessLogKind::Json => Some(Self::Json),
            AccessLogKind::Text => Some(Self::Text(parse(config.format.as_deref().unwrap_or(COMBINED))?)),
        })
    }

    /// Returns the line of a request, without its end.
    pub(super) fn line(&self, entry: &AccessEntry) -> String {
        match self {
            Self::Text(parts) => parts.iter().fold(String::new(), |line, part| match part {
                Part::Literal(text) => line + text,
                Part::Field(field) => line + &text(&value(entry, *field)),
            }),
            Self::Json => {
                let named = FIELDS.iter().map(|(name, field)| ((*name).to_owned(), value(entry, *field)));
                Json::Object(named.filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>()).to_string()
            }
        }
    }
}

/// Parses a template; `{{` and `}}` are braces.
fn parse(template: &str) -> Result<Vec<Part>, ConfigError> {
    let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), template);
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix(brace) {
            literal.push_str(brace);
            rest = behind;
            continue;
        }
        let name = rest.split_once('}').filter(|_| brace == "{");
        let known = name.and_then(|(name, _)| FIELDS.iter().find(|(known, _)| *known == name));
        let (Some((_, behind)), Some((_, field))) = (name, known) else {
            return Err(invalid(
                template,
                &format!("`{brace}{}`", rest.split('}').next().unwrap_or_default()),
            ));
        };
        parts.extend([Part::Literal(std::mem::take(&mut literal)), Part::Field(*field)]);
        rest = behind;
    }
    literal.push_str(rest);
    parts.push(Part::Literal(literal));
    Ok(parts)
}

fn invalid(template: &str, found: &str) -> ConfigError {
    let names: Vec<_> = FIELDS.iter().map(|(name, _)| format!("{{{name}}}")).collect();
    ConfigError::Value(format!(
        "http.access_log.format is {template:?}: {found} is no field; there are {}",
        names.join(", ")
    ))
}

fn value(entry: &AccessEntry, field: Field) -> Json {
    let header = |value: &Option<HeaderValue>| {
        value.as_ref().map_or(Json::Null, |value| shorten(&String::from_utf8_lossy(value.as_bytes())).into())
    };
    let name = |value: &Option<String>| value.as_deref().map_or(Json::Null, |value| shorten(value).into());
    match field {
        Field::Time => Timestamp::try_from(entry.time).map_or(Json::Null, |time| format!("{time:.3}").into()),
        Field::Client => entry.client.map_or(Json::Null, |client| client.to_string().into()),
        Field::Method => shorten(entry.method.as_str()).into(),
        Field::Uri => shorten(&entry.uri.to_string()).into(),
        Field::Version => format!("{:?}", entry.version).into(),
        Field::Host => header(&entry.host),
        Field::Referer => header(&entry.referer),
        Field::UserAgent => header(&entry.user_agent),
        Field::RequestId => entry.request_id.as_str().into(),
        Field::Traceparent => header(&entry.traceparent),
        Field::Service => name(&entry.service),
        Field::Event => name(&entry.event),
        Field::Status => entry.status.as_u16().into(),
        Field::Bytes => entry.bytes.into(),
        // Microseconds are exact enough, and short.
        Field::Seconds => ((entry.duration.as_secs_f64() * 1e6).round() / 1e6).into(),
        Field::Complete => entry.complete.into(),
    }
}

/// Returns a value as text, in which a client can fake neither a quotation mark nor a line.
fn text(value: &Json) -> Cow<'_, str> {
    match value {
        Json::Null => "-".into(),
        Json::String(text) if text.is_empty() => "-".into(),
        Json::String(text) => {
            let mut escaped = String::with_capacity(text.len());
            for char in text.chars() {
                match char {
                    '"' | '\\' => escaped.extend(['\\', char]),
                    char if char.is_control() => {
                        // Writing to a string cannot fail.
                        let _ = write!(escaped, "\\x{:02x}", u32::from(char));
                    }
                    char => escaped.push(char),
                }
            }
            escaped.into()
        }
        other => other.to_string().into(),
    }
}

fn shorten(text: &str) -> &str {
    let mut end = text.len().min(MAX_VALUE_LEN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::{Method, StatusCode, Version};

    use super::*;

    fn entry() -> AccessEntry {
        AccessEntry {
            time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_500),
            client: Some("192.0.2.1".parse().unwrap()),
            method: Method::GET,
            uri: "/shop/web/a?b=1".parse().unwrap(),
            version: Version::HTTP_11,
            host: None,
            referer: None,
            user_agent: Some(HeaderValue::from_bytes(b"a \"quoted\\\" \xff\tone").unwrap()),
            request_id: "id-1".into(),
            traceparent: None,
            service: Some("shop".into()),
            event: Some("web".into()),
            status: StatusCode::OK,
            bytes: 42,
            duration: Duration::from_micros(1_234),
            complete: true,
        }
    }

    fn line(kind: AccessLogKind, format: Option<&str>) -> String {
        let config = AccessLogConfig {
            kind: Some(kind),
            format: format.map(Into::into),
            ..AccessLogConfig::default()
        };
        LineFormat::new(&config).unwrap().unwrap().line(&entry())
    }

    #[test]
    fn default_text_is_the_combined_format() {
        assert_eq!(
            line(AccessLogKind::Text, None),
            "192.0.2.1 - - [1970-01-01T00:00:01.500Z] \"GET /shop/web/a?b=1 HTTP/1.1\" 200 42 \"-\" \
             \"a \\\"quoted\\\\\\\" \u{fffd}\\x09one\" shop/web 0.001234 id-1"
        );
    }

    #[test]
    fn template_has_fields_and_braces() {
        assert_eq!(line(AccessLogKind::Text, Some("{{{status}}} {service}")), "{200} shop");
        for (format, found) in [("{stats}", "`{stats`"), ("{status", "`{status`"), ("status}", "`}`")] {
            let error = parse(format).unwrap_err().to_string();
            assert!(error.starts_with("http.access_log.format") && error.contains(found), "{error}");
            assert!(error.contains("{user_agent}"), "{error}");
        }
    }

    #[test]
    fn json_line_has_all_known_fields() {
        let json: Json = line(AccessLogKind::Json, None).parse().unwrap();
        assert_eq!((&json["status"], &json["seconds"]), (&200.into(), &0.001_234.into()));
        assert_eq!(
            (&json["client"], &json["user_agent"]),
            (&"192.0.2.1".into(), &"a \"quoted\\\" \u{fffd}\tone".into())
        );
        assert_eq!((&json["complete"], json.get("referer")), (&true.into(), None));
    }

    #[test]
    fn long_values_are_shortened() {
        let mut entry = entry();
        entry.service = Some("ü".repeat(5_000));
        let line = LineFormat::Text(parse("{service}").unwrap()).line(&entry);
        assert_eq!(line, "ü".repeat(MAX_VALUE_LEN / 2));
    }
}
