//! Flavors, limits, key pairs and the version document.

use serde_json::{Value, json};

use crate::nova::error::refuse;
use crate::nova::{Ask, Refused};
use crate::request::Response;
use crate::settings::Flavor;
use crate::sim::Sim;

impl Sim {
    pub(super) fn compute_version(&self) -> Response {
        let max = format!("2.{}", self.settings.microversion_max);
        Response::json(
            200,
            &json!({"version": {"id": "v2.1", "status": "CURRENT", "version": max, "min_version": "2.1", "links": []}}),
        )
    }

    pub(super) fn list_flavors(&self, detail: bool) -> Response {
        let rows = self.settings.flavors.iter().map(|flavor| {
            if detail {
                flavor_row(flavor)
            } else {
                json!({"id": flavor.id, "name": flavor.name, "links": []})
            }
        });
        Response::json(200, &json!({"flavors": rows.collect::<Vec<_>>()}))
    }

    pub(super) fn show_flavor(&self, id: &str) -> Result<Response, Refused> {
        let found = self.settings.flavors.iter().find(|f| f.id == id);
        let flavor =
            found.ok_or_else(|| refuse(404, &format!("Flavor {id} could not be found.")))?;
        Ok(Response::json(200, &json!({"flavor": flavor_row(flavor)})))
    }

    pub(super) fn show_limits(&self, ask: &Ask<'_>) -> Response {
        let region = &self.regions[ask.region];
        let quota = region.weather.faults().quota_instances;
        let quota = quota.map_or_else(|| json!(-1), |limit| json!(limit));
        let used = self.fleet.used(&region.name, &ask.project);
        Response::json(
            200,
            &json!({"limits": {"rate": [], "absolute": {
                "maxTotalInstances": quota, "totalInstancesUsed": used,
                "maxTotalCores": -1, "totalCoresUsed": used,
                "maxTotalRAMSize": -1, "totalRAMUsed": used * 512,
                "maxServerMeta": self.settings.metadata_items_max,
                "maxTotalKeypairs": self.settings.key_pairs_max,
                "maxServerGroups": 10, "maxServerGroupMembers": 10, "totalServerGroupsUsed": 0,
            }}}),
        )
    }

    pub(super) fn list_key_pairs(&self, ask: &Ask<'_>) -> Response {
        let pairs = &self.regions[ask.region].key_pairs;
        let own = pairs.iter().filter(|((user, _), _)| *user == ask.user);
        let rows: Vec<Value> = own
            .map(|((_, name), key)| json!({"keypair": pair_row(name, key)}))
            .collect();
        Response::json(200, &json!({"keypairs": rows}))
    }

    pub(super) fn show_key_pair(&self, ask: &Ask<'_>, name: &str) -> Result<Response, Refused> {
        let pairs = &self.regions[ask.region].key_pairs;
        let key = pairs
            .get(&(ask.user.clone(), name.to_owned()))
            .ok_or_else(|| no_pair(ask, name))?;
        Ok(Response::json(
            200,
            &json!({"keypair": pair_row(name, key)}),
        ))
    }

    /// Names are unique per user: of two at once, one gets 409.
    pub(super) fn create_key_pair(&mut self, ask: &Ask<'_>) -> Result<Response, Refused> {
        let body: Value = serde_json::from_slice(&ask.job.request.body).unwrap_or_default();
        let Some(name) = body["keypair"]["name"].as_str() else {
            return Err(refuse(400, "'name' is a required property"));
        };
        let key = body["keypair"]["public_key"].as_str();
        // From 2.92 on Nova makes no keys any more: one has to be brought.
        if key.is_none() && ask.minor >= 92 {
            return Err(refuse(400, "'public_key' is a required property"));
        }
        let key = key.unwrap_or("ssh-ed25519 AAAA generated").to_owned();
        if !key.starts_with("ssh-") {
            return Err(refuse(
                400,
                "Keypair data is invalid: failed to generate fingerprint",
            ));
        }
        let pairs = &mut self.regions[ask.region].key_pairs;
        let id = (ask.user.clone(), name.to_owned());
        if pairs.contains_key(&id) {
            return Err(refuse(409, &format!("Key pair '{name}' already exists.")));
        }
        let own = pairs.keys().filter(|(user, _)| *user == ask.user).count();
        if own >= self.settings.key_pairs_max {
            return Err(refuse(403, "Quota exceeded, too many key pairs."));
        }
        let response = Response::json(
            if ask.minor >= 2 { 201 } else { 200 },
            &json!({"keypair": pair_row(name, &key)}),
        );
        pairs.insert(id, key);
        Ok(response)
    }

    pub(super) fn delete_key_pair(
        &mut self,
        ask: &Ask<'_>,
        name: &str,
    ) -> Result<Response, Refused> {
        let pairs = &mut self.regions[ask.region].key_pairs;
        pairs
            .remove(&(ask.user.clone(), name.to_owned()))
            .ok_or_else(|| no_pair(ask, name))?;
        Ok(Response::empty(if ask.minor >= 2 { 204 } else { 202 }))
    }
}

fn flavor_row(flavor: &Flavor) -> Value {
    json!({
        "id": flavor.id, "name": flavor.name, "vcpus": flavor.vcpus, "ram": flavor.ram_mib, "disk": flavor.disk_gib, "swap": 0,
        "OS-FLV-EXT-DATA:ephemeral": 0, "OS-FLV-DISABLED:disabled": false, "os-flavor-access:is_public": true, "rxtx_factor": 1, "links": [],
    })
}

fn pair_row(name: &str, key: &str) -> Value {
    json!({"name": name, "public_key": key, "type": "ssh", "fingerprint": "00:00"})
}

fn no_pair(ask: &Ask<'_>, name: &str) -> Refused {
    let user = &ask.user;
    refuse(404, &format!("Keypair {name} not found for user {user}"))
}
