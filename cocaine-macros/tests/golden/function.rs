#[allow(clippy::unused_async)]
#[cfg(unix)]
pub(crate) async fn ping(
    mut message: String,
    Point { x, .. }: Point,
    who: Context,
) -> Result<String> {
    Ok(message)
}
#[cfg(unix)]
/// The event that `ping` handles, for `cocaine::events!`.
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ping {}
#[cfg(unix)]
#[automatically_derived]
impl ::cocaine::Events for ping {
    fn register(self, registry: &mut ::cocaine::bind::event::HandlerRegistry) {
        #[allow(unused_imports)]
        use ::cocaine::bind::event::{
            DisplayedError as _, InfallibleOutput as _, UncodedReply as _,
        };
        registry
            .add(
                "say",
                ::cocaine::bind::event::ExecutionMode::Inline,
                |session| ::cocaine::bind::event::run(
                    &::cocaine::bind::event::Event {
                        name: "say",
                        cancel: true,
                    },
                    session,
                    ::cocaine::bind::event::arguments()
                        .and::<String, _>("message")
                        .and::<Point, _>("argument2")
                        .and::<Context, _>("who"),
                    move |encoder, ((((), argument0), argument1), argument2)| async move {
                        encoder
                            .encode(
                                ::cocaine::bind::event::HandlerOutput(
                                        ping(argument0, argument1, argument2).await,
                                    )
                                    .result()
                                    .into_result()
                                    .map(|value| {
                                        ::cocaine::bind::event::HandlerReply(value).with_codes()
                                    }),
                            )
                    },
                ),
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
                "say",
                |description| {
                    ::cocaine::bind::event::ArgumentProbe::<String>::new()
                        .describe("message", description);
                    ::cocaine::bind::event::ArgumentProbe::<Point>::new()
                        .describe("argument2", description);
                    ::cocaine::bind::event::ArgumentProbe::<Context>::new()
                        .describe("who", description);
                    let output = ::cocaine::bind::event::output_probe(|
                        (
                            (((), argument0), argument1),
                            argument2,
                        ): ((((), String), Point), Context)|
                    ping(argument0, argument1, argument2));
                    output.error().describe(description);
                    let value = output.value();
                    value.error().describe(description);
                    value.chunks().describe(description);
                },
            );
    }
}
