//! One exchange: a request in, its answer out when due, or the connection cut.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use actix_web::dev::Extensions;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse, rt, web};

use crate::exchange::Outcome;
use crate::http::Shared;
use crate::{Request, Response};

/// A second handle on a connection's socket, with which it can be cut under the server's feet.
#[derive(Debug)]
struct Wire(TcpStream);

/// Keeps that handle; called for each new connection.
pub(crate) fn keep_wire(io: &dyn Any, data: &mut Extensions) {
    let stream = io.downcast_ref::<rt::net::TcpStream>();
    if let Some(Ok(handle)) = stream.map(|s| s.as_fd().try_clone_to_owned()) {
        data.insert(Wire(TcpStream::from(handle)));
    }
}

/// Any request that is not for the admin endpoint.
pub(crate) async fn exchange(
    request: HttpRequest,
    body: web::Bytes,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let arriving = read(&request, &body);
    let now_ms = shared.now_ms();
    // Most requests that take no time need the lock only once.
    let (ticket, mut outcome) = {
        let mut sim = shared.sim();
        let ticket = sim.arrive(now_ms, arriving).id;
        (ticket, sim.take(ticket, now_ms))
    };
    let mut waits = Waits {
        shared: shared.get_ref(),
        ticket: Some(ticket),
    };
    loop {
        let at_ms = match outcome {
            Outcome::Answer(response) => {
                waits.ticket = None;
                return write(response);
            }
            Outcome::Reset => {
                waits.ticket = None;
                return cut(&request);
            }
            Outcome::NotYet(Some(at_ms)) => at_ms,
            Outcome::NotYet(None) => {
                // Every client has given up by then.
                shared.clock.sleep(HANG_MAX).await;
                return cut(&request);
            }
        };
        let wait_ms = at_ms.saturating_sub(shared.now_ms());
        shared.clock.sleep(Duration::from_millis(wait_ms)).await;
        let now_ms = shared.now_ms();
        outcome = shared.sim().take(ticket, now_ms);
    }
}

/// Longer than any client's deadline.
const HANG_MAX: Duration = Duration::from_secs(3_600);

/// Gives the ticket back when the caller goes away; what was asked for still happens.
struct Waits<'a> {
    shared: &'a Shared,
    ticket: Option<u64>,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.shared.sim().abandon(ticket);
        }
    }
}

/// Only the headers that mean something here are copied.
fn read(request: &HttpRequest, body: &[u8]) -> Request {
    const HEADERS: [&str; 4] = [
        "x-auth-token",
        "x-subject-token",
        "openstack-api-version",
        "x-openstack-nova-api-version",
    ];
    let header = |name: &str| {
        let value = request.headers().get(name)?.to_str().ok()?;
        Some((name.to_owned(), value.to_owned()))
    };
    let target = request.uri().path_and_query();
    Request {
        method: request.method().as_str().to_owned(),
        path_and_query: target.map_or("/", |t| t.as_str()).to_owned(),
        headers: HEADERS.iter().filter_map(|name| header(name)).collect(),
        body: body.to_vec(),
    }
}

fn write(response: Response) -> HttpResponse {
    let status = StatusCode::from_u16(response.status);
    let mut builder = HttpResponse::build(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for (name, value) in response.headers {
        builder.insert_header((HeaderName::from_static(name), value));
    }
    builder.body(response.body)
}

/// Shuts the socket: what is returned cannot be written any more.
fn cut(request: &HttpRequest) -> HttpResponse {
    if let Some(wire) = request.conn_data::<Wire>()
        && let Err(error) = wire.0.shutdown(Shutdown::Both)
    {
        tracing::debug!(%error, "the connection was gone already");
    }
    let mut response = HttpResponse::InternalServerError().finish();
    response
        .head_mut()
        .set_connection_type(actix_web::http::ConnectionType::Close);
    response
}
