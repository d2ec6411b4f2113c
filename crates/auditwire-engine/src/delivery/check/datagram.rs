//! The check over UDP: all that can be seen is a port that refuses.

use auditwire_model::connection::Host;

use super::course::{Course, Ended};
use super::message::message;
use super::stream::watch;
use super::{Stage, Subject};
use crate::delivery::failure::LinkFailure;
use crate::delivery::link::{Link, LinkError, connect};
use crate::delivery::tls::ClientAuth;

pub(super) async fn run(subject: Subject<'_>, course: &mut Course<'_>) -> Result<(), Ended> {
    let addresses = course.addresses(subject).await?;
    let guard = &subject.context.guard;
    let mut link = course
        .stage(Stage::Connect, async {
            let (udp, _) = connect::udp(&addresses, |a| guard.permits(a)).await.map_err(|e| explain(&e))?;
            let note = match subject.spec.endpoint.host {
                Host::Name(_) if addresses.len() > 1 => " (the first of its addresses)",
                _ => "",
            };
            Ok((Link::Udp(udp), format!("UDP has no connections; datagrams go to the connection point{note}.")))
        })
        .await?;
    course
        .stage(Stage::Send, async {
            let message = message(subject)?;
            link.queue(&message, &mut [message.len() as u64]).and_then(|()| link.flush()).map_err(|e| explain(&e))?;
            Ok(((), format!("One datagram of {} bytes was sent.", message.len())))
        })
        .await?;
    course
        .stage(Stage::Watch, async {
            watch(&mut link, subject.context.limits.watch).await.map_err(|e| explain(&e))?;
            Ok(((), "No refusal came back.".to_owned()))
        })
        .await?;
    let doubt = LinkFailure::new(
        "udp_unconfirmed",
        "UDP cannot confirm: the datagram left, nothing refused it, and nobody can say whether it arrived.",
    );
    course.doubt(Stage::Acknowledge, doubt);
    Ok(())
}

fn explain(error: &LinkError) -> LinkFailure {
    LinkFailure::from_link(error, ClientAuth::default())
}
