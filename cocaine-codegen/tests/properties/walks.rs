//! What may be said: the generated code, the untyped channel and the server are of one opinion, whatever the tree.

use cocaine_codegen::{Catalogue, Metadata, Method, Options, Service, generate};
use proptest::prelude::*;
use tokio::runtime::Builder;

use crate::{
    cloud::{Cloud, by_untyped_receiver, is_session, leak, without_last},
    graphs::{self, Choice},
    machine::{Machine, by_graph},
};

/// Generates code for `method` and reads what it lets be said.
fn machine(method: &Method) -> Machine {
    let service = Service { version: 1, graph: [(0, method.clone())].into() };
    let metadata = Metadata { services: [("service".to_owned(), service)].into(), ..Metadata::default() };
    let output = generate(&metadata, &Catalogue::default(), &Options::default()).unwrap();
    Machine::read(&syn::parse_file(&output.files[0].text).unwrap())
}

async fn compare(method: &Method, choices: &[Choice]) -> Result<(), TestCaseError> {
    let machine = machine(method);
    let halves = machine.sessions.get("open");
    prop_assert_eq!(halves.is_some(), is_session(method), "whether it is a session");
    let Some(halves) = halves else { return Ok(()) };

    let sent = graphs::walk(&method.1, choices);
    let expected = by_graph(&method.1, &sent);
    prop_assert_eq!(&machine.walk(&halves.client[0], &sent), &expected, "the generated sender");
    prop_assert_eq!(&machine.walk(&halves.server[0], &sent), &expected, "the generated receiver");
    let cloud = Cloud::serving(leak([(0, method.clone())])).await;
    prop_assert_eq!(&cloud.by_untyped_sender(method, &sent).await, &expected, "the untyped sender");
    prop_assert_eq!(cloud.by_server(0, &sent).await, without_last(&expected), "the server");

    let come = graphs::walk(&method.2, choices);
    let expected = by_graph(&method.2, &come);
    prop_assert_eq!(&machine.walk(&halves.server[1], &come), &expected, "the generated sender of a server");
    prop_assert_eq!(&machine.walk(&halves.client[1], &come), &expected, "the generated receiver of a client");
    let found = by_untyped_receiver(method, &come).await;
    prop_assert_eq!(found, without_last(&expected), "the untyped receiver");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_implementations_agree_with_the_graph((method, choices) in graphs::session()) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(&method, &choices))?;
    }
}
