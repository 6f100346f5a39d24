//! Addresses that are not called, whatever they are written as and wherever their names lead: nothing connects.
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chassis::Process;
use domain::hook::Format;
use domain::ids::{ColoId, DeliveryId, GroupId, GroupKey, HomeEpoch};
use domain::outbox::Sent;
use domain::time::Timestamp;
use holt_hooks::address::Names;
use holt_hooks::send::Sender;
use tokio::net::TcpListener;
use wire::hooks::message::{Data, Message};
use wire::ports::hooks::Parcel;
use wire::v2::time::Moment;

use super::rig::lane;

/// A socket that counts who connects.
async fn trap(process: &Process, address: &str) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    drop(process.tasks.spawn("trap", async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    }));
    (address, count)
}

fn parcel(url: &str) -> Parcel {
    let group = GroupKey {
        tenant: "acme".parse().unwrap(),
        id: GroupId::new(ColoId(1), 1),
        epoch: HomeEpoch(0),
    };
    let data: Data = serde_json::from_str(
        r#"{"tenant":"acme","group":"g","group_name":"web","hook":"x","attempt":1}"#,
    )
    .unwrap();
    Parcel {
        group,
        id: DeliveryId(1),
        made: 0,
        hook: "x".parse().unwrap(),
        format: Format::Webhook,
        url: url.to_owned(),
        keys: Vec::new(),
        message: Message {
            id: "msg".to_owned(),
            kind: "server.active".to_owned(),
            timestamp: Moment(Timestamp::from_unix_ms(0)),
            data,
        },
    }
}

/// A lane as operators have it by default, but for plain HTTP, so that a connection would show.
fn sender(process: &Process, names: Names, allow: &[&str]) -> Sender {
    let mut settings = lane("http://holt");
    settings.rules.allow = allow.iter().map(|text| text.parse().unwrap()).collect();
    settings.names = names;
    settings.deadline = Duration::from_secs(3);
    Sender::new(process, &settings).unwrap()
}

fn table(names: &[(&'static str, &'static [&'static str])]) -> Names {
    let table: BTreeMap<&str, Vec<IpAddr>> = names
        .iter()
        .map(|(name, all)| (*name, all.iter().map(|ip| ip.parse().unwrap()).collect()))
        .collect();
    Names::Table(Arc::new(move |name: &str| {
        table.get(name).cloned().unwrap_or_default()
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_way_to_write_a_closed_address_and_no_name_that_leads_to_one_connects() {
    let process = Process::system();
    let (four, count4) = trap(&process, "0.0.0.0:0").await;
    let port = four.port();
    let six = trap(&process, &format!("[::1]:{port}")).await;
    let names = table(&[
        ("inside.example", &["127.0.0.1"]),
        ("mixed.example", &["93.184.216.34", "127.0.0.1"]),
        ("six.example", &["::1"]),
        ("mapped.example", &["::ffff:127.0.0.1"]),
        ("nat.example", &["64:ff9b::7f00:1"]),
        ("metadata.example", &["169.254.169.254"]),
    ]);
    let sender = sender(&process, names, &[]);
    let hosts = [
        "127.0.0.1",
        "127.1",
        "0.0.0.0",
        "0",
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "inside.example",
        "mixed.example",
        "six.example",
        "mapped.example",
        "nat.example",
        "metadata.example",
        "INSIDE.example",
    ];
    for host in hosts {
        let sent = sender
            .send(&parcel(&format!("http://{host}:{port}/x")))
            .await;
        assert!(matches!(sent, Sent::Refused(_)), "{host}: {sent:?}");
    }
    for url in [
        "ftp://127.0.0.1/",
        "http://a:b@127.0.0.1/",
        "http://",
        "x",
        "",
    ] {
        let sent = sender.send(&parcel(url)).await;
        assert!(matches!(sent, Sent::Refused(_)), "{url}: {sent:?}");
    }
    process.clock.sleep(Duration::from_millis(200)).await;
    let connected = (count4.load(Ordering::SeqCst), six.1.load(Ordering::SeqCst));
    assert_eq!(connected, (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_changes_between_two_looks_leads_only_where_it_was_judged() {
    let process = Process::system();
    let (allowed, good) = trap(&process, "127.0.0.2:0").await;
    let port = allowed.port();
    let (_, bad) = trap(&process, &format!("127.0.0.1:{port}")).await;
    let looks = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&looks);
    // What an attacker's name server says: first an address that passes, and ever after one inside.
    let names = Names::Table(Arc::new(move |_: &str| {
        let first = asked.fetch_add(1, Ordering::SeqCst) == 0;
        let ip = if first { "127.0.0.2" } else { "127.0.0.1" };
        vec![ip.parse().unwrap()]
    }));
    let sender = sender(&process, names, &["127.0.0.2"]);
    let url = format!("http://flip.example:{port}/");
    let first = sender.send(&parcel(&url)).await;
    assert!(matches!(first, Sent::Failed(..)), "it hangs up: {first:?}");
    assert_eq!(looks.load(Ordering::SeqCst), 1, "one look, one connection");
    let second = sender.send(&parcel(&url)).await;
    assert!(matches!(second, Sent::Refused(_)), "{second:?}");
    assert_eq!(good.load(Ordering::SeqCst), 1);
    assert_eq!(bad.load(Ordering::SeqCst), 0);
}
