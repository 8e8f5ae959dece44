//! A web framework as an app, as the quick start has it.

use axum::{Router, extract::Path, routing::get};
use cocaine::Worker;

#[tokio::main]
async fn main() -> cocaine::Result<()> {
    let app = Router::new()
        .route("/greet/{name}", get(|Path(name): Path<String>| async move { format!("hello {name}") }));
    Worker::from_args()?.http("web", app).serve(()).await
}
