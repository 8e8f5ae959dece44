//! The double answers as a test says.

use cocaine::{Bytes, Error, EventReceiver, EventSender};
use futures_util::{FutureExt, TryStreamExt};

use crate::{
    shop::{Click, Link, LinkError, Shop},
    shop_doubles::ShopDouble,
};

fn link(slug: &str) -> Link {
    Link { slug: slug.to_owned(), url: String::new(), ttl: None }
}

/// What is tested: it calls any implementation of the trait.
async fn shorten_twice(shop: &impl Shop) -> Result<Vec<String>, LinkError> {
    let first = shop.shorten("a", None).await?;
    let second = shop.shorten("b", Some(1)).await?;
    Ok(vec![first.slug, second.slug])
}

#[tokio::test]
async fn double_answers_expected_calls() {
    let shop = ShopDouble::new();
    shop.expect_shorten().with("a", None).returns(link("A"));
    shop.expect_shorten().matching(|url, ttl| url == "b" && ttl == Some(1)).returns(link("B"));
    assert_eq!(shorten_twice(&shop).await.unwrap(), ["A", "B"]);
    shop.expect_shorten().fails(LinkError::taken("no"));
    assert!(matches!(shorten_twice(&shop).await, Err(LinkError::Taken(_))));
    shop.expect_store().with(&link("x")).answers(|link| Ok(u32::try_from(link.slug.len()).unwrap()));
    assert_eq!(shop.store(&link("x")).await.unwrap(), 1);
    shop.expect_stop();
    shop.stop().await.unwrap();
    shop.verify();
}

#[tokio::test]
async fn double_streams_and_runs_scripts() {
    let shop = ShopDouble::new();
    shop.expect_clicks().with(7).streams([Click::Robot]);
    assert_eq!(shop.clicks(7).try_collect::<Vec<_>>().await.unwrap(), [Click::Robot]);
    shop.expect_watch().streams_then_fails(["a"], LinkError::gone("no more"));
    let mut watch = shop.watch();
    assert_eq!(watch.try_next().await.unwrap().unwrap(), "a");
    assert!(matches!(watch.try_next().await, Err(LinkError::Gone(_))));
    shop.expect_import().with(2).runs(
        |mut links: EventReceiver<Link>, output: EventSender<u32>| async move {
            let first = links.recv().await.unwrap()?;
            assert!(links.recv().await.is_none());
            output.finish_with(u32::try_from(first.slug.len()).unwrap()).await
        },
    );
    let mut import = shop.import(2).await.unwrap();
    import.send(link("four")).await.unwrap();
    assert_eq!(import.finish().await.unwrap(), 4);
    shop.expect_import().replies(9_u32);
    assert_eq!(shop.import(1).await.unwrap().finish().await.unwrap(), 9);
    shop.expect_echo().streams(["x", "y"]);
    let echo = shop.echo().await.unwrap().finish().unwrap();
    assert_eq!(echo.try_collect::<Vec<_>>().await.unwrap(), ["x", "y"]);
    shop.expect_raw().fails(Error::user(1, "closed"));
    assert_eq!(shop.raw().await.unwrap_err().code().map(|code| code.code), Some(1));
    shop.wait_for_scripts().await;
}

#[test]
#[should_panic(expected = "shop.thumbnail(\"b\") is not expected")]
fn unexpected_call_names_arguments() {
    let shop = ShopDouble::new();
    let [a, b] = ["a", "b"].map(Bytes::from);
    shop.expect_thumbnail().with(&a).returns("c");
    let _ = shop.thumbnail(&b).now_or_never();
}
