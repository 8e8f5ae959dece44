//! The token of administrators.

use std::{env, fmt, fs, os::unix::fs::PermissionsExt};

use http::{HeaderMap, header};
use subtle::ConstantTimeEq;

use crate::config::ConfigError;

/// The fewest bytes of a token.
const MIN_TOKEN_LEN: usize = 16;

/// A secret by which administrators are known.
pub(super) struct AdminToken(Vec<u8>);

impl AdminToken {
    /// Reads a token from where the configuration says that it is.
    ///
    /// # Errors
    /// The file or the variable cannot be read, or its content is too short. The text never contains the token.
    pub(super) fn read(source: &str) -> Result<Self, ConfigError> {
        let token = match source.split_once(':') {
            Some(("file", path)) => read_file(path)?,
            Some(("env", name)) => env::var_os(name)
                .ok_or_else(|| invalid(&format!("the environment has no variable {name}")))?
                .into_encoded_bytes(),
            _ => return Err(invalid("it is `file:PATH` or `env:NAME`, and not the token itself")),
        };
        let token = token.trim_ascii();
        if token.len() < MIN_TOKEN_LEN {
            return Err(invalid(&format!(
                "the token has {} bytes: {MIN_TOKEN_LEN} are the least",
                token.len()
            )));
        }
        Ok(Self(token.to_vec()))
    }

    /// Returns whether the header `Authorization` has the token, as `Bearer TOKEN`. Comparing takes the same time whatever
    /// the bytes are.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers.get(header::AUTHORIZATION) else { return false };
        let value = value.as_bytes();
        let Some((scheme, token)) = value.split_at_checked("Bearer ".len()) else { return false };
        scheme.eq_ignore_ascii_case(b"Bearer ") && self.0.ct_eq(token.trim_ascii()).into()
    }
}

fn read_file(path: &str) -> Result<Vec<u8>, ConfigError> {
    let token = fs::read(path).map_err(|error| invalid(&format!("cannot read {path}: {error}")))?;
    if fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
        tracing::warn!(path, "other users can read the token of administrators: `chmod 600` the file");
    }
    Ok(token)
}

fn invalid(text: &str) -> ConfigError {
    ConfigError::Value(format!("http.admin_token: {text}"))
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    #[test]
    fn only_whole_bearer_token_matches() {
        let token = AdminToken(TOKEN.into());
        for (value, expected) in [
            ("Bearer 0123456789abcdef", true),
            ("bearer  0123456789abcdef", true),
            ("0123456789abcdef", false),
            ("Basic 0123456789abcdef", false),
            ("Bearer 0123456789abcdeF", false),
            ("Bearer 0123456789abcdef0", false),
            ("Bearer 0123456789abcde", false),
            ("Bearer", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
            assert_eq!(token.is_in(&headers), expected, "{value}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
        assert_eq!(format!("{token:?}"), "AdminToken(..)");
    }

    #[test]
    fn token_is_read_from_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let source = format!("file:{}", file.path().display());
        fs::write(&file, format!("{TOKEN}\n")).unwrap();
        assert_eq!(AdminToken::read(&source).unwrap().0, TOKEN.as_bytes());
        fs::write(&file, "short\n").unwrap();
        for (source, reason) in [
            (source.as_str(), "the token has 5 bytes"),
            ("file:/no/such/file", "cannot read /no/such/file"),
            ("env:COCAINE_NO_SUCH_VARIABLE", "no variable COCAINE_NO_SUCH_VARIABLE"),
            (TOKEN, "and not the token itself"),
        ] {
            let error = AdminToken::read(source).unwrap_err().to_string();
            assert!(error.starts_with("http.admin_token: ") && error.contains(reason), "{error}");
            assert!(!error.contains(TOKEN), "{error}");
        }
    }
}
