use super::*;

fn rules(allow: &[&str]) -> Rules {
    Rules {
        allow: allow.iter().map(|text| text.parse().unwrap()).collect(),
        plain_http: false,
        ports: Vec::new(),
    }
}

/// Every way to write an address that must not be called, found in reports on such attacks.
const CLOSED: [&str; 46] = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.255.255.254/",
    "https://0.0.0.0/",
    "https://0/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.01/",
    "https://127.0.0.1./",
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.0.1/",
    "https://3232235777/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://169.254.1.1/",
    "https://100.64.0.1/",
    "https://192.0.0.1/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[64:ff9b:1::a9fe:a9fe]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[fe80::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
];

#[test]
fn no_way_to_write_a_closed_address_passes() {
    for url in CLOSED {
        let refused = rules(&[]).check(url);
        assert!(
            matches!(refused, Err(Refused::Private(_))),
            "{url}: {refused:?}"
        );
    }
}

#[test]
fn public_addresses_pass_and_closed_ones_that_the_operator_lists() {
    for url in [
        "https://93.184.216.34/",
        "https://[2606:2800:220:1:248:1893:25c8:1946]/x?y=z",
        "https://receiver.example:8443/hook",
        "https://172.32.0.1/",
        "https://100.128.0.1/",
    ] {
        assert!(rules(&[]).check(url).is_ok(), "{url}");
    }
    let listed = rules(&["127.0.0.0/8", "fd00::/8"]);
    assert!(listed.check("https://2130706433:8443/").is_ok());
    assert!(listed.check("https://[fd00::5]/").is_ok());
    assert!(listed.check("https://10.0.0.1/").is_err());
    // A mapped address is not the one inside.
    assert!(listed.check("https://[::ffff:127.0.0.1]/").is_err());
}

#[test]
fn schemes_credentials_and_odd_ports_are_refused() {
    let table = [
        ("http://93.184.216.34/", Refused::Scheme),
        ("ftp://93.184.216.34/", Refused::Scheme),
        ("file:///etc/passwd", Refused::Scheme),
        ("gopher://93.184.216.34/", Refused::Scheme),
        ("https://user@93.184.216.34/", Refused::Credentials),
        ("https://:secret@93.184.216.34/", Refused::Credentials),
        ("https://93.184.216.34:22/", Refused::Port(22)),
        ("https://93.184.216.34:25/", Refused::Port(25)),
        ("//93.184.216.34/", Refused::NoUrl),
        ("", Refused::NoUrl),
    ];
    for (url, expected) in table {
        assert_eq!(rules(&[]).check(url).err(), Some(expected), "{url}");
    }
    let open = Rules {
        plain_http: true,
        ports: vec![25],
        ..Rules::default()
    };
    assert!(open.check("http://93.184.216.34:25/").is_ok());
}

#[tokio::test]
async fn a_name_with_one_closed_address_leads_nowhere() {
    let table: fn(&str) -> Vec<IpAddr> = |name| {
        let all: &[&str] = match name {
            "good.example" => &["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"],
            "mixed.example" => &["93.184.216.34", "10.0.0.1"],
            "metadata.example" => &["169.254.169.254"],
            "mapped.example" => &["::ffff:10.0.0.1"],
            _ => &[],
        };
        all.iter().map(|text| text.parse().unwrap()).collect()
    };
    let guarded = Guarded {
        rules: Rules::default(),
        names: Names::Table(Arc::new(table)),
    };
    assert_eq!(guarded.look_up("good.example").await.unwrap().len(), 2);
    for name in ["mixed.example", "metadata.example", "mapped.example"] {
        let found = guarded.look_up(name).await;
        assert!(matches!(found, Err(Unknown::Refused(_))), "{name}");
    }
    let unknown = guarded.look_up("unknown.example").await;
    assert_eq!(unknown, Err(Unknown::Name));
}
