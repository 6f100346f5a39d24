"""The load and the count of two-colos.sh: what callers were told, what the verdicts say, and what the clouds saw."""
import argparse
import atexit
import contextlib
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
REST = 420      # for a group to come to rest: four minutes after a takeover it begins to act, and scales in once a minute
AFTER = 10      # silence after which the second control plane takes over by itself (two-colos.sh)
MOVING = ("down", "west", "handback")   # phases in which colo 1's own address is dead, or its group is carried over
FAILOVER_MAX = 15   # from the operator's word, or the end of that silence, until the other control plane serves, with those times


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
        self.number, self.resumed = number, 0
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


class Load:
    """What all callers look at: in which phase the run is, and whether they call at all."""

    def __init__(self):
        self.phase, self.calling, self.stop = "whole", threading.Event(), threading.Event()
        self.calling.set()

    @contextlib.contextmanager
    def paused(self):
        """Nobody calls meanwhile, so that groups can come to rest."""
        self.calling.clear()
        yield
        self.calling.set()


class Caller(threading.Thread):
    """Asks one colo's address for one group, again and again, under a new id each time."""

    def __init__(self, at, home, load):
        super().__init__(daemon=True)
        self.at, self.home, self.load = at, home, load
        self.told = []      # (id, the phase before and after, status, code)

    def run(self):
        n = 0
        while not self.load.stop.wait(EVERY):
            self.load.calling.wait()
            n += 1
            key = f"from-{self.at.number}-{n}"
            change = 1 if n % 8 < 4 else -1
            before = self.load.phase
            status, body = ask("POST", f"{self.at.api}{self.home.group}/events", {"change": change}, key)
            phase = before if before == self.load.phase else f"{before}-{self.load.phase}"
            code = body.get("code", "") if isinstance(body, dict) else ""
            self.told.append((key, phase, status, code))

    def acknowledged(self):
        return {key for key, _, status, _ in self.told if status in (200, 202)}

    def count(self, phase, status):
        return sum(1 for _, p, s, _ in self.told if p == phase and s in status)

    def refused(self, but=()):
        """How many were not acknowledged, in all phases but these and the changes into and out of them."""
        return sum(1 for _, phase, status, _ in self.told if status not in (200, 202) and not set(phase.split("-")) & set(but))


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
        """By an operator's word. Gives how long it took from then on."""
        status, view = ask("POST", self.api + "/v2/colos/1/takeover", {"why": why}, token="OPERATOR")
        assert status == 202, view
        began = time.time()
        self.until("serves")
        return round(time.time() - began)

    def begin(self):
        """Starts its service again."""
        with open(f"{self.start}.log", "ab") as log:
            again = subprocess.Popen([self.start], stdout=log, stderr=log)
        atexit.register(again.kill)


def killed(options, name):
    with open(f"{options.work}/{name}.pid", encoding="ascii") as pid:
        os.kill(int(pid.read()), signal.SIGKILL)


def lost(options, west):
    """The first control plane and its node of Cassandra die; gives how long it took until the other one served."""
    killed(options, "1")
    began = time.time()
    subprocess.run([options.lab, "kill", "1"], check=True)
    if options.by_hand:
        return west.take_over("its data centre is dead")
    west.until("serves")
    return round(time.time() - began)


def back(options, one, east):
    """They are there again, and stand by."""
    subprocess.run([options.lab, "start", "1"], check=True)
    subprocess.run([options.lab, "tool", "1", "repair", "-full", "colo1"], check=True, stdout=subprocess.DEVNULL)
    east.begin()
    one.ready()
    east.until("stands-by")


def by_hand_only(options, west):
    """From now on the second plane waits for a word: it would hear nothing of the first while the link is cut, for longer than it may be silent."""
    killed(options, "west")
    path = f"{options.work}/west.toml"
    with open(path, encoding="utf-8") as file:
        config = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(config.replace("automatic = true", "automatic = false"))
    west.begin()
    west.until("stands-by")


def takeover(options, one, two, load):
    """Under load, colo 1 loses its first control plane and that one's node of Cassandra, is taken over, and is handed back by an operator's word.

    Nobody calls while its group comes to rest: what is taken over launches and deletes again after some minutes only.
    """
    east = Plane("east", one.api, f"{options.work}/start-1")
    west = Plane("west", f"http://127.0.22.101:{options.ports + 2}", f"{options.work}/start-west")
    west.until("stands-by")
    load.phase = "down"
    took = lost(options, west)
    load.phase = "west"
    time.sleep(20)
    with load.paused():
        stir(one, two.api, "west")
        settled(one, two.api)
        foreign = len(one.foreign - one.living())
    back(options, one, east)
    load.phase = "handback"
    handed = east.take_over("its data centre is back")
    west.until("stands-by")
    # Until callers are no longer sent to the plane that had it.
    time.sleep(5)
    load.phase = "whole"
    if not options.by_hand:
        by_hand_only(options, west)
    with load.paused():
        stir(one, two.api, "handback")
        settled(one, two.api)
    return {
        "by_hand": options.by_hand, "taken_over_within_s": took, "handed_back_within_s": handed, "epoch": east.shown().get("epoch"),
        "resumed": one.resumed, "foreign_deletes_meanwhile": foreign,
    }


