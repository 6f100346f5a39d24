"""The life of a group by a client that was generated from the OpenAPI document: see python.sh."""

import sys
import time

from holt_client import AuthenticatedClient
from holt_client.api.events import dry_run, list_verdicts, send_event
from holt_client.api.groups import create_group, delete_group, list_groups, pause_group, resume_group, show_config, show_group
from holt_client.api.ledger import list_slots, search_history
from holt_client.api.policies import create_policy, delete_policy, list_policies, list_schedules, replace_policy
from holt_client.api.service import show_limits
from holt_client.api.webhooks import create_webhook, delete_webhook, rotate_webhook, show_webhook
from holt_client.models import EventRequest, GroupSpec, Policy, Problem, WebhookSpec

base, tenant, token, reader = sys.argv[1:]
client = AuthenticatedClient(base_url=base, token=token)
spec = GroupSpec.from_dict({
    "name": "web", "min": 1, "max": 4,
    "policies": [{"id": "busy", "change": 1}],
    "launch": {"server": {"imageRef": "11111111-1111-4111-8111-111111111111", "flavorRef": "1", "networks": "auto"}},
})


def good(answer, status):
    """The parsed answer, which must have this status."""
    assert answer.status_code == status, (answer.status_code, answer.content)
    return answer.parsed


made = good(create_group.sync_detailed(tenant, client=client, body=spec, idempotency_key="once"), 201)
again = good(create_group.sync_detailed(tenant, client=client, body=spec, idempotency_key="once"), 201)
assert made.id == again.id, "a repeated write made another group"
group = made.id
assert [one.id for one in good(list_groups.sync_detailed(tenant, client=client), 200).items] == [group]
assert good(show_config.sync_detailed(tenant, group, client=client), 200).max_ == 4

dry = good(dry_run.sync_detailed(tenant, group, client=client, body=EventRequest(policy="busy")), 200)
assert (dry.verdict.before, dry.verdict.after) == (1, 2), dry
verdict = good(send_event.sync_detailed(tenant, group, client=client, body=EventRequest(policy="busy"), idempotency_key="alert-1"), 200)
assert str(verdict.outcome) == "applied", verdict
verdicts = good(list_verdicts.sync_detailed(tenant, group, client=client), 200).items
assert [one.event for one in verdicts] == ["alert-1"]

night = Policy.from_dict({"id": "night", "desired": 1, "schedule": {"cron": "0 22 * * *"}})
good(create_policy.sync_detailed(tenant, group, client=client, body=night), 201)
assert good(list_schedules.sync_detailed(tenant, group, client=client), 200).items[0].policy == "night"
night.cooldown_seconds = 60
assert good(replace_policy.sync_detailed(tenant, group, "night", client=client, body=night), 200).cooldown_seconds == 60
assert len(good(list_policies.sync_detailed(tenant, group, client=client), 200).items) == 2

hook = good(create_webhook.sync_detailed(tenant, group, "busy", client=client, body=WebhookSpec(name="pager")), 201)
rotated = good(rotate_webhook.sync_detailed(tenant, group, "busy", hook.id, client=client), 200)
assert hook.url and rotated.url and hook.url != rotated.url
assert not good(show_webhook.sync_detailed(tenant, group, "busy", hook.id, client=client), 200).url
good(delete_webhook.sync_detailed(tenant, group, "busy", hook.id, client=client), 204)
good(delete_policy.sync_detailed(tenant, group, "night", client=client), 204)

for _ in range(100):
    if good(show_group.sync_detailed(tenant, group, client=client), 200).active == 2:
        break
    time.sleep(0.2)
assert good(show_group.sync_detailed(tenant, group, client=client), 200).active == 2
assert len(good(list_slots.sync_detailed(tenant, group, client=client), 200).items) == 2
assert good(show_limits.sync_detailed(tenant, client=client), 200).policies_per_group == 100
assert str(good(pause_group.sync_detailed(tenant, group, client=client), 200).status) == "paused"
good(resume_group.sync_detailed(tenant, group, client=client), 200)
found = good(search_history.sync_detailed(tenant, client=client, actor="ann"), 200).items
assert found and all(one.group == group for one in found)

blind = AuthenticatedClient(base_url=base, token=reader)
problem = good(pause_group.sync_detailed(tenant, group, client=blind), 403)
assert isinstance(problem, Problem) and problem.rule == "crud", problem
problem = good(delete_group.sync_detailed(tenant, group, client=client), 409)
assert problem.code == "group-not-empty", problem
good(delete_group.sync_detailed(tenant, group, client=client, force=True), 202)
