use cocaine::worker;

async fn pause() {}

#[worker]
async fn held_over_await(n: u64) -> u64 {
    let held = std::rc::Rc::new(n);
    pause().await;
    *held
}

struct Counter(std::cell::Cell<u64>);

#[worker]
impl Counter {
    async fn get(&self) -> u64 {
        self.0.get()
    }
}

fn main() {}
