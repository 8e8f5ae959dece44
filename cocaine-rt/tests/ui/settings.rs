use cocaine::worker;

#[worker(name = "ping")]
async fn unknown() {}

#[worker(inline, cancel, inline, event = "a", event = "b")]
async fn twice() {}

#[worker(event = "", cancel = true, inline("yes"))]
async fn values() {}

#[worker(event)]
async fn no_name() {}

#[worker("ping")]
async fn text_alone() {}

struct Counter;

#[worker(inline)]
impl Counter {
    #[event(event = "get", skip = true)]
    async fn unknown(&self) {}

    #[event(skip, inline, name = "x")]
    async fn skipped(&self) {}

    #[event = "get"]
    async fn text_alone(&self) {}
}

fn main() {}
