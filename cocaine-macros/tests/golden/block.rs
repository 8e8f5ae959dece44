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
        use ::cocaine::bind::event::{
            DisplayedError as _, InfallibleOutput as _, UncodedReply as _,
        };
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
                            move |encoder, ((), argument0)| async move {
                                encoder
                                    .encode(
                                        ::cocaine::bind::event::HandlerOutput(
                                                Self::add(&shared, argument0).await,
                                            )
                                            .result()
                                            .into_result()
                                            .map(|value| {
                                                ::cocaine::bind::event::HandlerReply(value).with_codes()
                                            }),
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
                            move |encoder, ()| async move {
                                encoder
                                    .encode(
                                        ::cocaine::bind::event::HandlerOutput(
                                                Self::r#value(&shared).await,
                                            )
                                            .result()
                                            .into_result()
                                            .map(|value| {
                                                ::cocaine::bind::event::HandlerReply(value).with_codes()
                                            }),
                                    )
                            },
                        )
                    }
                },
            );
        <Self as ::cocaine::Events>::describe(registry);
    }
    fn describe(registry: &mut ::cocaine::bind::event::HandlerRegistry) {
        #[allow(unused_imports)]
        use ::cocaine::bind::event::{
            InfallibleProbe as _, OpaqueArgument as _, OpaqueChunk as _, OpaquePart as _,
            SingleReply as _, UndeclaredError as _,
        };
        registry
            .describe(
                "add",
                |description| {
                    ::cocaine::bind::event::ArgumentProbe::<u64>::new()
                        .describe("n", description);
                    let output = ::cocaine::bind::event::output_probe(|
                        (shared, ((), argument0)): (::std::sync::Arc<Self>, ((), u64))|
                    async move { Self::add(&shared, argument0).await });
                    output.error().describe(description);
                    let value = output.value();
                    value.error().describe(description);
                    value.chunks().describe(description);
                },
            );
        #[cfg(unix)]
        registry
            .describe(
                "get",
                |description| {
                    let output = ::cocaine::bind::event::output_probe(|
                        (shared, ()): (::std::sync::Arc<Self>, ())|
                    async move { Self::r#value(&shared).await });
                    output.error().describe(description);
                    let value = output.value();
                    value.error().describe(description);
                    value.chunks().describe(description);
                },
            );
    }
}
