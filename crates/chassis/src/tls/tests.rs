use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::*;

const ALL: &[&str] = &["one.example", "two.example"];

fn signed(names: &[&str]) -> rustls::pki_types::CertificateDer<'static> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(2024, 2, 29);
    params.not_after = date_time_ymd(2049, 12, 31);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().clone()
}

#[test]
fn a_certificate_names_one_or_nobody() {
    let name = |names: &[&str]| verify::name(&signed(names), ALL);
    assert_eq!(name(&["two.example"]), Some("two.example"));
    assert_eq!(name(&["two.example", "localhost"]), Some("two.example"));
    for nobody in [
        &["three.example"][..],
        &["one.example", "two.example"],
        &["*.example"],
        &[],
    ] {
        assert_eq!(name(nobody), None, "{nobody:?}");
    }
}

#[test]
fn the_end_of_a_certificate_is_read_in_both_forms_of_time() {
    // RFC 5280: two digits of the year until 2049, four from 2050 on.
    for (year, seconds) in [
        (2025, 1_740_787_200),
        (2049, 2_498_169_600),
        (2050, 2_529_705_600),
        (2100, 4_107_542_400),
    ] {
        let mut params = CertificateParams::default();
        params.not_after = date_time_ymd(year, 3, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        assert_eq!(expiry::of(certificate.der()), Some(seconds), "{year}");
        // Whatever is cut off, it is no certificate and no panic.
        for length in 0..certificate.der().len() {
            let cut = certificate.der()[..length].to_vec().into();
            assert!(expiry::of(&cut).is_none() || length > 100);
        }
    }
}

#[test]
fn a_broken_key_is_named_and_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["one.example".to_owned()]).unwrap();
    let own = own.self_signed(&key).unwrap().pem();
    let settings = Settings {
        ca_file: file("ca.pem", &own),
        certificate_file: file("own.pem", &own),
        key_file: file("own.key", "-----BEGIN CANARY KEY-----\nCANARY\n"),
        reload: reload(),
    };
    let names = Names {
        all: ALL,
        own: "one.example",
        serves: true,
    };
    let content = Content::read(&settings).unwrap();
    let error = content.load(&settings, &names).err().unwrap();
    let told = format!("{} {error:?}", crate::telemetry::chain(&error));
    assert!(
        told.contains("own.key") && !told.contains("CANARY"),
        "{told}"
    );
}
