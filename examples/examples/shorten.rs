//! Calls an app with its typed client, which `cocaine-codegen` has written: `examples/src/clients`.
//!
//! Needs a node that runs the apps `shortener` and `statistics`; the guide says how (`docs/guide/src/typed-apps.md`).

use std::error::Error;

use cocaine::Client;
use examples::clients::{LinkError, Shortener, ShortenerClient, Statistics, StatisticsClient};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (shortener, statistics): (ShortenerClient, StatisticsClient) = Client::from_env()?.services().await?;

    let link = shortener.shorten("https://example.org", Some(60)).await?;
    println!("{link:?}");
    let followed = shortener.follow(&link.slug).await?;
    println!("{} leads to {}", followed.slug, followed.target);
    println!("{:?}", statistics.clicks(&link.slug).await?);

    let mut links = shortener.links();
    while let Some(link) = links.recv().await {
        println!("{}", link?.slug);
    }
    match shortener.shorten("example", None).await {
        Err(LinkError::InvalidTarget(error)) => println!("no URL: {error}"),
        other => println!("{other:?}"),
    }
    Ok(())
}
