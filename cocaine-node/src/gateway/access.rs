//! Who may do what: which services calls of JSON-RPC reach, and which web pages may send requests that change something.

mod token;
mod web_page;

use std::collections::HashSet;

use cocaine::graph::Graph;
use http::{HeaderMap, header, request::Parts};

use self::{token::AdminToken, web_page::WebPages};
use super::http::{error::HttpError, port::Peer};
use crate::config::{ConfigError, HttpConfig};

/// What clients may do.
#[derive(Debug)]
pub(super) struct AccessPolicy {
    /// The services that calls of JSON-RPC reach beside apps.
    services: HashSet<String>,
    token: Option<AdminToken>,
    web_pages: WebPages,
}

/// The rights of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It may call apps, and the services that the configuration lists.
    Client,
    /// It may call every service.
    Administrator,
}

impl AccessPolicy {
    /// Reads the token of administrators, and checks the names.
    ///
    /// # Errors
    /// A token that cannot be read or is too short, and an origin that no browser sends.
    pub(super) fn new(config: &HttpConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            services: config.json_rpc_services.iter().flatten().cloned().collect(),
            token: config.admin_token.as_deref().map(AdminToken::read).transpose()?,
            web_pages: WebPages::new(config)?,
        })
    }

    /// Returns the rights of a request. Removes the token from its headers, so that no service learns it.
    pub(super) fn authenticate(&self, peer: Peer, headers: &mut HeaderMap) -> Role {
        let has_token = self.token.as_ref().is_some_and(|token| token.is_in(headers));
        if has_token {
            headers.remove(header::AUTHORIZATION);
        }
        if has_token || peer == Peer::SameUser { Role::Administrator } else { Role::Client }
    }

    /// Refuses a call of JSON-RPC that a web page of another site may have sent.
    ///
    /// # Errors
    /// 403 for a foreign `Host` or `Origin`.
    pub(super) fn check_call(&self, role: Role, parts: &Parts) -> Result<(), HttpError> {
        // A web page knows no token, and opens no unix socket.
        if role == Role::Administrator {
            return Ok(());
        }
        self.web_pages.check_host(parts)?;
        self.web_pages.check_origin(parts)
    }

    /// Refuses a request to an app that a web page of another site may have sent to this machine. Apps on public addresses
    /// decide for themselves which pages they serve.
    ///
    /// # Errors
    /// 403 for a foreign `Origin` of a request that changes something.
    pub(super) fn check_event(&self, peer: Peer, parts: &Parts) -> Result<(), HttpError> {
        if parts.method.is_safe() || !peer.is_loopback() || !parts.headers.contains_key(header::ORIGIN) {
            return Ok(());
        }
        self.web_pages.check_origin(parts)
    }

    /// Returns whether a call of JSON-RPC may call a method of a service with this graph. Everybody may call apps, but not
    /// change how many workers they have.
    pub(super) fn allows_call(&self, role: Role, service: &str, graph: &Graph, method: &str) -> bool {
        role == Role::Administrator
            || self.services.contains(service)
            || (is_app(graph) && method != "control")
    }
}

/// Returns whether a graph is that of an app.
pub(super) fn is_app(graph: &Graph) -> bool {
    let is_method_of_apps = |name: &str| ["enqueue", "info", "control"].contains(&name);
    graph.method("enqueue").is_some() && graph.methods().all(|method| is_method_of_apps(&method.name))
}
