//! The two formats of a record: text for people and JSON for programs.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    io::Write,
    time::{SystemTime, UNIX_EPOCH},
};

use cocaine::{Scalar, Severity};
use serde::{Serialize, Serializer};

use super::LogRecord;

/// Appends a line of text: `TIME LEVEL source: message  name=value …`. Further lines of a message are indented, and
/// control characters are escaped.
pub(super) fn write_text(record: &LogRecord, colour: bool, out: &mut Vec<u8>) {
    let paint = |code: &'static str| if colour { code } else { "" };
    let (dim, reset) = (paint("\x1b[2m"), paint("\x1b[0m"));
    let (level, tint) = (level_name(record.severity).to_uppercase(), paint(level_color(record.severity)));
    append(out, format_args!("{dim}{:.3}{reset} {tint}{level:<7}{reset} ", Timestamp(record.time)));
    write_escaped(&record.source, "\\n", out);
    append(out, format_args!(": "));
    write_escaped(&record.message, "\n    | ", out);
    for (place, (name, value)) in record.attributes.iter().enumerate() {
        append(out, format_args!("{}{dim}", if place == 0 { "  " } else { " " }));
        write_escaped(name, "\\n", out);
        append(out, format_args!("={reset}"));
        write_escaped(&value.to_string(), "\\n", out);
    }
    out.push(b'\n');
}

/// Appends a line of JSON.
pub(super) fn write_json(record: &LogRecord, out: &mut Vec<u8>) {
    let line = JsonLine {
        time: Timestamp(record.time).to_string(),
        severity: record.severity.into(),
        level: level_name(record.severity),
        source: &record.source,
        message: &record.message,
        attributes: group_by_name(&record.attributes),
    };
    // Serializing this type into a vector cannot fail.
    drop(serde_json::to_writer(&mut *out, &line));
    out.push(b'\n');
}

#[derive(Serialize)]
struct JsonLine<'a> {
    time: String,
    severity: i32,
    level: Cow<'static, str>,
    source: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'a str, AttributeValues<'a>>,
}

/// The values of all attributes of one name.
#[derive(Default)]
struct AttributeValues<'a>(Vec<&'a Scalar>);

fn group_by_name(attributes: &[(String, Scalar)]) -> BTreeMap<&str, AttributeValues<'_>> {
    let mut groups = BTreeMap::<_, AttributeValues<'_>>::new();
    for (name, value) in attributes {
        groups.entry(name.as_str()).or_default().0.push(value);
    }
    groups
}

impl Serialize for AttributeValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [value] => JsonScalar(value).serialize(serializer),
            values => serializer.collect_seq(values.iter().map(|value| JsonScalar(value))),
        }
    }
}

/// A value in JSON: invalid UTF-8 is replaced, and infinities and NaN are strings.
struct JsonScalar<'a>(&'a Scalar);

impl Serialize for JsonScalar<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Scalar::Raw(raw) => serializer.serialize_str(&String::from_utf8_lossy(raw)),
            Scalar::Float(number) if !number.is_finite() => serializer.collect_str(number),
            other => other.serialize(serializer),
        }
    }
}

fn level_name(severity: Severity) -> Cow<'static, str> {
    match severity {
        Severity::Debug => "debug".into(),
        Severity::Info => "info".into(),
        Severity::Warning => "warning".into(),
        Severity::Error => "error".into(),
        Severity::Other(number) => number.to_string().into(),
    }
}

fn level_color(severity: Severity) -> &'static str {
    match severity {
        Severity::Debug => "\x1b[2m",
        Severity::Info => "\x1b[32m",
        Severity::Warning => "\x1b[33m",
        Severity::Error => "\x1b[31m",
        Severity::Other(_) => "\x1b[35m",
    }
}

/// Appends `text` with `newline` between its lines, and with all other control characters but tabs escaped.
fn write_escaped(text: &str, newline: &str, out: &mut Vec<u8>) {
    for part in text.split_inclusive(|character: char| character.is_control() && character != '\t') {
        let mut characters = part.chars();
        match characters.next_back() {
            Some('\n') => append(out, format_args!("{}{newline}", characters.as_str())),
            Some(control) if control.is_control() && control != '\t' => {
                append(out, format_args!("{}{}", characters.as_str(), control.escape_default()));
            }
            _ => out.extend_from_slice(part.as_bytes()),
        }
    }
}

fn append(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    // Writing to a vector cannot fail.
    drop(out.write_fmt(text));
}

/// Displays a time in UTC with microseconds, or with the given precision: `2026-01-31T23:59:59.000000Z`.
struct Timestamp(SystemTime);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
        let (year, month, day) = civil_date(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let digits = f.precision().unwrap_or(6).clamp(1, 9);
        let fraction = format!("{:09}", since.subsec_nanos());
        let fraction = &fraction[..digits];
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction}Z")
    }
}

/// Formats the UTC date of a Unix time as `YYYY-MM-DD`.
pub(crate) fn format_date(seconds: u64) -> String {
    let (year, month, day) = civil_date(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Returns year, month and day of the date `days` after 1970-01-01. The calculation counts years from March, so that a
/// leap day is the last day of its year.
fn civil_date(days: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097;
    let days = days + 719_468;
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    (era * 400 + year, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn timestamps_are_formatted_in_utc() {
        let stamp = |seconds: u64, nanos| Timestamp(UNIX_EPOCH + Duration::new(seconds, nanos));
        assert_eq!(stamp(0, 0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(stamp(951_782_399, 999_999_999).to_string(), "2000-02-28T23:59:59.999999Z");
        assert_eq!(stamp(951_782_400, 0).to_string(), "2000-02-29T00:00:00.000000Z");
        assert_eq!(stamp(1_709_251_199, 0).to_string(), "2024-02-29T23:59:59.000000Z");
        assert_eq!(stamp(1_709_251_200, 0).to_string(), "2024-03-01T00:00:00.000000Z");
        assert_eq!(stamp(4_107_542_400, 5_000_000).to_string(), "2100-03-01T00:00:00.005000Z");
        assert_eq!(format!("{:.3}", stamp(1_767_225_599, 123_456_789)), "2025-12-31T23:59:59.123Z");
        assert_eq!(Timestamp(UNIX_EPOCH - Duration::from_secs(1)).to_string(), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn dates_are_consecutive() {
        let length = |year: u64, month| match month {
            2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let mut expected = (1970, 1, 1);
        for days in 0..200_000 {
            assert_eq!(civil_date(days), expected);
            let (year, month, day) = expected;
            expected = match (month, day + 1 > length(year, month)) {
                (_, false) => (year, month, day + 1),
                (12, true) => (year + 1, 1, 1),
                (_, true) => (year, month + 1, 1),
            };
        }
    }
}