def stir(colo, api, key):
    """Asks for one server more than there are, so that a group does not look settled before whoever has it now acts."""
    until = time.time() + 60
    while True:
        _, group = ask("GET", api + colo.group)
        if group and ask("POST", f"{api}{colo.group}/events", {"desired": group["active"] + 1}, f"stir-{key}")[0] in (200, 202):
            return
        if time.time() > until:
            sys.exit(f"colo {colo.number} takes no event: {group}")
        time.sleep(1)


def settled(colo, api=None):
    """The group, once it wants nothing and holds nothing open but what is active. One that took servers in is looked at and resumed, as
    docs/colos.md says: the newest of what a dead data centre committed may be missing in the copy."""
    api, until = api or colo.api, time.time() + REST
    while True:
        _, group = ask("GET", api + colo.group)
        if group and group["active"] == group["desired"] and group["pending"] == 0 and group["waiting"] == 0:
            return group
        if group and (group.get("hold") or {}).get("why") == "restored":
            colo.resumed += ask("POST", f"{api}{colo.group}/resume")[0] in range(200, 300)
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


def cut(options, load):
    subprocess.run([options.lab, "cut", "dc1", "dc2"], check=True)
    load.phase = "cut"
    time.sleep(options.cut)
    load.phase = "whole"
    subprocess.run([options.lab, "heal", "dc1", "dc2"], check=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--ports", type=int, required=True)
    options.add_argument("--cut", type=int, required=True)
    options.add_argument("--lab", required=True)
    options.add_argument("--work", required=True)
    options.add_argument("--takeover", action="store_true")
    options.add_argument("--by-hand", action="store_true")
    options = options.parse_args()
    one, two = Colo(1, options.ports), Colo(2, options.ports)
    for colo in (one, two):
        colo.ready()
        colo.make()
    for colo in (one, two):
        colo.plant_copies()
    load = Load()
    own = [Caller(one, one, load), Caller(two, two, load)]
    across = [Caller(one, two, load), Caller(two, one, load)]
    for caller in own + across:
        caller.start()
    time.sleep(20)
    moved = takeover(options, one, two, load) if options.takeover else None
    time.sleep(20)
    cut(options, load)
    time.sleep(20)
    load.stop.set()
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
        "own_refused": [own[0].refused(MOVING), own[1].refused()],
        "across_decided_while_whole": [caller.count("whole", (200,)) for caller in across],
        "across_acknowledged_while_cut": [caller.count("cut", (200, 202)) for caller in across],
        "across_refused_as": sorted(refused),
        "servers": sum(len(ids - colo.foreign) for ids, colo in zip(living, (one, two))),
        "slots_active": sum(group["active"] for group in groups),
        "creates_per_slot_max": max(count["creates_per_tag_max"] for count in counts),
        "foreign_deletes": sum(len(colo.foreign - ids) for ids, colo in zip(living, (one, two))),
    }
    if moved:
        # From when the other plane may take over: by itself it waits for a silence, which is configuration and no failure to act.
        moved["silence_s"] = 0 if moved["by_hand"] else AFTER
        took = sorted((moved["taken_over_within_s"] - moved["silence_s"], moved["handed_back_within_s"]))
        # By whoever took over, for callers of the other colo's address; and by the other colo for its own group.
        moved |= {"decided_by_the_second": across[1].count("west", (200,)), "decided_beside_it": own[1].count("west", (200,))}
        result |= {"failover_p50_s": took[len(took) // 2], "failover_max_s": took[-1], "takeover": moved}
    print(json.dumps(result))
    good = (result["events_acknowledged"] == result["verdicts"] and result["servers"] == result["slots_active"]
            and result["creates_per_slot_max"] == 1 and result["foreign_deletes"] == 0
            and all(result["own_decided_while_cut"]) and not any(result["own_refused"])
            and not any(result["across_acknowledged_while_cut"]) and all(result["across_decided_while_whole"])
            and result["across_refused_as"] in (["colo-unreachable"], ["colo-unreachable", "outcome-unknown"]))
    if moved:
        good = good and (moved["epoch"] == 2 and moved["foreign_deletes_meanwhile"] == 0 and result["failover_max_s"] <= FAILOVER_MAX
                         and moved["decided_by_the_second"] > 0 and moved["decided_beside_it"] > 0)
    sys.exit(0 if good else 1)


main()
