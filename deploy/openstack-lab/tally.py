"""Counts what Holt did, from the proxy's log and Nova's database and from nothing that Holt says."""
import json
from collections import Counter, defaultdict

READS = ("GET", "HEAD")


class ProxyLog:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file if line.endswith("\n")]
        self.requests = [line for line in lines if line["kind"] == "request"]
        self.events = [line for line in lines if line["kind"] == "event"]

    def creates(self):
        """Creates that reached the cloud, or may have."""
        return [line for line in self.requests if "name" in line and line["forwarded"]]

    def mutated(self):
        """Ids of servers that a call other than a read named."""
        return {line["server_id"] for line in self.requests
                if line["method"] not in READS and line["server_id"] and "name" not in line}

    def mid_create(self, kills):
        """How many of the kills (unix times) hit a client that waited for a create which the proxy held."""
        held = {e["seq"]: e["t"] for e in self.events if e["event"] == "held"}
        ended = defaultdict(dict)
        for event in self.events:
            ended[event["seq"]].setdefault(event["event"], event["t"])
        return sum(any(start < kill < ended[seq].get("client_gone", 0) <= kill + 5 and kill < ended[seq].get("released", kill + 1)
                       for seq, start in held.items()) for kill in kills)


def slot_of(create):
    return (create.get("metadata") or {}).get("as.s") or (create.get("name") or "?").rsplit("-", 1)[-1]


def result(log, rows, foreign_changed, kills):
    """The check's last line.

    Creates of a slot are counted twice, as calls at the proxy and as servers (answered to the proxy or in the database,
    deleted ones included: Nova forgets one that was deleted before it found a host), and the larger number is reported.
    """
    calls = Counter(slot_of(create) for create in log.creates())
    servers = defaultdict(set)
    for create in log.creates():
        if create["server_id"]:
            servers[slot_of(create)].add(create["server_id"])
    for row in rows:
        servers[row.slot].add(row.id)
    return {
        "servers_seen": sum(map(len, servers.values())),
        "slots": len(calls.keys() | servers.keys()),
        "creates_per_slot_max": max([*calls.values(), *map(len, servers.values())], default=0),
        "foreign_touched": len(foreign_changed),
        "servers_left": sum(not row.deleted for row in rows),
        "kills": len(kills),
        "kills_mid_create": log.mid_create(kills),
    }
