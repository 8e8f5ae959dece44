//! The golden files compile against the runtime, with the lints of this workspace.

/// A type of the user's, as a catalogue may name it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[allow(dead_code, reason = "nobody calls what takes it")]
struct Own;

mod from_recorded {
    include!("golden/recorded.rs");
}

mod from_isolate {
    include!("golden/isolate.rs");
}

mod from_hostile {
    include!("golden/hostile.rs");
}

mod from_apps {
    include!("golden/apps.rs");
}

mod doubles {
    pub(crate) mod from_recorded {
        include!("golden/recorded.doubles.rs");
    }

    pub(crate) mod from_isolate {
        include!("golden/isolate.doubles.rs");
    }

    pub(crate) mod from_hostile {
        include!("golden/hostile.doubles.rs");
    }

    pub(crate) mod from_apps {
        include!("golden/apps.doubles.rs");
    }
}

#[test]
fn clients_are_handed_around() {
    fn is_handed_around<T: Clone + std::fmt::Debug + Send + Sync + 'static>() {}
    is_handed_around::<from_recorded::UnicornClient>();
    is_handed_around::<from_isolate::IsolateClient>();
    is_handed_around::<from_hostile::KeywordsClient>();
    is_handed_around::<from_apps::shop_2::ShopClient>();
    is_handed_around::<doubles::from_recorded::UnicornDouble>();
    is_handed_around::<doubles::from_isolate::IsolateDouble>();
    is_handed_around::<doubles::from_hostile::KeywordsDouble>();
}
