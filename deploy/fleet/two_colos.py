"""The load and the count of two-colos.sh: what callers were told, what the verdicts say, and what the clouds saw."""
import argparse
import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

TENANT = "tenant-a"
IMAGE = "11111111-1111-4111-8111-111111111111"     # what the simulated cloud has
QUIET = 60      # for doubts of the last events to settle
WITHIN = 300    # for a control plane to take a colo over, with the times of two-colos.sh
EVERY = 0.5     # between two events of one caller
FAILOVER_MAX = 15   # from the operator's word until the other control plane serves, with those times


def ask(method, url, body=None, key=None, within=15, token="TOKEN"):
    """Status and body; status 0: no answer."""
    headers = {"Authorization": "Bearer " + os.environ[token], "Content-Type": "application/json"}
    if key:
        headers["Idempotency-Key"] = key
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=within) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        text = error.read()
        try:
            return error.code, json.loads(text)
        except ValueError:
            return error.code, None
    except OSError:
        return 0, None


class Colo:
    def __init__(self, number, ports):
        port = ports + 4 * (number - 1)
        self.number = number
        self.api = f"http://127.0.2{number}.101:{port}"
        self.cloud = f"http://127.0.2{number}.101:{port + 1}"

    def ready(self):
        for _ in range(240):
            if ask("GET", self.api + "/health/ready")[0] == 200:
                return
            time.sleep(0.5)
        sys.exit(f"colo {self.number} does not serve")

    def make(self):
        """A group at home here, and servers of somebody else beside it."""
        body = {"name": f"web-{self.number}", "min": 1, "max": 40, "cooldown_seconds": 0,
                "launch": {"server": {"flavorRef": "1", "imageRef": IMAGE}}}
        status, made = ask("POST", f"{self.api}/v2/{TENANT}/groups", body)
        assert status == 201, made
        self.group = f"/v2/{TENANT}/groups/{made['id']}"
        self.foreign = {self.plant("theirs", {}, []) for _ in range(3)}

    def plant(self, name, metadata, tags):
        body = {"region": "", "project": TENANT, "user": "somebody", "name": name, "metadata": metadata, "tags": tags, "stuck": False}
        return ask("POST", self.cloud + "/admin/foreign", body)[1]["id"]

    def plant_copies(self):
        """Somebody copies the first server of ours with its proof and its tag: those are as foreign as the others."""
        until = time.time() + 120
        while not (ours := [one for one in self.servers() if "as.p" in one["metadata"] and one["status"] == "ACTIVE"]):
            if time.time() > until:
                sys.exit(f"colo {self.number} makes no server")
            time.sleep(0.5)
        self.foreign |= {self.plant(ours[0]["name"], ours[0]["metadata"], ours[0]["tags"]) for _ in range(2)}

    def servers(self):
        return ask("GET", self.cloud + "/admin/servers?living=true")[1]["servers"]

    def living(self):
        return {server["id"] for server in self.servers()}


class Caller(threading.Thread):
    """Asks one colo's address for one group, again and again, under a new id each time."""

    def __init__(self, at, home, link):
        super().__init__(daemon=True)
        self.at, self.home, self.link = at, home, link
        self.told = []      # (id, whether the link was cut before and after, status, code)
        self.stop = threading.Event()

    def run(self):
        n = 0
        while not self.stop.wait(EVERY):
            n += 1
            key = f"from-{self.at.number}-{n}"
            change = 1 if n % 8 < 4 else -1
            before = self.link["cut"]
            status, body = ask("POST", f"{self.at.api}{self.home.group}/events", {"change": change}, key)
            phase = "cut" if before and self.link["cut"] else "whole" if not (before or self.link["cut"]) else "between"
            code = body.get("code", "") if isinstance(body, dict) else ""
            self.told.append((key, phase, status, code))

    def acknowledged(self):
        return {key for key, _, status, _ in self.told if status in (200, 202)}

    def count(self, phase, status):
        return sum(1 for _, p, s, _ in self.told if p == phase and s in status)


class Plane:
    """A control plane of colo 1."""

    def __init__(self, name, api, start):
        self.name, self.api, self.start = name, api, start

    def shown(self):
        return ask("GET", self.api + "/v2/colos/1", token="OPERATOR")[1] or {}

    def until(self, doing):
        until = time.time() + WITHIN
        while self.shown().get("doing") != doing:
            if time.time() > until:
                sys.exit(f"{self.name} does not come to {doing}: {self.shown()}")
            time.sleep(1)

    def take_over(self, why):
        status, view = ask("POST", self.api + "/v2/colos/1/takeover", {"why": why}, token="OPERATOR")
        assert status == 202, view
        began = time.time()
        self.until("serves")
        return round(time.time() - began)


def takeover(options, one, two):
    """Colo 1 loses its first control plane and that one's node of Cassandra, is taken over, and is handed back."""
    east = Plane("east", one.api, f"{options.work}/start-1")
    west = Plane("west", f"http://127.0.22.101:{options.ports + 2}", f"{options.work}/start-west")
    west.until("stands-by")
    acknowledged = [key for key in ("before-1", "before-2") if event(two, one, 2, key)]
    settled(one, two.api)
    # What the other data centre has not seen yet would be lost with this one.
    time.sleep(5)
    with open(f"{options.work}/1.pid", encoding="ascii") as pid:
        os.kill(int(pid.read()), signal.SIGKILL)
    subprocess.run([options.lab, "kill", "1"], check=True)
    took = west.take_over("its data centre is dead")
    acknowledged += [key for key in ("during-1", "during-2") if event(two, one, 1, key)]
    settled(one, two.api)
    foreign = len(one.foreign - one.living())
    subprocess.run([options.lab, "start", "1"], check=True)
    subprocess.run([options.lab, "tool", "1", "repair", "-full", "colo1"], check=True, stdout=subprocess.DEVNULL)
    with open(f"{options.work}/holt-1-again.log", "wb") as log:
        again = subprocess.Popen([east.start], stdout=log, stderr=log)
    atexit.register(again.kill)
    one.ready()
    east.until("stands-by")
    back = east.take_over("its data centre is back")
    west.until("stands-by")
    acknowledged += [key for key in ("after-1", "after-2") if event(two, one, -1, key)]
    group = settled(one, two.api)
    return {
        "taken_over_within_s": took, "handed_back_within_s": back, "events_acknowledged": len(acknowledged),
        "verdicts": verdicts(one, acknowledged), "epoch": east.shown().get("epoch"), "held": group.get("hold"),
        "foreign_deletes_meanwhile": foreign,
    }


