#[allow(clippy::unused_async)]
impl Counter {
    pub fn new() -> Self {
        Self(0)
    }
    async fn add(&self, n: u64) -> u64 {
        self.0.add(n)
    }
    #[cfg(unix)]
    async fn r#value(&self) {}
    async fn helper(&self) {}
}
#[automatically_derived]
impl ::cocaine::Events for Counter {
    fn register(self, registry: &mut ::cocaine::bind::event::HandlerRegistry) {
        #[allow(unused_imports)]
        use ::cocaine::bind::event::Plain as _;
        let shared = ::std::sync::Arc::new(self);
        registry
            .add(
                "add",
                ::cocaine::bind::event::ExecutionMode::Spawned,
                {
                    let shared = ::std::sync::Arc::clone(&shared);
                    move |session| {
                        let shared = ::std::sync::Arc::clone(&shared);
                        ::cocaine::bind::event::run(
                            &::cocaine::bind::event::Event {
                                name: "add",
                                cancel: false,
                            },
                            session,
                            ::cocaine::bind::event::arguments().and::<u64, _>("n"),
                            move |turn, ((), argument0)| async move {
                                turn.reply(
                                    ::cocaine::bind::event::Returned(
                                            Self::add(&shared, argument0).await,
                                        )
                                        .outcome(),
                                )
                            },
                        )
                    }
                },
            );
        #[cfg(unix)]
        registry
            .add(
                "get",
                ::cocaine::bind::event::ExecutionMode::Inline,
                {
                    let shared = ::std::sync::Arc::clone(&shared);
                    move |session| {
                        let shared = ::std::sync::Arc::clone(&shared);
                        ::cocaine::bind::event::run(
                            &::cocaine::bind::event::Event {
                                name: "get",
                                cancel: false,
                            },
                            session,
                            ::cocaine::bind::event::arguments(),
                            move |turn, ()| async move {
                                turn.reply(
                                    ::cocaine::bind::event::Returned(
                                            Self::r#value(&shared).await,
                                        )
                                        .outcome(),
                                )
                            },
                        )
                    }
                },
            );
    }
}
