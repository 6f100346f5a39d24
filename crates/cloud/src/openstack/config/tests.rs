use super::*;

const TEXT: &str = r#"
keystone = "http://127.0.0.1:5000/v3"
region = "ORD"
interface = "internal"

[timeouts]
create = "5s"

[accounts.tenant-a]
kind = "password"
user = "autoscaler"
password = "CANARY-1"
project = { id = "p1" }

[accounts.tenant-b]
kind = "password"
user = "autoscaler"
user_domain = "services"
password = "CANARY-2"
project = { name = "b" }

[accounts.tenant-c]
kind = "application_credential"
id = "ac1"
secret = "CANARY-3"

[moved_from]
tenant-a = "p0"
"#;

#[test]
fn accounts_are_stated_per_tenant_and_the_rest_has_defaults() {
    let settings: Settings = toml::from_str(TEXT).expect("well formed");
    assert_eq!(settings.interface, Interface::Internal);
    assert_eq!(settings.timeouts.create, Duration::from_secs(5));
    assert_eq!(settings.timeouts.list, Duration::from_secs(75));
    assert_eq!(settings.list_max, 1000);
    let tenants: Vec<&str> = settings.accounts.keys().map(TenantId::as_str).collect();
    assert_eq!(tenants, ["tenant-a", "tenant-b", "tenant-c"]);
    let moved_from = &settings.moved_from[&"tenant-a".parse().expect("a tenant")];
    assert_eq!(moved_from, "p0");
    let b = &settings.accounts[&"tenant-b".parse().expect("a tenant")];
    let Account::Password {
        user_domain,
        project,
        ..
    } = b
    else {
        panic!("another kind");
    };
    assert_eq!(user_domain, "services");
    let by_name = Project::Name {
        name: "b".to_owned(),
        domain: "Default".to_owned(),
    };
    assert_eq!(*project, by_name);
}

#[test]
fn passwords_and_secrets_do_not_show_themselves() {
    let settings: Settings = toml::from_str(TEXT).expect("well formed");
    let printed = toml::to_string(&settings).expect("written");
    for shown in [format!("{settings:?}"), printed] {
        assert!(!shown.contains("CANARY"), "{shown}");
    }
}

#[test]
fn unknown_keys_and_bad_tenants_are_refused() {
    for (from, to) in [
        ("user = ", "usr = "),
        ("accounts.tenant-a", "accounts.\"tenant a\""),
        ("tenant-a = ", "\"tenant a\" = "),
        ("kind = \"application_credential\"", "kind = \"token\""),
        ("region = ", "regio = "),
        ("create = \"5s\"", "create = \"5\""),
    ] {
        let text = TEXT.replacen(from, to, 1);
        toml::from_str::<Settings>(&text).expect_err(to);
    }
}

#[test]
fn a_keystone_without_tls_is_told_of_unless_it_is_on_loopback() {
    let is_told = |address: &str| {
        let text = TEXT.replace("http://127.0.0.1:5000/v3", address);
        let settings: Settings = toml::from_str(&text).expect("well formed");
        settings.is_in_the_clear()
    };
    assert!(is_told("http://keystone.example.org:5000/v3"));
    assert!(is_told("http://localhost.example.org:5000/v3"));
    assert!(!is_told("http://127.0.0.1:5000/v3"));
    assert!(!is_told("https://keystone.example.org:5000/v3"));
}
