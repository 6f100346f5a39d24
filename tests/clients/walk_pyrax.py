#!/usr/bin/env python3
"""pyrax walks through a group's life. Usage: walk_pyrax.py IDENTITY-URL TENANT IMAGE"""

import sys
import time
import urllib.request

import pyrax
from pyrax import exceptions

identity, tenant, image = sys.argv[1:]
pyrax.set_setting("identity_type", "keystone")
pyrax.set_setting("auth_endpoint", identity)
pyrax.set_setting("tenant_id", tenant)
pyrax.set_setting("region", "ORD")
pyrax.set_credentials("ada", "password", authenticate=True)
autoscale = pyrax.connect_to_autoscale(region="ORD")
steps = 0


def holds(what, yes):
    global steps
    steps += 1
    if not yes:
        sys.exit(f"pyrax: does not hold: {what}")


def settles(group, servers):
    for _ in range(300):
        state = group.get_state()
        if state["active_capacity"] == servers and state["pending_capacity"] == 0:
            return state
        time.sleep(0.1)
    sys.exit(f"pyrax: never {servers} servers: {group.get_state()}")


group = autoscale.create(
    "walk", cooldown=0, min_entities=1, max_entities=6, launch_config_type="launch_server", server_name="walk", image=image, flavor="1",
    group_metadata={"a": "b"}, metadata={"made": "by pyrax"}, networks=[{"uuid": "22222222-2222-4222-8222-222222222222"}],
)
holds("the group is listed", group.id in [one.id for one in autoscale.list()])
holds("the group is shown", autoscale.get(group.id).name == "walk")
holds("its state", settles(group, 1)["desired_capacity"] == 1)
holds("its configuration", group.get_configuration()["minEntities"] == 1)
group.update(name="walked", max_entities=7, metadata={"c": "d"})
holds("it is updated", group.get_configuration()["maxEntities"] == 7)
# pyrax adds to what it read before: read again.
group = autoscale.get(group.id)
group.update_metadata({"e": "f"})
holds("its metadata", group.get_configuration()["metadata"] == {"c": "d", "e": "f"})

holds("its launch configuration", group.get_launch_config()["name"] == "walk")
group.update_launch_config(server_name="newer", flavor="2")
holds("it is updated", group.get_launch_config()["flavor"] == "2")
group.update_launch_metadata({"more": "metadata"})
holds("its metadata", group.get_launch_config()["metadata"] == {"made": "by pyrax", "more": "metadata"})

up = group.add_policy("up", "webhook", 0, change=2)
nightly = group.add_policy("nightly", "schedule", 60, change=50, is_percent=True, args={"cron": "0 3 * * *"})
holds("both policies", {one.name for one in group.list_policies()} == {"up", "nightly"})
holds("one policy", group.get_policy(nightly).args == {"cron": "0 3 * * *"})
up.update(name="more", change=1)
holds("it is updated", group.get_policy(up).name == "more")
up.execute()
settles(group, 2)

hook = up.add_webhook("hook", metadata={"a": "b"})
holds("the webhook", [one.id for one in up.list_webhooks()] == [hook.id])
hook.update(name="other", metadata={})
holds("it is updated", up.get_webhook(hook).name == "other")
hook.update_metadata({"g": "h"})
url = [link["href"] for link in hook.links if link["rel"] == "capability"][0]
with urllib.request.urlopen(urllib.request.Request(url, data=b"", method="POST")) as answer:
    holds("anybody may execute", answer.status == 202)
state = settles(group, 3)
holds("the servers are named", len(state["active"]) == 3)

group.pause()
try:
    up.execute()
    holds("a paused group refuses", False)
except exceptions.ClientException as refused:
    holds("a paused group refuses", refused.code == 403 and "paused" in refused.message)
group.resume()
hook.delete()
nightly.delete()
holds("what is deleted is gone", [one.name for one in group.list_policies()] == ["more"])
try:
    group.delete()
    holds("a group with servers stays", False)
except exceptions.ClientException as refused:
    holds("a group with servers stays", refused.code == 403)
group.update(min_entities=0, max_entities=0)
group.delete()
try:
    autoscale.get(group.id)
    holds("the group is gone", False)
except exceptions.NotFound:
    holds("the group is gone", True)
print(f"pyrax {pyrax.version.version}: {steps} steps hold")
