use super::*;

#[test]
fn an_api_of_another_colo_is_asked_over_tls_or_on_loopback_alone() {
    for (address, expected) in [
        ("https://api.colo2.example.org:8070", true),
        ("http://127.0.22.101:8070", true),
        ("http://localhost:8070", true),
        ("http://localhost.example.org:8070", false),
        ("http://127.example.org:8070", false),
        ("http://api.colo2.example.org:8070", false),
        ("api.colo2.example.org", false),
    ] {
        assert_eq!(is_address(address), expected, "{address}");
    }
}
