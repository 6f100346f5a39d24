//! Certificates and CAs that change while the roles speak.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use chassis::Clock;
use wire::ports::Role;

use super::rig::{Authority, Files, Got, LONG, One, Supervisor, play, submits};

/// Asks again and again, over a connection that stays and over new ones, until it is told to stop; every question must come in.
async fn ask(api: Arc<One>, address: String, (stop, asked): (Arc<AtomicBool>, Arc<AtomicU32>)) {
    let lasting = api.lasting(&address).unwrap();
    while !stop.load(Ordering::Relaxed) {
        assert_eq!(submits(&lasting, &api.process).await, Got::In);
        assert_eq!(api.submits(&address).await, Got::In);
        asked.fetch_add(1, Ordering::Relaxed);
        api.process.clock.sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until some more questions have been asked.
async fn goes_on(asked: &AtomicU32, clock: &Clock) {
    let before = asked.load(Ordering::Relaxed);
    for _ in 0..600 {
        if asked.load(Ordering::Relaxed) >= before + 3 {
            return;
        }
        clock.sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody asks any more, after {before} questions");
}

#[test]
fn certificates_and_their_ca_change_without_a_restart_and_no_question_is_lost() {
    play(|old, supervisor| async move {
        let new = Authority::new("new");
        let api = Files::new(Role::Api, &old, &[&old]);
        let api = Arc::new(One::new(Role::Api, api));
        let both = [&supervisor.one, &*api];
        let stop = Arc::new(AtomicBool::new(false));
        let counted = Arc::new(AtomicU32::new(0));
        let (asked, clock) = (&*counted, &api.process.clock);
        let tasks = &api.process.tasks;
        let told = (Arc::clone(&stop), Arc::clone(&counted));
        let asking = ask(Arc::clone(&api), supervisor.address.clone(), told);
        let asking = tasks.spawn("ask", asking);
        let changed = |n| async move {
            for one in both {
                one.reaches("tls_changes_total", n).await;
            }
            goes_on(asked, clock).await;
        };
        goes_on(asked, clock).await;
        // First everybody believes both, then everybody shows the new one, then nobody believes the old one.
        for one in both {
            one.files.believe(&[&old, &new]);
        }
        changed(1).await;
        for (one, role) in both.into_iter().zip([Role::Supervisor, Role::Api]) {
            // Certificate and key are two files: between the two the old pair is in use.
            let until = LONG - Duration::from_secs(1_000);
            one.files
                .show(new.issue(&[role.name(), "localhost"], until));
        }
        changed(2).await;
        let expires = "tls_certificate_expires_at_seconds";
        for one in both {
            assert_eq!(one.metric(expires), 3_999_999_000);
            one.files.believe(&[&new]);
        }
        changed(3).await;
        stop.store(true, Ordering::Relaxed);
        asking.join().await.unwrap();
        for one in both {
            assert_eq!(one.metric("tls_peers_refused_total"), 0);
            assert_eq!(one.metric("tls_files_refused"), 0);
        }
        let late = Files::new(Role::Api, &old, &[&old, &new]);
        let late = One::new(Role::Api, late);
        assert_eq!(late.submits(&supervisor.address).await, Got::Nowhere);
    });
}

#[test]
fn a_file_that_cannot_be_used_leaves_the_old_certificate_in_use_and_is_told() {
    play(|authority, supervisor| async move {
        let Supervisor { one, address, .. } = &supervisor;
        let api = Files::new(Role::Api, &authority, &[&authority]);
        let api = One::new(Role::Api, api);
        let names = [Role::Supervisor.name(), "localhost"];
        let good = authority.issue(&names, LONG);
        let (certificate, key) = good.clone();
        let another = authority.issue(&names, LONG);
        let text = |text: &str| text.to_owned();
        let broken = [
            ("not PEM", text("rubbish"), key.clone()),
            ("cut off", text(&certificate[..300]), key.clone()),
            ("no key", certificate.clone(), text("rubbish")),
            ("another's key", certificate.clone(), another.1),
        ];
        let stranger = Authority::new("stranger").issue(&names, LONG);
        let worker = authority.issue(&[Role::Worker.name()], LONG);
        let past = authority.issue(&names, Duration::from_secs(1_600_000_000));
        let unfit = [
            ("of a stranger", stranger.0, stranger.1),
            ("of another role", worker.0, worker.1),
            ("expired", past.0, past.1),
        ];
        let before = one.metric("tls_certificate_expires_at_seconds");
        for (what, certificate, key) in broken.into_iter().chain(unfit) {
            one.files.show((certificate, key));
            one.reaches("tls_files_refused", 1).await;
            assert_eq!(api.submits(address).await, Got::In, "{what}");
            one.files.show(good.clone());
            one.reaches("tls_files_refused", 0).await;
        }
        std::fs::remove_file(one.files.settings().ca_file).unwrap();
        one.reaches("tls_files_refused", 1).await;
        assert_eq!(api.submits(address).await, Got::In);
        one.files.believe(&[&authority]);
        one.reaches("tls_files_refused", 0).await;
        let after = one.metric("tls_certificate_expires_at_seconds");
        assert_eq!(after, before);
    });
}
