"""A day of groups on a fleet: three api, three supervisors, three workers behind one endpoint, and a hooks lane. Started by check.sh.

Each step says what it saw. The last line of the output is JSON; the exit code is 0 only if every step came to what it must come to.
"""
import argparse
import contextlib
import os
import sys
import tempfile
import time
import uuid

from chaos import FAILOVER_MAX
from fleet import Failed, Fleet, Refused, TENANTS, call, last_line, plant_copies, plant_foreign, settle, until
from receiver import Receiver


def expect(what, found, wanted):
    if found != wanted:
        raise Failed(f"{what}: found {found}, expected {wanted}")
    print(f"  {what}: {found}", flush=True)


def send_by_each_api(fleet, tenant, group):
    """One event, sent through every api: acknowledged each time, decided once."""
    seen = set()
    for api in fleet.of("api"):
        answer = call("POST", f"http://127.0.0.1:{api.port}/v2/{tenant}/groups/{group}/events", {"desired": 3},
                      {"Authorization": f"Bearer {fleet.token(tenant)}", "Idempotency-Key": "same"})
        seen.add((answer.body["event"], answer.body["outcome"], answer.body["after"], answer.body["rev"]))
    expect("verdicts of one event sent through three apis", len(seen), 1)


def foreign_group(fleet, group):
    try:
        fleet.group(TENANTS[1], group)
    except Refused as error:
        return error.status
    return 200


def owner_dies(fleet, tenant, group):
    victim = max(fleet.of("supervisor"), key=lambda one: one.metric("supervisor_groups"))
    victim.kill()
    began = time.monotonic()

    def decided():
        with contextlib.suppress(Refused, OSError):
            return fleet.send(tenant, group, f"after-{time.monotonic()}", {"converge": True}).status == 200
        return False
    until("an event is decided by the next owner", 60, decided)
    took = time.monotonic() - began
    expect(f"taken over within {FAILOVER_MAX} s", took <= FAILOVER_MAX, True)
    victim.start()
    victim.wait_ready()
    return took


def history(fleet, event):
    """The record of an event is found by each tenant's search; the index has it where there is one."""
    for tenant in TENANTS:
        until(f"the record of an event of {tenant} is found", 120, lambda tenant=tenant: fleet.is_found(tenant, event), 1)
    print(f"  records of events found in {'Elasticsearch' if fleet.history else 'the history of the store'}", flush=True)
    if fleet.history:
        indices = call("GET", f"{fleet.history}/_cat/indices/holt-history-*?format=json&h=index,docs.count").body
        expect("the index has records", sum(int(one["docs.count"]) for one in indices) > 0, True)


def told(receiver, point, servers):
    """The receiver was told of so many servers at that point, of each by one message, however often that was sent."""
    with contextlib.suppress(Failed):
        until("all messages came", 60, lambda: receiver.told(point)[0] >= servers)
    expect(f"{point}: servers and messages", receiver.told(point), (servers, servers))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--points", required=True)
    parser.add_argument("--base", type=int, default=17000)
    parser.add_argument("--elasticsearch", default=os.environ.get("ELASTICSEARCH_NODES", "").split(",")[0],
                        help="a node that answers searches; without one the store does")
    parser.add_argument("--keep", help="keep logs and configuration in this folder")
    arguments = parser.parse_args()
    points = arguments.points.split(",")
    with contextlib.ExitStack() as stack:
        directory = arguments.keep or stack.enter_context(tempfile.TemporaryDirectory())
        os.makedirs(directory, exist_ok=True)
        fleet = Fleet(arguments.binaries, points, len(points), arguments.base, directory, history=arguments.elasticsearch)
        stack.callback(fleet.down)
        fleet.up()
        foreign = set(plant_foreign(fleet))
        groups = [(tenant, fleet.create_group(tenant, "web", 1, 4)) for tenant in TENANTS]
        expect("servers at min", settle(fleet, groups), (2, 2))
        foreign |= set(plant_copies(fleet))
        receiver = Receiver(fleet.receiver_port)
        for tenant, group in groups:
            receiver.hook(fleet, tenant, group)
        send_by_each_api(fleet, *groups[0])
        expect("servers after an event", settle(fleet, groups), (4, 4))
        expect("a foreign group looks like one that is not there", foreign_group(fleet, groups[0][1]), 404)
        took = max(owner_dies(fleet, tenant, group) for tenant, group in groups)
        event = f"up-{uuid.uuid4().hex}"
        for tenant, group in groups:
            fleet.send(tenant, group, event, {"desired": 4})
        expect("servers after a takeover", settle(fleet, groups), (8, 8))
        told(receiver, "server.before_active", 6)
        expect("servers that its answer let go on", receiver.answered, 6)
        told(receiver, "server.active", 6)
        history(fleet, event)
        for tenant, group in groups:
            fleet.api("DELETE", tenant, f"/groups/{group}?force=true")
        living = lambda: {one["id"] for one in fleet.cloud("servers?living=true")["servers"]}  # noqa: E731
        until("the servers of the deleted groups are gone", 240, lambda: len(living() - foreign) == 0, 1)
        told(receiver, "server.gone", 8)
        expect("foreign servers deleted", len(foreign - living()), 0)
        creates = fleet.cloud("counts")["creates_per_tag_max"]
        expect("create calls per slot", creates, 1)
    last_line({"end_to_end": "passed", "takeover_max_s": round(took, 1), "creates_per_slot_max": creates, "foreign_deletes": 0})
    return 0


if __name__ == "__main__":
    sys.exit(main())
