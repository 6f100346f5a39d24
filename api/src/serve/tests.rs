use chassis::config::Layers;

use super::{Config, DEFAULTS};
use crate::settings::Settings;

fn load(variables: &[(&str, &str)]) -> Result<Config, chassis::config::Error> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Layers::new(DEFAULTS)
        .environment("HOLT_API", variables)
        .load()
}

const REQUIRED: [(&str, &str); 1] = [("HOLT_API__SUPERVISOR__KEY", "an-internal-key")];

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
