use cocaine::Result;
use super::generated::trees::*;
pub(crate) enum Sender {
    Ended,
    DeepSender(DeepSender),
    DeepSenderStep4(DeepSenderStep4),
    DeepSenderStep4Step3(DeepSenderStep4Step3),
    DeepSenderStep4Step3Step2(DeepSenderStep4Step3Step2),
    DeepSenderStep4Step3Step2Step1(DeepSenderStep4Step3Step2Step1),
    DeepSenderStep4Step3Step2Step1Step0(DeepSenderStep4Step3Step2Step1Step0),
    EndlessSender(EndlessSender),
    EndlessSenderBegin(EndlessSenderBegin),
    GapsSender(GapsSender),
    GapsSenderThousand(GapsSenderThousand),
    NamesSender(NamesSender),
    NamesSenderSelfMessage(NamesSenderSelfMessage),
    NestedSender(NestedSender),
    NestedSenderA(NestedSenderA),
    NestedSenderAB(NestedSenderAB),
    WideSender(WideSender),
    WideSenderMessage2(WideSenderMessage2),
    WideSenderMessage5(WideSenderMessage5),
    WideSenderMessage8(WideSenderMessage8),
}
pub(crate) enum Receiver {
    Ended,
    DeepReplyReceiver(DeepReplyReceiver),
    DeepReplyReceiverStep2(DeepReplyReceiverStep2),
    DeepReplyReceiverStep2Step1(DeepReplyReceiverStep2Step1),
    DeepReplyReceiverStep2Step1Step0(DeepReplyReceiverStep2Step1Step0),
    EndlessReplyReceiver(EndlessReplyReceiver),
    GapsReplyReceiver(GapsReplyReceiver),
    GapsReplyReceiverPart(GapsReplyReceiverPart),
    GapsReplyReceiverPartBack(GapsReplyReceiverPartBack),
    NamesReplyReceiver(NamesReplyReceiver),
    NamesReplyReceiverSend(NamesReplyReceiverSend),
    NestedReplyReceiver(NestedReplyReceiver),
    NestedReplyReceiverPart(NestedReplyReceiverPart),
    NestedReplyReceiverPartBack(NestedReplyReceiverPartBack),
    WideReplyReceiver(WideReplyReceiver),
}
/// Opens a channel of a method.
pub(crate) async fn open(
    client: &TreesClient,
    method: &str,
) -> Result<(Sender, Receiver)> {
    Ok(
        match method {
            "deep" => {
                let channel = client.deep(()).await?;
                (Sender::DeepSender(channel.tx), Receiver::DeepReplyReceiver(channel.rx))
            }
            "endless" => {
                let channel = client.endless(()).await?;
                (
                    Sender::EndlessSender(channel.tx),
                    Receiver::EndlessReplyReceiver(channel.rx),
                )
            }
            "gaps" => {
                let channel = client.gaps(()).await?;
                (Sender::GapsSender(channel.tx), Receiver::GapsReplyReceiver(channel.rx))
            }
            "names" => {
                let channel = client.names(()).await?;
                (
                    Sender::NamesSender(channel.tx),
                    Receiver::NamesReplyReceiver(channel.rx),
                )
            }
            "nested" => {
                let channel = client.nested(()).await?;
                (
                    Sender::NestedSender(channel.tx),
                    Receiver::NestedReplyReceiver(channel.rx),
                )
            }
            "wide" => {
                let channel = client.wide(()).await?;
                (Sender::WideSender(channel.tx), Receiver::WideReplyReceiver(channel.rx))
            }
            other => panic!("no method {other}"),
        },
    )
}
/// Sends a message; the inner error is a state that has no such message.
pub(crate) async fn send(sender: Sender, id: u64) -> Result<Result<Sender, Sender>> {
    Ok(
        Ok(
            match (sender, id) {
                (Sender::DeepSender(state), 0u64) => {
                    Sender::DeepSenderStep4(state.step4(()).await?)
                }
                (Sender::DeepSender(state), 1u64) => {
                    state.stop(()).await?;
                    Sender::Ended
                }
                (Sender::DeepSenderStep4(state), 0u64) => {
                    Sender::DeepSenderStep4Step3(state.step3(()).await?)
                }
                (Sender::DeepSenderStep4(state), 1u64) => {
                    state.stop(()).await?;
                    Sender::Ended
                }
                (Sender::DeepSenderStep4Step3(state), 0u64) => {
                    Sender::DeepSenderStep4Step3Step2(state.step2(()).await?)
                }
                (Sender::DeepSenderStep4Step3(state), 1u64) => {
                    state.stop(()).await?;
                    Sender::Ended
                }
                (Sender::DeepSenderStep4Step3Step2(state), 0u64) => {
                    Sender::DeepSenderStep4Step3Step2Step1(state.step1(()).await?)
                }
                (Sender::DeepSenderStep4Step3Step2(state), 1u64) => {
                    state.stop(()).await?;
                    Sender::Ended
                }
                (Sender::DeepSenderStep4Step3Step2Step1(state), 0u64) => {
                    Sender::DeepSenderStep4Step3Step2Step1Step0(state.step0(()).await?)
                }
                (Sender::DeepSenderStep4Step3Step2Step1(state), 1u64) => {
                    state.stop(()).await?;
                    Sender::Ended
                }
                (Sender::DeepSenderStep4Step3Step2Step1Step0(state), 0u64) => {
                    Sender::DeepSenderStep4Step3Step2Step1Step0(state.forever(()).await?)
                }
                (Sender::EndlessSender(state), 0u64) => {
                    Sender::EndlessSender(state.write(()).await?)
                }
                (Sender::EndlessSender(state), 1u64) => {
                    Sender::EndlessSenderBegin(state.begin(()).await?)
                }
                (Sender::EndlessSenderBegin(state), 0u64) => {
                    Sender::EndlessSenderBegin(state.chunk(()).await?)
                }
                (Sender::GapsSender(state), 5u64) => {
                    Sender::GapsSender(state.five(()).await?)
                }
                (Sender::GapsSender(state), 1000u64) => {
                    Sender::GapsSenderThousand(state.thousand(()).await?)
                }
                (Sender::GapsSender(state), 65531u64) => {
                    state.last(()).await?;
                    Sender::Ended
                }
                (Sender::GapsSenderThousand(state), 65531u64) => {
                    state.last(()).await?;
                    Sender::Ended
                }
                (Sender::NamesSender(state), 0u64) => {
                    state.r#fn(()).await?;
                    Sender::Ended
                }
                (Sender::NamesSender(state), 3u64) => {
                    Sender::NamesSender(state.fn_2(()).await?)
                }
                (Sender::NamesSender(state), 7u64) => {
                    Sender::NamesSenderSelfMessage(state.self_(()).await?)
                }
                (Sender::NamesSender(state), 8u64) => {
                    state.message_8(()).await?;
                    Sender::Ended
                }
                (Sender::NamesSenderSelfMessage(state), 0u64) => {
                    state.end(()).await?;
                    Sender::Ended
                }
                (Sender::NamesSenderSelfMessage(state), 1u64) => {
                    Sender::NamesSenderSelfMessage(state.self_(()).await?)
                }
                (Sender::NestedSender(state), 0u64) => {
                    Sender::NestedSenderA(state.a(()).await?)
                }
                (Sender::NestedSender(state), 1u64) => {
                    state.stop(()).await?;
                    Sender::Ended
                }
                (Sender::NestedSenderA(state), 1u64) => {
                    Sender::NestedSenderAB(state.b(()).await?)
                }
                (Sender::NestedSenderA(state), 4u64) => {
                    Sender::NestedSenderA(state.again(()).await?)
                }
                (Sender::NestedSenderAB(state), 2u64) => {
                    Sender::NestedSenderAB(state.c(()).await?)
                }
                (Sender::NestedSenderAB(state), 3u64) => {
                    state.done(()).await?;
                    Sender::Ended
                }
                (Sender::WideSender(state), 0u64) => {
                    Sender::WideSender(state.message0(()).await?)
                }
                (Sender::WideSender(state), 1u64) => {
                    state.message1(()).await?;
                    Sender::Ended
                }
                (Sender::WideSender(state), 2u64) => {
                    Sender::WideSenderMessage2(state.message2(()).await?)
                }
                (Sender::WideSender(state), 3u64) => {
                    Sender::WideSender(state.message3(()).await?)
                }
                (Sender::WideSender(state), 4u64) => {
                    state.message4(()).await?;
                    Sender::Ended
                }
                (Sender::WideSender(state), 5u64) => {
                    Sender::WideSenderMessage5(state.message5(()).await?)
                }
                (Sender::WideSender(state), 6u64) => {
                    Sender::WideSender(state.message6(()).await?)
                }
                (Sender::WideSender(state), 7u64) => {
                    state.message7(()).await?;
                    Sender::Ended
                }
                (Sender::WideSender(state), 8u64) => {
                    Sender::WideSenderMessage8(state.message8(()).await?)
                }
                (Sender::WideSenderMessage2(state), 0u64) => {
                    Sender::WideSenderMessage2(state.more(()).await?)
                }
                (Sender::WideSenderMessage2(state), 1u64) => {
                    state.done(()).await?;
                    Sender::Ended
                }
                (Sender::WideSenderMessage5(state), 0u64) => {
                    Sender::WideSenderMessage5(state.more(()).await?)
                }
                (Sender::WideSenderMessage5(state), 1u64) => {
                    state.done(()).await?;
                    Sender::Ended
                }
                (Sender::WideSenderMessage8(state), 0u64) => {
                    Sender::WideSenderMessage8(state.more(()).await?)
                }
                (Sender::WideSenderMessage8(state), 1u64) => {
                    state.done(()).await?;
                    Sender::Ended
                }
                (sender, _) => return Ok(Err(sender)),
            },
        ),
    )
}
/// Waits for a message, of a state that has any.
pub(crate) async fn recv(receiver: Receiver) -> Result<(u64, Receiver)> {
    Ok(
        match receiver {
            Receiver::DeepReplyReceiver(state) => {
                match state.recv().await? {
                    DeepReplyReceived::Step2(_, rest) => {
                        (0u64, Receiver::DeepReplyReceiverStep2(rest))
                    }
                    DeepReplyReceived::Stop(_) => (1u64, Receiver::Ended),
                }
            }
            Receiver::DeepReplyReceiverStep2(state) => {
                match state.recv().await? {
                    DeepReplyReceivedStep2::Step1(_, rest) => {
                        (0u64, Receiver::DeepReplyReceiverStep2Step1(rest))
                    }
                    DeepReplyReceivedStep2::Stop(_) => (1u64, Receiver::Ended),
                }
            }
            Receiver::DeepReplyReceiverStep2Step1(state) => {
                match state.recv().await? {
                    DeepReplyReceivedStep2Step1::Step0(_, rest) => {
                        (0u64, Receiver::DeepReplyReceiverStep2Step1Step0(rest))
                    }
                    DeepReplyReceivedStep2Step1::Stop(_) => (1u64, Receiver::Ended),
                }
            }
            Receiver::DeepReplyReceiverStep2Step1Step0(state) => {
                match state.recv().await? {
                    DeepReplyReceivedStep2Step1Step0::Last(_) => (0u64, Receiver::Ended),
                }
            }
            Receiver::EndlessReplyReceiver(state) => {
                match state.recv().await? {
                    EndlessReplyReceived::Write(_, rest) => {
                        (0u64, Receiver::EndlessReplyReceiver(rest))
                    }
                }
            }
            Receiver::GapsReplyReceiver(state) => {
                match state.recv().await? {
                    GapsReplyReceived::Part(_, rest) => {
                        (0u64, Receiver::GapsReplyReceiverPart(rest))
                    }
                    GapsReplyReceived::None(_) => (2u64, Receiver::Ended),
                }
            }
            Receiver::GapsReplyReceiverPart(state) => {
                match state.recv().await? {
                    GapsReplyReceivedPart::Again(_, rest) => {
                        (0u64, Receiver::GapsReplyReceiverPart(rest))
                    }
                    GapsReplyReceivedPart::Whole(_) => (1u64, Receiver::Ended),
                    GapsReplyReceivedPart::Back(_, rest) => {
                        (4u64, Receiver::GapsReplyReceiverPartBack(rest))
                    }
                }
            }
            Receiver::GapsReplyReceiverPartBack(state) => {
                match state.recv().await? {
                    GapsReplyReceivedPartBack::Part(_) => (0u64, Receiver::Ended),
                }
            }
            Receiver::NamesReplyReceiver(state) => {
                match state.recv().await? {
                    NamesReplyReceived::Recv(_, rest) => {
                        (0u64, Receiver::NamesReplyReceiver(rest))
                    }
                    NamesReplyReceived::Send(_, rest) => {
                        (1u64, Receiver::NamesReplyReceiverSend(rest))
                    }
                }
            }
            Receiver::NamesReplyReceiverSend(state) => {
                match state.recv().await? {
                    NamesReplyReceivedSend::Recv(_) => (0u64, Receiver::Ended),
                }
            }
            Receiver::NestedReplyReceiver(state) => {
                match state.recv().await? {
                    NestedReplyReceived::Part(_, rest) => {
                        (0u64, Receiver::NestedReplyReceiverPart(rest))
                    }
                    NestedReplyReceived::None(_) => (2u64, Receiver::Ended),
                }
            }
            Receiver::NestedReplyReceiverPart(state) => {
                match state.recv().await? {
                    NestedReplyReceivedPart::Again(_, rest) => {
                        (0u64, Receiver::NestedReplyReceiverPart(rest))
                    }
                    NestedReplyReceivedPart::Whole(_) => (1u64, Receiver::Ended),
                    NestedReplyReceivedPart::Back(_, rest) => {
                        (4u64, Receiver::NestedReplyReceiverPartBack(rest))
                    }
                }
            }
            Receiver::NestedReplyReceiverPartBack(state) => {
                match state.recv().await? {
                    NestedReplyReceivedPartBack::Part(_) => (0u64, Receiver::Ended),
                }
            }
            Receiver::WideReplyReceiver(state) => {
                match state.recv().await? {
                    WideReplyReceived::Item(_, rest) => {
                        (0u64, Receiver::WideReplyReceiver(rest))
                    }
                    WideReplyReceived::End(_) => (1u64, Receiver::Ended),
                }
            }
            Receiver::Ended => panic!("nothing follows"),
        },
    )
}
