use chassis::config::Layers;

use super::{Config, DEFAULTS};
use crate::settings::Settings;

fn load(variables: &[(&str, &str)]) -> anyhow::Result<Config> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let layers = Layers::new(DEFAULTS).environment("HOLT_API", variables);
    let config: Config = layers.load()?;
    config.check()?;
    Ok(config)
}

const REQUIRED: [(&str, &str); 1] = [(
    "HOLT_API__SUPERVISOR__KEY",
    "an-internal-key-of-32-characters",
)];

#[test]
fn the_text_of_defaults_says_what_the_defaults_are() {
    assert_eq!(load(&REQUIRED).unwrap().api, Settings::default());
}

#[test]
fn what_is_required_stops_the_start() {
    for missing in 0..REQUIRED.len() {
        let mut variables = REQUIRED.to_vec();
        variables.remove(missing);
        assert!(load(&variables).is_err());
    }
}

#[test]
fn certificates_do_instead_of_the_key_and_want_no_other_ca() {
    let tls = [
        ("HOLT_API__TLS__CA_FILE", "/nowhere/ca.pem"),
        ("HOLT_API__TLS__CERTIFICATE_FILE", "/nowhere/api.pem"),
        ("HOLT_API__TLS__KEY_FILE", "/nowhere/api.key"),
    ];
    let config = load(&tls).unwrap();
    let reload = config.tls.unwrap().reload;
    assert_eq!(reload, std::time::Duration::from_secs(10));
    assert!(load(&tls[..2]).is_err());
    let other = ("HOLT_API__SUPERVISOR__CA_FILE", "/nowhere/other.pem");
    assert!(load(&[&tls[..], &[other]].concat()).is_err());
}
