//! One axum app, served in three ways: on a TCP port, as the event `web` of a worker, and behind the worker's listener
//! for the event `site`. The app is the same for all three.
//!
//! Started by hand (`cargo run --example web`) it listens on a port. To see it in the cloud, run a node with a gateway
//! (`cargo run --bin cocaine-node -- --http 127.0.0.1:8080`), upload `target/debug/examples/web` as `shop` with the
//! example `upload`, and fetch <http://127.0.0.1:8080/shop/web/greet/Ada> or …`/shop/site/greet/Ada`.

use std::{convert::Infallible, error::Error};

use axum::{
    Router,
    body::Body,
    extract::Path,
    response::AppendHeaders,
    routing::{get, post},
};
use cocaine::{Worker, events};
use tokio::net::TcpListener;

/// Returns the app.
fn app() -> Router {
    let cookies = AppendHeaders([("set-cookie", "seen=1"), ("set-cookie", "theme=dark")]);
    Router::new()
        .route("/greet/{name}", get(|Path(name): Path<String>| async move { format!("hello {name}") }))
        .route("/length", post(|body: String| async move { format!("body length is {}", body.len()) }))
        .route("/cookies", get(move || async move { (cookies, "two cookies") }))
        .route("/count", get(count))
}

/// Streams the body: each piece is sent before the next is made.
async fn count() -> Body {
    let numbers = (1..=5).map(|number| Ok::<_, Infallible>(format!("{number}\n")));
    Body::from_stream(futures_util::stream::iter(numbers))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Only a node starts the program with arguments.
    if std::env::args().len() == 1 {
        let listener = TcpListener::bind("127.0.0.1:3000").await?;
        println!("listening on http://{}/greet/Ada", listener.local_addr()?);
        return Ok(axum::serve(listener, app()).await?);
    }
    let mut worker = Worker::from_args()?.http("web", app());
    let site = axum::serve(worker.listen("site"), app()).with_graceful_shutdown(worker.terminated());
    let site = tokio::spawn(site.into_future());
    worker.serve(events![]).await?;
    Ok(site.await??)
}
