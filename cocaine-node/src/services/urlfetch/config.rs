//! What may be fetched, from the section `urlfetch` of the configuration.

use std::{sync::Arc, time::Duration};

use super::address_filter::AddressFilter;
use crate::config::{ConfigError, UrlfetchConfig};

/// Checked settings.
#[derive(Debug)]
pub(super) struct UrlfetchSettings {
    pub(super) filter: Arc<AddressFilter>,
    pub(super) max_body: usize,
    pub(super) max_redirects: usize,
    pub(super) max_fetches: usize,
    pub(super) client_fetches: usize,
    pub(super) max_timeout: Duration,
}

/// The longest body in bytes: other runtimes may have a limit of 128 MiB for a frame, which has a head too.
const MAX_BODY: usize = (128 << 20) - (1 << 20);

impl UrlfetchConfig {
    /// Checks the settings and fills in the defaults.
    pub(super) fn settings(&self) -> Result<UrlfetchSettings, ConfigError> {
        let max_body = self.max_body.unwrap_or(8 << 20);
        if max_body > MAX_BODY {
            return Err(ConfigError::Value(format!(
                "urlfetch.max_body is {max_body}: an answer is one frame, of which {MAX_BODY} bytes are left"
            )));
        }
        let some = |name, set: Option<usize>, default| match set {
            Some(0) => Err(ConfigError::Value(format!("urlfetch.{name} is 0: nothing could be fetched"))),
            set => Ok(set.unwrap_or(default)),
        };
        let max_fetches = some("max_fetches", self.max_fetches, 64)?;
        let client_fetches = some("client_fetches", self.client_fetches, 16)?;
        let seconds = self.max_timeout.unwrap_or(300.0);
        let max_timeout = Duration::try_from_secs_f64(seconds).ok().filter(|timeout| !timeout.is_zero());
        let max_timeout = max_timeout.ok_or_else(|| {
            ConfigError::Value(format!("urlfetch.max_timeout is {seconds}: it is seconds, more than 0"))
        })?;
        let filter = Arc::new(AddressFilter::new(self.deny.clone(), self.allow.clone().unwrap_or_default()));
        let max_redirects = self.max_redirects.unwrap_or(10);
        Ok(UrlfetchSettings { filter, max_body, max_redirects, max_fetches, client_fetches, max_timeout })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::documented_defaults;

    fn refusal(config: &UrlfetchConfig) -> String {
        config.settings().unwrap_err().to_string()
    }

    #[test]
    fn documented_defaults_are_those_of_the_service() {
        let settings = |config: &UrlfetchConfig| format!("{:?}", config.settings().unwrap());
        assert_eq!(settings(&documented_defaults()), settings(&UrlfetchConfig::default()));
        assert!(UrlfetchConfig::default().settings().unwrap().filter.check([127, 0, 0, 1].into()).is_err());
    }

    #[test]
    fn invalid_setting_is_named() {
        let body = UrlfetchConfig { max_body: Some(128 << 20), ..UrlfetchConfig::default() };
        assert!(refusal(&body).starts_with("urlfetch.max_body is 134217728: an answer is one frame"));
        let fetches = UrlfetchConfig { max_fetches: Some(0), ..UrlfetchConfig::default() };
        assert_eq!(refusal(&fetches), "urlfetch.max_fetches is 0: nothing could be fetched");
        for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let timeout = UrlfetchConfig { max_timeout: Some(seconds), ..UrlfetchConfig::default() };
            assert!(refusal(&timeout).ends_with("it is seconds, more than 0"));
        }
        let bad = toml::from_str::<UrlfetchConfig>("deny = ['10.0.0/8']").unwrap_err();
        assert!(bad.message().contains("invalid IP address syntax"), "{bad}");
    }
}
