use cocaine::worker;

struct Ping;

#[allow(non_camel_case_types)]
struct ping;

#[worker]
async fn ping() {}

async fn unmarked() {}

fn main() {
    let _ = cocaine::events![Ping, unmarked];
}
