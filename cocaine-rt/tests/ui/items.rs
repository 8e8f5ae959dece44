use cocaine::worker;

#[worker]
struct State;

#[worker]
enum Kind {}

#[worker]
trait Shape {
    async fn ping(&self);
}

#[worker]
mod handlers {}

#[worker]
impl Shape for State {
    async fn ping(&self) {}
}

struct Cache<T>(T);

#[worker]
impl<T> Cache<T>
where
    T: Copy,
{
    async fn get(&self) {}
}

struct Idle;

#[worker]
impl Idle {
    fn new() -> Self {
        Self
    }

    async fn connect() {}

    #[event(skip)]
    async fn helper(&self) {}
}

fn main() {}
