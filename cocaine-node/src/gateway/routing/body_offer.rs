//! The offer of a request whose body follows in pieces, up to its acceptance (`protocol.md` 14.3).

use std::time::Duration;

use cocaine::{
    Bytes, Code, Error, Result,
    server::{BODY_HEADER, BODY_IN_PIECES, EventChannel, OFFER_ACCEPTED, OFFER_RECEIVED},
};
use tokio::time::timeout;

use super::{event_call::Retries, service_pool::ServicePool};
use crate::{config::Target, gateway::metrics::GatewayMetrics};

/// How long a node may take to say that it has received an offer, before it is asked again whether it understands any. One
/// that does not is an original by now, whose worker waits for the request.
const RECEIPT_TIMEOUT: Duration = Duration::from_secs(1);

/// The offer of a request in pieces.
pub(crate) struct BodyOffer<'a> {
    pub(crate) target: &'a Target,
    /// Headers of the call.
    pub(crate) headers: &'a [(&'a str, Bytes)],
}

impl BodyOffer<'_> {
    /// Opens the event for a request in pieces, and opens it again if the app has certainly not accepted it. Returns `None` if
    /// the request has to be sent as one chunk; no worker has the event then.
    pub(crate) async fn send(
        &self,
        pool: &ServicePool,
        metrics: &GatewayMetrics,
    ) -> Result<Option<EventChannel>> {
        let mut retries = Retries::new(&self.target.service, metrics);
        loop {
            match self.send_once(pool).await {
                Err(error) if error.code() == Some(Code::OFFER_DECLINED) => return Ok(None),
                Err(error) => {
                    if error.code() == Some(Code::SERVICE_NOT_AVAILABLE) {
                        pool.remove(&self.target.service);
                    }
                    if !retries.wait_to_retry(&error).await {
                        return Err(error);
                    }
                }
                opened => return opened,
            }
        }
    }

    async fn send_once(&self, pool: &ServicePool) -> Result<Option<EventChannel>> {
        let name = &self.target.service;
        let mut service = pool.get(name).await?;
        for (name, value) in self.headers {
            service = service.with_header(name, value.clone());
        }
        let service = service.with_header(BODY_HEADER, BODY_IN_PIECES);
        let mut channel: EventChannel = service.open("enqueue", (self.target.event.as_str(),)).await?;
        let receipt = loop {
            if let Ok(receipt) = timeout(RECEIPT_TIMEOUT, channel.recv()).await {
                break receipt.transpose()?;
            }
            if matches!(pool.ask_about_offers(name).await, Ok(false)) {
                return Ok(None);
            }
        };
        if receipt.is_none_or(|receipt| receipt != OFFER_RECEIVED) {
            return Ok(None);
        }
        match channel.recv().await.transpose()? {
            Some(answer) if answer == OFFER_ACCEPTED => Ok(Some(channel)),
            answer => {
                let text = format!("an offer of a request in pieces was answered with {answer:?}");
                Err(Error::service(Code::SLOT_NOT_FOUND, text))
            }
        }
    }
}
