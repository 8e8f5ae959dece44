//! The trait for servers imitates the app: what implements it is a worker of the same schema.

use cocaine::{Bytes, Error, Result, ServiceClient, SessionReceiver, Stream, Worker, schema::AppSchema};
use cocaine_test::Cloud;
use futures_util::{TryStreamExt, stream};

use crate::{
    shop::{Click, Link, LinkError, ServeShop, Shop as _, ShopClient, ShopServer},
    worker,
};

/// An imitation that knows one link.
#[derive(Clone)]
struct FakeShop;

impl ShopServer for FakeShop {
    async fn shorten(&self, url: String, _: Option<u32>) -> Result<Link, LinkError> {
        Err(LinkError::taken(format!("{url} is taken")))
    }

    async fn find(&self, slug: String) -> Result<Option<Link>> {
        Ok(Some(Link { slug, url: String::new(), ttl: None }))
    }

    async fn store(&self, link: Link) -> Result<u32> {
        link.ttl.ok_or_else(|| Error::user(9, "no ttl"))
    }

    async fn count(&self) -> Result<u64> {
        Ok(1)
    }

    async fn stop(&self) -> Result<()> {
        Ok(())
    }

    async fn thumbnail(&self, image: Bytes) -> Result<Bytes> {
        Ok(image)
    }

    fn clicks(&self, count: u64) -> impl Stream<Item = Result<Click>> + Send + 'static + use<> {
        stream::iter([Ok(Click::Human { at: count })])
    }

    fn watch(&self) -> impl Stream<Item = Result<Bytes, LinkError>> + Send + 'static + use<> {
        stream::iter([Ok("a".into()), Err(LinkError::gone("no more"))])
    }

    async fn import(&self, factor: u32, links: SessionReceiver<Link>) -> Result<u32, LinkError> {
        let links: Vec<_> = links.try_collect().await?;
        Ok(factor + u32::try_from(links.len()).unwrap_or(u32::MAX))
    }

    fn echo(
        &self,
        words: SessionReceiver<String>,
    ) -> impl Stream<Item = Result<String>> + Send + 'static + use<> {
        words.map_ok(|word| word.to_uppercase())
    }

    async fn hide(&self, secret: Bytes) -> Result<Bytes> {
        Ok(secret)
    }

    fn raw(
        &self,
        chunks: SessionReceiver<Bytes>,
    ) -> impl Stream<Item = Result<Bytes>> + Send + 'static + use<> {
        chunks
    }
}

#[test]
fn imitation_publishes_the_same_schema() {
    let (original, imitated) = (worker::schema(), AppSchema::of(ServeShop(FakeShop)).unwrap());
    for event in original.events.keys() {
        assert_eq!(imitated.event_hash(event), original.event_hash(event), "{event}");
        assert_eq!(imitated.events[event].doc, original.events[event].doc);
        assert_eq!(imitated.events[event].error, original.events[event].error);
    }
    assert_eq!(imitated.events.len(), original.events.len());
    assert_eq!(imitated.errors, original.errors);
}

#[tokio::test]
async fn imitation_answers_generated_client() {
    let cloud = Cloud::start().await.unwrap();
    cloud.worker("fake", |worker: Worker| worker.serve(ServeShop(FakeShop))).await.unwrap();
    let shop: ShopClient = cloud.client().service_named("fake").await.unwrap();
    match shop.shorten("https://example.org", None).await.unwrap_err() {
        LinkError::Taken(error) => {
            assert!(error.to_string().contains("https://example.org is taken"), "{error}");
        }
        other => panic!("{other}"),
    }
    assert_eq!(shop.find("ab").await.unwrap().unwrap().slug, "ab");
    let link = Link { slug: String::new(), url: String::new(), ttl: Some(3) };
    assert_eq!(shop.store(&link).await.unwrap(), 3);
    assert_eq!(shop.clicks(5).try_collect::<Vec<_>>().await.unwrap(), [Click::Human { at: 5 }]);
    let mut watch = shop.watch();
    assert_eq!(watch.recv().await.unwrap().unwrap(), "a");
    assert!(matches!(watch.recv().await, Some(Err(LinkError::Gone(_)))));
    let mut import = shop.import(1).await.unwrap();
    import.send(link).await.unwrap();
    assert_eq!(import.finish().await.unwrap(), 2);
    let mut echo = shop.echo().await.unwrap();
    echo.send("one").await.unwrap();
    assert_eq!(echo.recv().await.unwrap().unwrap(), "ONE");
    assert_eq!(shop.service().name(), "fake");
}
