//! Values of arguments that several commands have.

use std::time::Duration;

use cocaine::Value;
use serde_json::Value as Json;

use crate::json::from_json;

/// Accepts what can be the name of a file in a package, and of a service.
pub(super) fn app_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 100 || text.contains(['/', '\0']) || text.starts_with('.') {
        return Err(
            "a name of 1 to 100 bytes is wanted, without `/` and without `.` at its beginning".to_owned()
        );
    }
    Ok(text.to_owned())
}

/// Parses `NAME=VALUE`.
pub(super) fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("NAME=VALUE is wanted".to_owned()),
    }
}

/// Parses a value: JSON, or else a text.
pub(super) fn data_value(text: &str) -> Result<Value, String> {
    from_json(&serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_owned())))
}

/// Parses a length of time with its unit, such as `90s`, `12h` or `7d`.
pub(super) fn age(text: &str) -> Result<Duration, String> {
    let wanted = || "a number with a unit is wanted, `s`, `m`, `h`, `d` or `w`, such as 7d".to_owned();
    let at = text.find(|character: char| !character.is_ascii_digit()).ok_or_else(wanted)?;
    let (count, unit) = text.split_at(at);
    let unit: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return Err(wanted()),
    };
    let count: u64 = count.parse().map_err(|_| wanted())?;
    count.checked_mul(unit).map(Duration::from_secs).ok_or_else(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_apps_are_names_of_files() {
        for name in ["", "a/b", ".a", "..", &"x".repeat(101)] {
            assert!(app_name(name).is_err(), "{name}");
        }
        assert!(app_name("shop_v1.2").is_ok());
    }

    #[test]
    fn ages_have_units() {
        for (text, seconds) in [("90s", 90), ("2m", 120), ("12h", 43_200), ("7d", 604_800), ("0w", 0)] {
            assert_eq!(age(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in
            ["", "7", "d", "7 d", "-7d", "1.5h", "7y", "99999999999999999999d", "18446744073709551615w"]
        {
            assert!(age(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_a_text() {
        for (text, value) in
            [("5", Value::UInt(5)), ("\"5\"", "5".into()), ("five", "five".into()), ("", "".into())]
        {
            assert_eq!(data_value(text), Ok(value), "{text}");
        }
        assert!(data_value("{\"$bytes\": 1}").unwrap_err().contains("$bytes"));
    }

    #[test]
    fn assignments_have_a_name() {
        assert_eq!(assignment("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(assignment("a="), Ok(("a".to_owned(), String::new())));
        assert!(assignment("a").is_err() && assignment("=b").is_err());
    }
}
