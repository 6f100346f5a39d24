"""Lets the queue grow and go away, and watches what the group does. The last line is JSON: ok, and what was counted."""
import collections
import json
import os
import sys
import time
import urllib.request

group, intake, load, received = sys.argv[1:]
url, tenant = os.environ["HOLT_URL"], os.environ["HOLT_TENANT"]
headers = {"Authorization": "Bearer " + os.environ["HOLT_TOKEN"]}


def get(path):
    request = urllib.request.Request(f"{url}/v2/{tenant}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def wait_for(what, holds, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        shown = get(f"/groups/{group}")
        if holds(shown):
            print(f"{what}: desired {shown['desired']}, active {shown['active']}", flush=True)
            return shown
        time.sleep(0.25)
    raise SystemExit(f"not in {seconds} s: {what}: {json.dumps(shown)}")


def queue(length):
    with open(load, "w") as file:
        file.write(str(length))


wait_for("at min", lambda g: g["active"] == 2, 60)
queue(1312)
first = wait_for("the alert fires, and the group steps up at once", lambda g: g["desired"] == 3, 60)
assert first["circling"]["known"][0]["standing"] == "open", first
assert first["circling"]["next_look"], "it shows when it looks again"
wait_for("it still fires, and the group circles back", lambda g: g["desired"] == 4, 60)
wait_for("the servers are there", lambda g: g["active"] == g["desired"], 60)
queue(0)
peak = get(f"/groups/{group}")["desired"]
wait_for("the rule has cleared, and the group notes it", lambda g: (g.get("circling") or {}).get("over_since"), 60)
wait_for("the group gives a step up", lambda g: g["desired"] < peak, 60)
wait_for("it is at min again, and knows of no alert", lambda g: g["desired"] == 2 and "circling" not in g, 120)
wait_for("the servers are gone", lambda g: g["active"] == 2 and g["pending"] == 0, 240)

def hooks():
    lines = [json.loads(line) for line in open(received)]
    of_server = collections.defaultdict(list)
    for line in lines:
        if "type" in line and line["type"] not in of_server[line["server"]]:
            of_server[line["server"]].append(line["type"])
    return lines, of_server


LIFE = ["server.before_active", "server.active", "server.before_delete", "server.gone"]
verdicts = get(f"/groups/{group}/verdicts?limit=500")["items"]
# One server for each of the most that it ever wanted: those above min have left.
made = max(v["after"] for v in verdicts)
left = made - 2
until = time.monotonic() + 60
while sum(kinds == LIFE for kinds in hooks()[1].values()) < left and time.monotonic() < until:
    time.sleep(0.25)
lines, of_server = hooks()

alerts = [v for v in verdicts if "alert" in v["asked"]]
turns = [v["asked"]["turn"] for v in verdicts if "turn" in v["asked"]]
rejected = get(f"/inputs/{intake}/rejected")["items"]
counts = {
    "alert_verdicts": len(alerts),
    "expand": turns.count("expand"),
    "deflate": turns.count("deflate"),
    "rejected": len(rejected),
    "servers_hooked": len(of_server),
    "whole_lives": sum(kinds == LIFE for kinds in of_server.values()),
    "hooks_completed": sum(line.get("answered") == 200 for line in lines),
    "bad_signatures": sum("bad" in line for line in lines),
}
# One verdict for the beginning and one for the end, however often Alertmanager repeated itself.
ok = counts["alert_verdicts"] == 2 and counts["expand"] >= 1 and counts["deflate"] >= 2 and not rejected
# Every server was configured before it counted and told before it went, in that order; two live on.
ok = ok and counts["servers_hooked"] == made and counts["whole_lives"] == left and not counts["bad_signatures"]
ok = ok and counts["hooks_completed"] == made + left
print(json.dumps({"ok": ok, **counts}))
sys.exit(0 if ok else 1)
