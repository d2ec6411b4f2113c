//! The check over UDP: all that can be seen is a port that refuses.

use std::net::SocketAddr;

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
    let named = matches!(subject.spec.endpoint.host, Host::Name(_)) && addresses.len() > 1;
    let note = if named { ", one of its addresses after the other until none refuses" } else { "" };
    let mut line = course
        .stage(Stage::Connect, async {
            let line = Line::to(subject, &addresses).await?;
            Ok((line, format!("UDP has no connections; datagrams go to the connection point{note}.")))
        })
        .await?;
    let message = course
        .stage(Stage::Send, async {
            let message = message(subject)?;
            line.send(&message)?;
            let told = format!("One datagram of {} bytes was sent.", message.len());
            Ok((message, told))
        })
        .await?;
    course
        .stage(Stage::Watch, async {
            let refused = line.watched(subject, &message).await?;
            let told = match refused {
                0 => "No refusal came back.".to_owned(),
                1 => "One of the addresses refused; from the next, no refusal came back.".to_owned(),
                count => format!("{count} of the addresses refused; from the next, no refusal came back."),
            };
            Ok(((), told))
        })
        .await?;
    let doubt = LinkFailure::new(
        "udp_unconfirmed",
        "UDP cannot confirm: the datagram left, nothing refused it, and nobody can say whether it arrived.",
    );
    course.doubt(Stage::Acknowledge, doubt);
    Ok(())
}

/// A link to one of the addresses, and those that are left.
struct Line<'a> {
    link: Link,
    rest: &'a [SocketAddr],
}

impl<'a> Line<'a> {
    async fn to(subject: Subject<'_>, addresses: &'a [SocketAddr]) -> Result<Self, LinkFailure> {
        let (udp, address) =
            connect::udp(addresses, |a| subject.context.guard.permits(a)).await.map_err(|e| explain(&e))?;
        let at = addresses.iter().position(|other| *other == address).unwrap_or_default();
        Ok(Self { link: Link::Udp(udp), rest: addresses.get(at + 1..).unwrap_or_default() })
    }

    fn send(&mut self, message: &[u8]) -> Result<(), LinkFailure> {
        let queued = self.link.queue(message, &mut [message.len() as u64]);
        queued.and_then(|()| self.link.flush()).map_err(|e| explain(&e))
    }

    /// Watches one address after the other, as a sender would go on to the next; how many refused.
    async fn watched(&mut self, subject: Subject<'_>, message: &[u8]) -> Result<usize, LinkFailure> {
        let mut refused = 0;
        loop {
            let Err(error) = watch(&mut self.link, subject.context.limits.watch).await else { return Ok(refused) };
            if self.rest.is_empty() {
                return Err(explain(&error));
            }
            refused += 1;
            *self = Self::to(subject, self.rest).await?;
            self.send(message)?;
        }
    }
}

fn explain(error: &LinkError) -> LinkFailure {
    LinkFailure::from_link(error, ClientAuth::default())
}
