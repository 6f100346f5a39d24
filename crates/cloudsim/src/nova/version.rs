//! Microversions.

use crate::nova::Refused;
use crate::nova::error::refuse;
use crate::request::Request;

/// The n of the version 2.n that a request asks for; 2.1 if it asks for none.
pub(crate) fn asked(request: &Request, max: u16) -> Result<u16, Refused> {
    let text = match request.header("openstack-api-version") {
        Some(header) => {
            // Several services may be named, separated by commas.
            let mut services = header.split(',').map(str::trim);
            services.find_map(|s| s.strip_prefix("compute "))
        }
        None => request.header("x-openstack-nova-api-version"),
    };
    let Some(text) = text.map(str::trim) else {
        return Ok(1);
    };
    if text == "latest" {
        return Ok(max);
    }
    let parts = text
        .split_once('.')
        .and_then(|(major, minor)| Some((major.parse::<u16>().ok()?, minor.parse::<u16>().ok()?)));
    match parts {
        Some((2, minor)) if (1..=max).contains(&minor) => Ok(minor),
        Some(_) => Err(refuse(
            406,
            &format!(
                "Version {text} is not supported by the API. Minimum is 2.1 and maximum is 2.{max}."
            ),
        )),
        None => Err(refuse(
            400,
            &format!(
                "API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum."
            ),
        )),
    }
}
