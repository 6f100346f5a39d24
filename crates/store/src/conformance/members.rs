//! Leases of supervisors.

use domain::ids::{ColoId, Incarnation};
use domain::member::Lease;

use super::case::{Bench, Outcome, cases, same};
use super::sample;

cases! {
    a_lease_is_read_as_it_was_last_written
    each_life_of_a_member_has_a_lease_of_its_own
    a_lease_that_is_given_up_is_gone
    leases_of_one_colo_are_not_those_of_another
}

const COLO: ColoId = ColoId(40_001);

fn lease(s: &Bench) -> Lease {
    let random = s.process.entropy.u128();
    Lease {
        member: sample::text(&format!("http://m-{random:032x}:8071")),
        life: Incarnation::from_u128(1),
        beat: 1,
    }
}

/// The leases of one member. A shared store may hold other cases'.
async fn of(s: &Bench, colo: ColoId, lease: &Lease) -> Result<Vec<Lease>, crate::Error> {
    let mut leases = s.stores().members.leases(colo).await?;
    leases.retain(|other| other.member == lease.member);
    Ok(leases)
}

async fn a_lease_is_read_as_it_was_last_written(s: &Bench) -> Outcome {
    let mut lease = lease(s);
    for beat in [1, 2, u64::from(u32::MAX) + 7] {
        lease.beat = beat;
        s.stores().members.beat(COLO, &lease).await?;
        let found = of(s, COLO, &lease).await?;
        same("leases", &found, &vec![lease.clone()])?;
    }
    Ok(())
}

async fn each_life_of_a_member_has_a_lease_of_its_own(s: &Bench) -> Outcome {
    let first = lease(s);
    let second = Lease {
        life: Incarnation::from_u128(2),
        ..first.clone()
    };
    s.stores().members.beat(COLO, &second).await?;
    s.stores().members.beat(COLO, &first).await?;
    let found = of(s, COLO, &first).await?;
    same("leases", &found, &vec![first.clone(), second.clone()])?;
    s.stores().members.leave(COLO, &first).await?;
    same("leases", &of(s, COLO, &first).await?, &vec![second])
}

async fn a_lease_that_is_given_up_is_gone(s: &Bench) -> Outcome {
    let lease = lease(s);
    s.stores().members.leave(COLO, &lease).await?;
    s.stores().members.beat(COLO, &lease).await?;
    s.stores().members.leave(COLO, &lease).await?;
    same("leases", &of(s, COLO, &lease).await?, &Vec::new())
}

async fn leases_of_one_colo_are_not_those_of_another(s: &Bench) -> Outcome {
    let lease = lease(s);
    s.stores().members.beat(COLO, &lease).await?;
    let other = ColoId(COLO.0 + 1);
    same("leases", &of(s, other, &lease).await?, &Vec::new())
}
