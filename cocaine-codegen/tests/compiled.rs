//! The golden files compile against the runtime, with the lints of this workspace.

/// A type of the user's, as a catalogue may name it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[allow(dead_code, reason = "nobody calls what takes it")]
struct Own;

mod recorded {
    include!("golden/recorded.rs");
}

mod session {
    include!("golden/isolate.rs");
}

mod hostile {
    include!("golden/hostile.rs");
}

#[test]
fn clients_are_handed_around() {
    fn is_handed_around<T: Clone + std::fmt::Debug + Send + Sync + 'static>() {}
    is_handed_around::<recorded::UnicornClient>();
    is_handed_around::<session::IsolateClient>();
    is_handed_around::<hostile::KeywordsClient>();
}
