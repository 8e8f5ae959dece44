//! The worker of the app `shop`, and the schema that it publishes.

use cocaine::{
    Bytes, Error, Events, ExecutionMode, HandlerRegistry, Result, Schema, Session, SessionReceiver, Stream,
    schema::{AppSchema, ErrorDefinition, ErrorVariant},
};
use futures_util::stream;
use serde::{Deserialize, Serialize};

/// A short link.
#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Link {
    /// What stands in its place.
    slug: String,
    #[serde(rename = "url")]
    target: String,
    #[serde(default)]
    ttl: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
#[serde(tag = "by")]
pub(crate) enum Click {
    Human { at: u64 },
    Robot,
}

/// A type that says nothing of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Secret(pub(crate) u8);

#[derive(Clone)]
pub(crate) struct Shop;

#[cocaine::worker]
impl Shop {
    /// Makes a short link.
    async fn shorten(&self, url: String, ttl: Option<u32>) -> Result<Link> {
        match url.as_str() {
            "taken" => Err(Error::user(2, "the link is taken")),
            "odd" => Err(Error::user(77, "odd")),
            _ => Ok(Link { slug: format!("s{}", url.len()), target: url, ttl }),
        }
    }

    async fn find(&self, slug: String) -> Option<Link> {
        (slug == "ab").then(|| Link { slug, target: "https://example.org".to_owned(), ttl: None })
    }

    async fn store(&self, link: Link) -> u32 {
        link.ttl.unwrap_or(0)
    }

    async fn count(&self) -> u64 {
        42
    }

    async fn stop(&self) {}

    async fn thumbnail(&self, image: Bytes) -> Bytes {
        image
    }

    async fn clicks(&self, count: u64) -> impl Stream<Item = Result<Click>> + use<> {
        let clicks = (0..count).map(|at| Ok(Click::Human { at })).chain([Ok(Click::Robot)]);
        stream::iter(clicks)
    }

    async fn watch(&self) -> impl Stream<Item = Result<Bytes>> + use<> {
        stream::iter([Ok("first".into()), Err(Error::user(1, "gone"))])
    }

    async fn import(&self, factor: u32, mut links: SessionReceiver<Link>) -> Result<u32> {
        let mut sum = 0;
        while let Some(link) = links.recv().await.transpose()? {
            sum += link.ttl.unwrap_or(0) * factor;
        }
        Ok(sum)
    }

    async fn echo(&self, words: SessionReceiver<String>) -> impl Stream<Item = Result<String>> + use<> {
        words
    }

    async fn hide(&self, secret: Secret) -> Secret {
        Secret(secret.0 + 1)
    }
}

impl Shop {
    /// Returns all events: those of the block, and one whose handler takes the session.
    pub(crate) fn events(self) -> impl Events {
        (self, Raw)
    }
}

struct Raw;

impl Events for Raw {
    fn register(self, registry: &mut HandlerRegistry) {
        registry.add("raw", ExecutionMode::Spawned, |mut session: Session| async move {
            while let Some(chunk) = session.recv().await.transpose()? {
                session.send(chunk).await?;
            }
            session.finish()
        });
    }

    fn describe(_: &mut HandlerRegistry) {}
}

/// Returns the schema of the app, with the errors that its handlers return.
pub(crate) fn schema() -> AppSchema {
    let mut schema = AppSchema::of(Shop.events()).unwrap();
    let variant = |name: &str, code: i64| ErrorVariant {
        name: name.to_owned(),
        doc: String::new(),
        category: 43,
        code,
    };
    let variants = vec![variant("Gone", 1), variant("Taken", 2)];
    let definition = ErrorDefinition { doc: "What is wrong with a link.".to_owned(), variants };
    schema.errors.insert("LinkError".to_owned(), definition);
    for event in ["shorten", "watch", "import"] {
        schema.events.get_mut(event).unwrap().error = Some("LinkError".to_owned());
    }
    schema
}
