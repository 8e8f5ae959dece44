//! The id of a request, and the lines that have it.

use std::str::FromStr;

use cocaine::Scalar;

use crate::log_lines::LineRow;

/// A shorter id may be a part of other words.
const MIN_TEXT: usize = 8;

/// The id of a request: that of its trace, or its `X-Request-Id` or `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestKey {
    /// The id as it was typed.
    text: String,
    /// The ids that its trace may have, as 16 digits. Of 32 digits a gateway takes the first half if they are an `X-Request-Id`, and
    /// the last one if they are a `traceparent`.
    digits: Vec<String>,
}

impl FromStr for RequestKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(
                "the id of a trace or a request is wanted: visible characters without spaces".to_owned()
            );
        }
        let parent = text.strip_prefix("00-").and_then(|rest| rest.split_once('-')).map(|(trace, _)| trace);
        let plain = text.strip_prefix("0x").unwrap_or(text).replace('-', "").to_ascii_lowercase();
        let number = parent.map_or(plain, str::to_ascii_lowercase);
        let is_number = number.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = match number.len() {
            1..=16 if is_number => vec![format!("{number:0>16}")],
            32 if is_number && parent.is_some() => vec![number[16..].to_owned()],
            32 if is_number => vec![number[..16].to_owned(), number[16..].to_owned()],
            _ => Vec::new(),
        };
        Ok(Self { text: text.to_owned(), digits })
    }
}

impl RequestKey {
    /// Returns whether a text may be a line of the request. Most texts are not, and need not be read any further.
    pub(crate) fn may_be_in(&self, text: &str) -> bool {
        text.contains(&self.text) || self.digits.iter().any(|digits| text.contains(digits))
    }

    /// Returns whether a line belongs to the request: an attribute or the message has its id.
    pub(crate) fn is_in(&self, line: &LineRow) -> bool {
        let is_named = |text: &str| text == self.text || self.digits.iter().any(|digits| text == digits);
        let in_attribute = |(name, value): (&String, &Scalar)| {
            let text = value.to_string();
            is_named(&text)
                || (name == "traceparent" && self.digits.iter().any(|digits| text.contains(digits)))
        };
        let message = &line.message;
        line.attributes.iter().any(in_attribute)
            || self.digits.iter().any(|digits| message.contains(digits))
            || (self.text.len() >= MIN_TEXT && message.contains(&self.text))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn key(text: &str) -> RequestKey {
        text.parse().unwrap()
    }

    fn line(message: &str, attributes: &[(&str, &str)]) -> LineRow {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), Scalar::from(*value)));
        LineRow {
            time: String::new(),
            level: "info".into(),
            source: "app/shop".to_owned(),
            worker: None,
            message: message.to_owned(),
            attributes: attributes.collect::<BTreeMap<_, _>>(),
        }
    }

    #[test]
    fn ids_are_read_as_gateways_read_them() {
        for (text, digits) in [
            ("ff", &["00000000000000ff"][..]),
            ("0xFF", &["00000000000000ff"]),
            ("0af7651916cd43dd8448eb211c80319c", &["0af7651916cd43dd", "8448eb211c80319c"]),
            ("0af76519-16cd-43dd-8448-eb211c80319c", &["0af7651916cd43dd", "8448eb211c80319c"]),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", &["8448eb211c80319c"]),
            ("order-5", &[]),
        ] {
            assert_eq!(key(text).digits, digits, "{text}");
        }
        assert!("".parse::<RequestKey>().is_err() && "a b".parse::<RequestKey>().is_err());
    }

    #[test]
    fn id_is_in_attribute_or_message() {
        let request = key("ff");
        for (line, expected) in [
            (line("", &[("trace_id", "00000000000000ff")]), true),
            (line("", &[("request_id", "ff")]), true),
            (line("", &[("trace_id", "00000000000000fe")]), false),
            (line("got 00000000000000ff", &[]), true),
            (line("staff", &[("name", "staff")]), false),
        ] {
            assert_eq!(request.is_in(&line), expected, "{line:?}");
        }
        let parent = [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")];
        assert!(key("8448eb211c80319c").is_in(&line("", &parent)));
        assert!(key("order-5-of-ada").is_in(&line("packed order-5-of-ada", &[])));
    }
}
