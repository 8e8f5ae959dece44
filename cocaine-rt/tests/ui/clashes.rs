use cocaine::worker;

#[allow(non_camel_case_types)]
struct ping {}

#[worker]
pub async fn ping() {}

fn main() {}
