//! Groups: configuration, and what a create holds (contract 2.1, 2.2).

use std::collections::BTreeMap;
use std::time::Duration;

use domain::capacity::{Bounds, Size};

use super::json::Json;
use super::launch::{self, LaunchSpec};
use super::policy::{self, PolicySpec, Rules};
use super::{Invalid, Kind, Members, metadata, name, whole};

/// Most servers of a group on this surface.
pub const ENTITIES_MAX: u32 = 1_000;
/// Policies of one create, at most.
const POLICIES_MAX: usize = 100;

/// What a customer configures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSpec {
    /// For people; not unique.
    pub name: String,
    /// No policy acts sooner than this after another one acted.
    pub cooldown: Duration,
    /// The least and the most servers.
    pub bounds: Bounds,
    /// The customer's own key-value pairs.
    pub metadata: BTreeMap<String, String>,
}

/// What a create holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSpec {
    /// The configuration.
    pub group: GroupSpec,
    /// What is launched.
    pub launch: LaunchSpec,
    /// The first policies, in order.
    pub policies: Vec<PolicySpec>,
}

/// Reads a create.
///
/// # Errors
/// [`Invalid`]: rows B006, B032 to B039 and those of its parts.
pub fn create(body: &Json, rules: Rules) -> Result<CreateSpec, Invalid> {
    let required = ["groupConfiguration", "launchConfiguration"];
    let members = Members::of(body, "body", &required, &["scalingPolicies"])?;
    let group = configuration(
        members.need("groupConfiguration"),
        &["name", "cooldown", "minEntities"],
    )?;
    let launch = launch::parse(members.need("launchConfiguration"))?;
    let policies = match members.get("scalingPolicies") {
        None => Vec::new(),
        Some(list) => {
            let invalid = || Invalid::of("scalingPolicies", "must be a list of at most 100");
            let items = list
                .items()
                .filter(|items| items.len() <= POLICIES_MAX)
                .ok_or_else(invalid)?;
            let item = |(at, item): (usize, &Json)| {
                policy::one(item, rules)
                    .map_err(|bad| bad.within(&format!("scalingPolicies[{at}]")))
            };
            items
                .iter()
                .enumerate()
                .map(item)
                .collect::<Result<_, _>>()?
        }
    };
    Ok(CreateSpec {
        group,
        launch: launch.with_service_net()?,
        policies,
    })
}

/// Reads what PUT takes: everything (row B040).
///
/// # Errors
/// [`Invalid`].
pub fn replacement(body: &Json) -> Result<GroupSpec, Invalid> {
    let all = ["name", "cooldown", "minEntities", "maxEntities", "metadata"];
    configuration(body, &all)
}

fn configuration(value: &Json, required: &[&str]) -> Result<GroupSpec, Invalid> {
    let place = "groupConfiguration";
    let members = Members::of(value, place, required, &["maxEntities", "metadata"])?;
    let name = name(members.need("name")).map_err(|bad| bad.within(place))?;
    let cooldown = whole(members.need("cooldown"), "cooldown", 0, 86_400)?;
    let min = whole(members.need("minEntities"), "minEntities", 0, ENTITIES_MAX)?;
    let bounds_error = || Invalid {
        kind: Kind::Bounds,
        text: "minEntities must be less than or equal to maxEntities".to_owned(),
    };
    let max = match members.get("maxEntities") {
        None => ENTITIES_MAX,
        // The old schema let it pass, and the next check refused it.
        Some(Json::Null) => return Err(bounds_error()),
        Some(max) => whole(max, "maxEntities", 0, ENTITIES_MAX)?,
    };
    Ok(GroupSpec {
        name,
        cooldown: Duration::from_secs(cooldown.into()),
        metadata: members
            .get("metadata")
            .map(metadata)
            .transpose()?
            .unwrap_or_default(),
        bounds: Bounds::new(Size(min), Size(max)).map_err(|_above| bounds_error())?,
    })
}
