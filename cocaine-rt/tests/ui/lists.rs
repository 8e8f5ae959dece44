struct State;

async fn unmarked() {}

fn main() {
    let _ = cocaine::events![State];
    let _ = cocaine::events![unmarked];
}
