//! Where a request came from, for records: its id, and the address of whoever sent it.

use std::net::IpAddr;

use actix_web::{HttpMessage, HttpRequest, web};
use chassis::net::Network;
use domain::event::{Actor, ActorKind};
use domain::trace::Trace;

use crate::colos::Sender;
use crate::context::Context;
use crate::envelope::RequestId;

/// What a proxy says of whom it speaks for. Believed of no other peer.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// The trace in which a request was made, and whether its sender keeps that (W3C Trace Context).
const TRACEPARENT: &str = "traceparent";

/// Where a request came from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// Names the request, for support.
    pub(crate) request_id: String,
    /// The sender's address; none where the connection has none.
    pub(crate) address: Option<IpAddr>,
    /// The trace that its sender keeps, if this process makes spans.
    pub(crate) trace: Option<Trace>,
}

impl Origin {
    /// Of this request.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let context = request.app_data::<web::Data<Context>>();
        let proxies = context.map_or(&[][..], |context| &context.proxies);
        let forwarded = request.headers().get_all(FORWARDED_FOR);
        // One that cannot be read ends the search, as whatever is no address does.
        let forwarded: Vec<&str> = forwarded.map(|v| v.to_str().unwrap_or_default()).collect();
        let peer = request.peer_addr().map(|peer| peer.ip());
        let said = request.extensions().get::<Sender>().copied();
        Self {
            request_id: RequestId::of(request),
            address: match said {
                // Another colo took the request in, and proved to be one.
                Some(Sender(address)) => address,
                None => peer.map(|peer| sender(peer, &forwarded, proxies)),
            },
            trace: context.and_then(|context| kept(context, request)),
        }
    }

    /// Who caused a change, for its record.
    pub(crate) fn actor(&self, kind: ActorKind, name: String) -> Actor {
        Actor {
            kind,
            name,
            request_id: self.request_id.clone(),
            from: self.address,
        }
    }
}

/// The trace of a request, if its sender keeps one. A header that cannot be read is as good as none (W3C Trace Context 2.2).
fn kept(context: &Context, request: &HttpRequest) -> Option<Trace> {
    if !context.process.tracer.is_on() {
        return None;
    }
    let header = request.headers().get(TRACEPARENT)?;
    header.to_str().ok()?.parse().ok()
}

/// The nearest address that is no proxy of ours. Each proxy adds its peer at the end; what stands before the first foreign one was written
/// by that one, and may be anything.
fn sender(peer: IpAddr, forwarded: &[&str], proxies: &[Network]) -> IpAddr {
    let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    let mut nearest = peer.to_canonical();
    for said in forwarded.iter().rev().flat_map(|list| list.rsplit(',')) {
        if !is_proxy(nearest) {
            break;
        }
        let Ok(address) = said.trim().parse::<IpAddr>() else {
            break;
        };
        nearest = address.to_canonical();
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peer: &str, forwarded: &[&str]) -> String {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        sender(peer.parse().unwrap(), forwarded, &proxies).to_string()
    }

    #[test]
    fn only_proxies_are_believed_about_whom_they_speak_for() {
        assert_eq!(found("203.0.113.9", &[]), "203.0.113.9");
        assert_eq!(found("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(found("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(found("::ffff:10.0.0.1", &["2001:db8::1"]), "2001:db8::1");
        let lied = ["127.0.0.1, 198.51.100.1", "fd00::7"];
        assert_eq!(found("10.0.0.1", &lied), "198.51.100.1");
        assert_eq!(found("10.0.0.1", &["who knows"]), "10.0.0.1");
        assert_eq!(found("10.0.0.1", &["6.6.6.6", ""]), "10.0.0.1");
        assert_eq!(found("10.0.0.1", &[]), "10.0.0.1");
    }
}
