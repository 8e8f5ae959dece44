//! An HTTP server as an app, as the quick start has it.

use axum::{Router, routing::post};
use cocaine::{Worker, events};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = Router::new()
        .route("/", post(|body: String| async move { format!("body length is {}", body.len()) }));
    let mut worker = Worker::from_args()?;
    let server = axum::serve(worker.listen("http"), app).with_graceful_shutdown(worker.terminated());
    tokio::spawn(server.into_future());
    worker.serve(events![]).await?;
    Ok(())
}
