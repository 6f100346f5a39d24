//! Launch bodies by content hash.

use domain::ids::LaunchHash;

use super::case::{Bench, Outcome, cases, same};

cases! {
    a_launch_body_comes_back_by_its_hash
    the_hash_is_that_of_the_bytes
    one_body_put_twice_has_one_hash
    an_unknown_hash_has_no_body
    a_foreign_tenant_gets_no_body
    an_empty_body_and_one_of_two_megabytes_come_back
}

async fn a_launch_body_comes_back_by_its_hash(s: &Bench) -> Outcome {
    let tenant = s.tenant();
    let launches = &s.stores().launches;
    let hash = launches.put(&tenant, b"{\"image\":1}\x00\xff").await?;
    let found = launches.get(&tenant, hash).await?;
    same("body", &found, &Some(b"{\"image\":1}\x00\xff".to_vec()))
}

async fn the_hash_is_that_of_the_bytes(s: &Bench) -> Outcome {
    let hash = s.stores().launches.put(&s.tenant(), b"abc").await?;
    let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    same("hash", &hash.to_string().as_str(), &known)
}

async fn one_body_put_twice_has_one_hash(s: &Bench) -> Outcome {
    let tenant = s.tenant();
    let launches = &s.stores().launches;
    let one = launches.put(&tenant, b"body").await?;
    let two = launches.put(&tenant, b"body").await?;
    same("hash", &one, &two)
}

async fn an_unknown_hash_has_no_body(s: &Bench) -> Outcome {
    let launches = &s.stores().launches;
    let found = launches.get(&s.tenant(), LaunchHash([9; 32])).await?;
    same("body", &found, &None)
}

async fn a_foreign_tenant_gets_no_body(s: &Bench) -> Outcome {
    let launches = &s.stores().launches;
    let hash = launches.put(&s.tenant(), b"secret").await?;
    let found = launches.get(&s.tenant(), hash).await?;
    same("body", &found, &None)
}

async fn an_empty_body_and_one_of_two_megabytes_come_back(s: &Bench) -> Outcome {
    let tenant = s.tenant();
    let launches = &s.stores().launches;
    for body in [Vec::new(), vec![0x5a; 2_000_000]] {
        let hash = launches.put(&tenant, &body).await?;
        let found = launches.get(&tenant, hash).await?;
        same("length", &found.map(|b| b.len()), &Some(body.len()))?;
    }
    Ok(())
}
