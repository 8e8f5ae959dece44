#![allow(unused_variables)]

use cocaine::{Result, Stream, worker};

struct Counter(String);

#[worker]
impl Counter {
    async fn by_value(self) {}

    async fn exclusive(&mut self) {}

    async fn boxed(self: Box<Self>) {}

    #[event(inline)]
    async fn without() {}

    #[event(name = "plain")]
    fn not_async(&self) {}

    async fn get(&self) {}

    #[event(name = "get")]
    async fn value(&self) {}

    async fn borrowed(&self) -> Result<&str> {
        Ok(&self.0)
    }

    async fn stream(&self) -> impl Stream<Item = Result<String>> {
        futures_util::stream::empty()
    }

    fn helper(&mut self, text: &str) {
        self.0 += text;
    }
}

fn main() {
    let _ = |counter: Counter, registry: &mut cocaine::HandlerRegistry| cocaine::Events::register(counter, registry);
}