def event(at, home, change, key):
    """Whether an event through one colo's address for the group of another was acknowledged."""
    for _ in range(60):
        status, _ = ask("POST", f"{at.api}{home.group}/events", {"change": change}, key)
        if status in (200, 202):
            return True
        time.sleep(1)
    return False


def settled(colo, api=None):
    """The group, once it wants nothing and holds nothing open but what is active."""
    until = time.time() + 240
    while True:
        _, group = ask("GET", (api or colo.api) + colo.group)
        if group and group["active"] == group["desired"] and group["pending"] == 0 and group["waiting"] == 0:
            return group
        if time.time() > until:
            sys.exit(f"colo {colo.number} does not settle: {group}")
        time.sleep(2)


def gone_out(colos, groups):
    """The servers that live, once none is on its way out any more: that takes its time, and what is forgotten would never go."""
    active, until = sum(group["active"] for group in groups), time.time() + 240
    while True:
        living = [colo.living() for colo in colos]
        if sum(len(ids - colo.foreign) for ids, colo in zip(living, colos)) == active or time.time() > until:
            return living
        time.sleep(2)


def verdicts(home, keys):
    """How many of these events have a verdict."""
    return sum(ask("GET", f"{home.api}{home.group}/events/{key}")[0] == 200 for key in keys)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--ports", type=int, required=True)
    options.add_argument("--cut", type=int, required=True)
    options.add_argument("--lab", required=True)
    options.add_argument("--work", required=True)
    options.add_argument("--takeover", action="store_true")
    options = options.parse_args()
    one, two = Colo(1, options.ports), Colo(2, options.ports)
    for colo in (one, two):
        colo.ready()
        colo.make()
    for colo in (one, two):
        colo.plant_copies()
    moved = takeover(options, one, two) if options.takeover else None
    link = {"cut": False}
    own = [Caller(one, one, link), Caller(two, two, link)]
    across = [Caller(one, two, link), Caller(two, one, link)]
    for caller in own + across:
        caller.start()
    time.sleep(20)
    subprocess.run([options.lab, "cut", "dc1", "dc2"], check=True)
    link["cut"] = True
    time.sleep(options.cut)
    link["cut"] = False
    subprocess.run([options.lab, "heal", "dc1", "dc2"], check=True)
    time.sleep(20)
    for caller in own + across:
        caller.stop.set()
    for caller in own + across:
        caller.join()
    time.sleep(QUIET)

    groups = [settled(colo) for colo in (one, two)]
    acknowledged = decided = 0
    for caller in own + across:
        keys = caller.acknowledged()
        acknowledged += len(keys)
        decided += verdicts(caller.home, keys)
    counts = [ask("GET", colo.cloud + "/admin/counts")[1] for colo in (one, two)]
    living = gone_out((one, two), groups)
    refused = {code for caller in across for _, phase, status, code in caller.told if phase == "cut" and status not in (200, 202)}
    result = {
        "cut_s": options.cut,
        "events_acknowledged": acknowledged,
        "verdicts": decided,
        "own_decided_while_cut": [caller.count("cut", (200,)) for caller in own],
        "own_refused_while_cut": [len(caller.told) - caller.count("cut", (200, 202)) - caller.count("whole", (200, 202))
                                  - caller.count("between", (200, 202)) for caller in own],
        "across_decided_while_whole": [caller.count("whole", (200,)) for caller in across],
        "across_acknowledged_while_cut": [caller.count("cut", (200, 202)) for caller in across],
        "across_refused_as": sorted(refused),
        "servers": sum(len(ids - colo.foreign) for ids, colo in zip(living, (one, two))),
        "slots_active": sum(group["active"] for group in groups),
        "creates_per_slot_max": max(count["creates_per_tag_max"] for count in counts),
        "foreign_deletes": sum(len(colo.foreign - ids) for ids, colo in zip(living, (one, two))),
    }
    if moved:
        took = sorted((moved["taken_over_within_s"], moved["handed_back_within_s"]))
        result |= {"failover_p50_s": took[len(took) // 2], "failover_max_s": took[-1], "takeover": moved}
    print(json.dumps(result))
    good = (result["events_acknowledged"] == result["verdicts"] and result["servers"] == result["slots_active"]
            and result["creates_per_slot_max"] == 1 and result["foreign_deletes"] == 0
            and all(result["own_decided_while_cut"]) and not any(result["own_refused_while_cut"])
            and not any(result["across_acknowledged_while_cut"]) and all(result["across_decided_while_whole"])
            and result["across_refused_as"] in (["colo-unreachable"], ["colo-unreachable", "outcome-unknown"]))
    if moved:
        good = good and (moved["events_acknowledged"] == moved["verdicts"] == 6 and moved["epoch"] == 2 and not moved["held"]
                         and moved["foreign_deletes_meanwhile"] == 0 and result["failover_max_s"] <= FAILOVER_MAX)
    sys.exit(0 if good else 1)


main()
