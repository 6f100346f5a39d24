//! What of a list matters to Holt: servers of our user, servers with our proof, and servers that show neither because their cell is down.
//! The rest is the customer's own: counted, and not passed on.

use std::time::Duration;

use cloud::port::{List, Server};
use cloud::proof::Proven;
use domain::evidence::{Proof, Row, Status};
use wire::ports::ops::{Done, Found};

/// One server as evidence.
pub(crate) fn row(server: Server) -> Row {
    let proof = match server.proven {
        Proven::Valid { group, slot } => Proof::Valid { group, slot },
        Proven::No => Proof::None,
        Proven::NoKey { .. } | Proven::Unreadable => Proof::Unreadable,
    };
    Row {
        server: server.id,
        proof,
        ours: server.ours,
        status: server.status,
    }
}

/// What was looked up, in the words of the port.
pub(crate) const fn found(found: cloud::port::Found) -> Found {
    match found {
        cloud::port::Found::Usable => Found::Usable,
        cloud::port::Found::Inactive => Found::Inactive,
        cloud::port::Found::Missing => Found::Missing,
    }
}

/// A list as evidence. Its age is set when it is sent.
pub(crate) fn listed(list: List) -> Done {
    let all = list.servers.len();
    let rows: Vec<Row> = list.servers.into_iter().filter(matters).map(row).collect();
    Done::Listed {
        age: Duration::ZERO,
        extent: list.extent,
        others: u32::try_from(all - rows.len()).unwrap_or(u32::MAX),
        rows,
    }
}

fn matters(server: &Server) -> bool {
    let proves = match server.proven {
        Proven::Valid { .. } | Proven::NoKey { .. } | Proven::Unreadable => true,
        Proven::No => false,
    };
    proves || server.ours || server.status == Status::Unknown
}
