//! Integration tests of workers in a cloud of their own: `cargo test -p examples --test cloud`.

use axum::{Router, extract::Path, routing::get};
use cocaine::{Context, events};
use cocaine_bindings::{Storage, StorageClient};
use cocaine_test::{Cloud, Error};
use examples::clients::{Greeting, LinkError, Shortener, ShortenerClient, Statistics, StatisticsClient};

/// A program of this package, in a process of its own.
#[tokio::test]
async fn program_greets_and_counts() -> Result<(), Error> {
    let cloud = Cloud::start().await?;
    let greeter = cloud.program("greeter", env!("CARGO_BIN_EXE_greeter")).profile("pool-limit", 1).await?;
    let greeting = |text: &str, number| Greeting { text: text.to_owned(), number };
    assert_eq!(greeter.call::<Greeting>("greet", "Ada").await?, greeting("hello Ada", 1));
    assert_eq!(greeter.call::<Greeting>("greet", "Alan").await?, greeting("hello Alan", 2));
    let error = greeter.call::<Greeting>("greet", "").await.unwrap_err();
    assert!(error.to_string().contains("nobody to greet"), "{error}");
    Ok(())
}

/// Returns the greeting that is stored for the user.
#[cocaine::worker]
async fn greeting(user: String, context: Context) -> cocaine::Result<String> {
    let storage: StorageClient = context.cloud().service().await?;
    Ok(String::from_utf8_lossy(&storage.read("greetings", &user).await?).into_owned())
}

/// A worker in the test's process, which uses the services of the cloud.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_reads_what_the_test_stores() -> Result<(), Error> {
    let cloud = Cloud::start().await?;
    let app = cloud.worker("greetings", |worker| worker.serve(events![greeting])).await?;
    let storage: StorageClient = cloud.client().service().await.unwrap();
    storage.write("greetings", "Ada", &"good day".into(), None).await.unwrap();
    assert_eq!(app.call::<String>("greeting", "Ada").await?, "good day");
    Ok(())
}

/// A web app behind the gateway. The client of HTTP blocks the thread of the test, which does not matter.
#[tokio::test]
async fn web_app_is_reached_through_the_gateway() -> Result<(), Error> {
    let cloud = Cloud::builder().http().start().await?;
    let hello = get(|Path(name): Path<String>| async move { format!("hello {name}") });
    let router = Router::new().route("/hello/{name}", hello);
    cloud.worker("shop", move |worker| worker.http("web", router.clone()).serve(())).await?;
    let url = format!("http://{}/shop/web/hello/Ada", cloud.http_addr().unwrap());
    let text = ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap();
    assert_eq!(text, "hello Ada");
    Ok(())
}

/// Two apps that call each other, and a caller, all with generated clients.
#[tokio::test]
async fn apps_call_each_other_with_generated_clients() -> Result<(), Error> {
    let cloud = Cloud::start().await?;
    let _shortener = cloud.program("shortener", env!("CARGO_BIN_EXE_shortener")).await?;
    let _statistics = cloud.program("statistics", env!("CARGO_BIN_EXE_statistics")).await?;
    let (shortener, statistics): (ShortenerClient, StatisticsClient) =
        cloud.client().services().await.unwrap();

    let link = shortener.shorten("https://example.org", Some(60)).await.unwrap();
    assert_eq!((link.target.as_str(), link.ttl), ("https://example.org", Some(60)));
    for _ in 0..2 {
        assert_eq!(shortener.follow(&link.slug).await.unwrap(), link);
    }
    let clicks = statistics.clicks(&link.slug).await.unwrap();
    assert_eq!((clicks.target, clicks.count), (link.target.clone(), 2));
    let mut links = shortener.links();
    assert_eq!(links.recv().await.unwrap().unwrap(), link);
    assert!(links.recv().await.is_none());

    let missing = shortener.follow("none").await.unwrap_err();
    assert!(matches!(&missing, LinkError::NotFound(_)), "{missing}");
    let invalid = shortener.shorten("example", None).await.unwrap_err();
    assert!(matches!(&invalid, LinkError::InvalidTarget(_)), "{invalid}");
    // What `statistics` does not declare of its own comes as the error that it got from `shortener`.
    let passed_on = statistics.clicks("none").await.unwrap_err();
    assert!(passed_on.to_string().contains("no link is called"), "{passed_on}");
    Ok(())
}
