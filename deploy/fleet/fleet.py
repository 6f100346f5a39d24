"""A fleet on one machine: three api, three supervisors, three workers and a hooks lane as processes of their own, one endpoint in front of the
apis, a simulated cloud beside them, on a Cassandra that runs already.

Everything that the scripts here assume about Holt's surface stands in this file. Python's standard library only.
"""
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "openstack-lab"))
from rest import Refused, call  # noqa: E402  (one HTTP helper for all labs)

TENANTS = ("tenant-a", "tenant-b")
RIGHTS = "read,crud,trigger,exceed-limits,audit"
EACH = 3
GROUP_MAX = 4
SERVER = {"imageRef": "11111111-1111-4111-8111-111111111111", "flavorRef": "1", "networks": "auto"}


class Failed(Exception):
    """Something did not come to what it must come to."""


def until(what, seconds, condition, pause=0.25):
    """Polls until `condition()` is true and gives its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(pause)
    return value


def write_config(path, name, config):
    """Writes the configuration of the process of that name, which nobody else may read; what is no TOML would be refused at its start only."""
    try:
        tomllib.loads(config)
    except tomllib.TOMLDecodeError as error:
        raise Failed(f"the configuration of {name} is not valid: {error}\n{config}") from None
    with open(path, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(config)


def with_key(config, table, line):
    """That configuration with one line more in a table which it has: a table must not begin twice."""
    head = f"[{table}]\n"
    if head not in config:
        raise Failed(f"no table [{table}] in\n{config}")
    return config.replace(head, f"{head}{line}\n", 1)


class Role:
    """One process of a role: its configuration, its life, and what its operators' listener says."""

    def __init__(self, fleet, role, number, config, ports):
        """`ports`: where it says whether it is ready, where its metrics are, and where it is called."""
        self.fleet, self.role, self.number = fleet, role, number
        self.ops, self.metrics, self.port = ports
        self.name = f"{role}-{number}"
        self.config = os.path.join(fleet.directory, f"{self.name}.toml")
        self.write(config)
        # A group of its own, so that its packets can be told apart.
        self.gid = 8100 + len(fleet.roles)
        self.process, self.offset = None, 0

    def write(self, config):
        write_config(self.config, self.name, config)

    def start(self, offset=0):
        """Starts it; with its wall clock `offset` seconds off, if that is not 0."""
        self.offset = offset
        environment = dict(os.environ)
        if offset:
            environment |= {"LD_PRELOAD": self.fleet.faketime, "FAKETIME": f"{offset:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        command = [os.path.join(self.fleet.binaries, f"holt-{self.role}"), self.config]
        if os.getuid() == 0:
            command = ["setpriv", "--regid", str(self.gid), "--keep-groups", *command]
        with open(os.path.join(self.fleet.directory, f"{self.name}.log"), "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                                            cwd=self.fleet.directory, start_new_session=True)

    def is_ready(self):
        with contextlib.suppress(Refused, OSError):
            return call("GET", f"http://127.0.0.1:{self.ops}/health/ready", timeout=2).status == 200
        return False

    def wait_ready(self, seconds=60):
        def ready():
            if self.process.poll() is not None:
                raise Failed(f"{self.name} ended with {self.process.returncode}: {self.fleet.directory}/{self.name}.log")
            return self.is_ready()
        until(f"{self.name} is ready", seconds, ready)

    def metric(self, name):
        """The sum of a metric's lines; 0 where it does not answer."""
        with contextlib.suppress(OSError):
            with OPENER.open(f"http://127.0.0.1:{self.metrics}/metrics", timeout=2) as answer:
                lines = answer.read().decode().splitlines()
            return sum(float(line.split()[-1]) for line in lines if line.split("{")[0].split(" ")[0] == name)
        return 0.0

    def signal(self, which):
        os.killpg(self.process.pid, which)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=60):
        """SIGTERM; gives how long it took."""
        began = time.monotonic()
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{self.name} did not stop within {seconds} s") from None
        return time.monotonic() - began


class Certificates:
    """The CA of a fleet's roles, and each process's three files, which change while it runs. Made with openssl by certificates.sh."""

    def __init__(self, directory):
        self.directory, self.authorities = os.path.join(directory, "tls"), []
        self.new_authority()

    def make(self, *arguments):
        subprocess.run([os.path.join(HERE, "certificates.sh"), *arguments], check=True, stdin=subprocess.DEVNULL)

    def new_authority(self):
        """One more CA, which signs from now on; nobody believes it yet."""
        folder = os.path.join(self.directory, f"authority-{len(self.authorities) + 1}")
        self.make("ca", folder)
        self.authorities.append(folder)

    def path(self, name, ending):
        return os.path.join(self.directory, name + ending)

    def believe(self, name, authorities):
        """The process of that name believes these CAs."""
        fresh = self.path(name, "-ca.pem.new")
        with open(fresh, "wb") as bundle:
            for folder in authorities:
                with open(os.path.join(folder, "ca.pem"), "rb") as pem:
                    shutil.copyfileobj(pem, bundle)
        os.replace(fresh, self.path(name, "-ca.pem"))

    def show(self, name, role):
        """The process of that name shows a new certificate of the newest CA."""
        self.make("role", self.authorities[-1], role, self.path(name, ""))

    def config(self, name, role):
        """Makes the files of a process, and gives the section that names them."""
        self.believe(name, self.authorities)
        self.show(name, role)
        return (f'[tls]\nca_file = "{self.path(name, "-ca.pem")}"\ncertificate_file = "{self.path(name, ".pem")}"\n'
                f'key_file = "{self.path(name, ".key")}"\nreload = "1s"\n')


import urllib.request  # noqa: E402

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Fleet:
    """All processes of one installation, on the ports from `base` on. `history`: the node of Elasticsearch that answers searches; without one the
    store does."""

    def __init__(self, binaries, points, copies, base, directory, rate="2000/s", history=None):
        self.binaries, self.points, self.copies = os.path.abspath(binaries), points, copies
        self.directory, self.history = os.path.abspath(directory), history
        self.base, self.roles, self.tokens, self.rate, self.certificates = base, [], {}, rate, None
        self.front_port, self.cloud_port, self.receiver_port = base, base + 1, base + 3
        self.hooks_key = os.path.join(self.directory, "hooks.key")
        self.keyspace = f"fleet_{secrets.token_hex(4)}"
        self.faketime = next((path for path in ("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",) if os.path.exists(path)), None)
        self.url = f"http://127.0.0.1:{self.front_port}"
        self.cloud_url = f"http://127.0.0.1:{self.cloud_port}"
        self.others = []

    # ------------------------------------------------------------- starting
    def up(self):
        # Whoever ends the script ends what it started, too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        self.certificates = Certificates(self.directory)
        self.keys = self.holt("token", "--new-key", os.path.join(self.directory, "keys"))
        self.make_hooks_key()
        self.schema()
        self.start_other("cloud", [os.path.join(self.binaries, "holt"), "cloudsim", "--listen", f"127.0.0.1:{self.cloud_port}"])
        until("the cloud answers", 20, lambda: self.cloud("counts"))
        for number in range(1, EACH + 1):
            self.add("supervisor", number, self.supervisor_config)
        for number in range(1, EACH + 1):
            self.add("api", number, self.api_config)
        for number in range(1, EACH + 1):
            self.add("worker", number, self.worker_config)
        self.add("hooks", 1, self.hooks_config)
        for role in self.roles:
            role.start()
        for role in self.roles:
            role.wait_ready()
        backends = [str(role.port) for role in self.of("api")]
        self.start_other("front", [sys.executable, os.path.join(HERE, "front.py"), str(self.front_port), *backends])
        until("the endpoint answers", 20, lambda: self.answers())

    def make_hooks_key(self):
        with open(self.hooks_key, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(secrets.token_hex(32))

    def schema(self):
        config = os.path.join(self.directory, "holt.toml")
        write_config(config, "holt", f'{self.keys}\n{self.store()}\n[cloud]\nkeystone_url = "{self.cloud_url}/identity/v3"\nregion = "RegionOne"\n'
                     '[cloud.account]\nuser = "autoscaler"\npassword = "password"\n')
        self.holt("schema", "apply", "--config", config)
        if self.history:
            self.holt("history", "apply", "--config", config)

    def store(self):
        points = ", ".join(f'"{point}"' for point in self.points)
        history = f'\n[history]\nkind = "elasticsearch"\n[history.elasticsearch]\nnodes = ["{self.history}"]\ncopies = 0' if self.history else ""
        return (f'[store]\nkind = "cassandra"\n[store.cassandra]\ncontact_points = [{points}]\nkeyspace = "{self.keyspace}"\n'
                f'copies = {self.copies}{history}')

    def tls(self, role, number):
        return self.certificates.config(f"{role}-{number}", role)

    def add(self, role, number, config):
        place = {"supervisor": 10, "api": 20, "worker": 30, "hooks": 40}[role] + 2 * number
        port, ops = self.base + place, self.base + place + 1
        ready = port if role == "api" else ops
        self.roles.append(Role(self, role, number, config(number, port, ops), (ready, ops, port)))

    def supervisor_config(self, number, port, ops):
        return (f'{self.store()}\n[colo]\nworkers_max = {EACH}\n[roles]\nlisten = "127.0.0.1:{port}"\n{self.tls("supervisor", number)}'
                f'[operators]\nlisten = "127.0.0.1:{ops}"\n[telemetry]\nlevel = "info"\n')

    def api_config(self, number, port, ops):
        return (f'[api]\nlisten = "127.0.0.1:{port}"\nlinger = "2s"\nhooks = ["file:{self.hooks_key}"]\n'
                f'[api.tokens.keys]\nkey-1 = "file:{self.directory}/keys/token-key.pub.pem"\n'
                f'[api.limits]\nrequests = "{self.rate}"\n[api.v1.capabilities]\ncurrent = "1"\n[api.v1.capabilities.keys]\n'
                f'1 = "file:{self.directory}/keys/proof.key"\n'
                f'{self.store()}\n{self.tls("api", number)}[operators]\nlisten = "127.0.0.1:{ops}"\n')

    def supervisors(self):
        addresses = ", ".join(f'"https://127.0.0.1:{self.base + 10 + 2 * n}"' for n in range(1, EACH + 1))
        return f"[supervisors]\naddresses = [{addresses}]\n"

    def hooks_config(self, number, _port, ops):
        """Receivers are on this machine, and without certificates."""
        return (f'[hooks]\nanswers = "{self.url}"\nkeys = ["file:{self.hooks_key}"]\nallow = ["127.0.0.0/8"]\nplain_http = true\n'
                f'{self.supervisors()}{self.tls("hooks", number)}[operators]\nlisten = "127.0.0.1:{ops}"\n')

    def worker_config(self, number, _port, ops):
        accounts = "".join(f'[cloud.accounts.{tenant}]\nkind = "password"\nuser = "autoscaler"\npassword = "password"\n'
                           f'project = {{ id = "{tenant}" }}\n' for tenant in TENANTS)
        return (f'[worker]\nname = "worker-{number}"\nstate_dir = "{self.directory}/worker-{number}"\n{self.supervisors()}'
                f'{self.tls("worker", number)}[proof.keys]\n1 = "file:{self.directory}/keys/proof.key"\n'
                f'[cloud]\nkeystone = "{self.cloud_url}/identity/v3"\nregion = "RegionOne"\n{accounts}'
                f'[budgets]\nworkers_max = {EACH}\n[operators]\nlisten = "127.0.0.1:{ops}"\n')

    def start_other(self, name, command):
        with open(os.path.join(self.directory, f"{name}.log"), "ab") as log:
            self.others.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True))

    def down(self):
        for role in self.roles:
            if role.process and role.process.poll() is None:
                role.signal(signal.SIGCONT)
                role.kill()
        for other in self.others:
            other.kill()
            other.wait()

    def of(self, role):
        return [one for one in self.roles if one.role == role]

    # ------------------------------------------------------------- speaking
    def holt(self, *arguments):
        done = subprocess.run([os.path.join(self.binaries, "holt"), *arguments], capture_output=True, text=True, cwd=self.directory)
        if done.returncode:
            raise Failed(f"holt {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def cloud(self, what):
        with contextlib.suppress(OSError):
            return call("GET", f"{self.cloud_url}/admin/{what}", timeout=10).body
        return None

    def answers(self):
        with contextlib.suppress(Refused, OSError):
            return call("GET", self.url + "/health/live", timeout=2).status == 200
        return False

    def token(self, tenant):
        if tenant not in self.tokens:
            config = os.path.join(self.directory, "holt.toml")
            self.tokens[tenant] = self.holt("token", "--config", config, "--tenant", tenant, "--rights", RIGHTS, "--ttl", "8h").strip()
        return self.tokens[tenant]

    def api(self, method, tenant, path, body=None, headers=None, timeout=20):
        return call(method, f"{self.url}/v2/{tenant}{path}", body,
                    {"Authorization": f"Bearer {self.token(tenant)}", **(headers or {})}, timeout)

    def create_group(self, tenant, name, low, high):
        return self.api("POST", tenant, "/groups", {"name": name, "min": low, "max": high, "launch": {"server": SERVER}},
                        {"Idempotency-Key": f"make-{name}"}).body["id"]

    def group(self, tenant, group):
        return self.api("GET", tenant, f"/groups/{group}").body

    def verdicts(self, tenant, group):
        """The ids of all verdicts of a group, doubles included."""
        ids, before = [], ""
        while True:
            page = self.api("GET", tenant, f"/groups/{group}/verdicts?limit=100{before}").body
            ids += [one["event"] for one in page["items"]]
            if not page.get("next"):
                return ids
            before = f"&before={page['next']}"

    def is_found(self, tenant, event):
        """Whether a search of the tenant's history finds the record of an event."""
        with contextlib.suppress(Refused, OSError):
            return bool(self.api("GET", tenant, f"/history?text={event}&limit=1").body["items"])
        return False

    def send(self, tenant, group, event, ask, timeout=10):
        """Sends an event once: 200 decided, 202 queued; Refused or OSError otherwise."""
        return self.api("POST", tenant, f"/groups/{group}/events", ask, {"Idempotency-Key": event, "Connection": "close"}, timeout)


class Load:
    """Clients that post events to random groups until they are told to stop, each repeated under its id until it is acknowledged."""

    def __init__(self, fleet, groups, clients=6, pause=0.1):
        self.fleet, self.groups, self.pause = fleet, groups, pause
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.acknowledged, self.queued, self.repeats, self.errors, self.flying = [], 0, 0, [], 0
        self.took = []      # (when it was sent, seconds to its verdict) of those decided at their first try
        self.threads = [threading.Thread(target=self.run, args=(n,), daemon=True) for n in range(clients)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(180)

    def run(self, number):
        count = 0
        while not self.stopping.is_set():
            tenant, group = self.groups[(number + count) % len(self.groups)]
            count += 1
            event = f"load-{number}-{count}-{uuid.uuid4().hex[:8]}"
            # Up and down in turns, so that servers come and go.
            ask = {"desired": 1 + (count // len(self.groups) + number) % 3}
            with self.lock:
                self.flying += 1
            self.deliver(tenant, group, event, ask)
            with self.lock:
                self.flying -= 1
            time.sleep(self.pause)

    def deliver(self, tenant, group, event, ask):
        for attempt in range(600):
            try:
                began = time.monotonic()
                answer = self.fleet.send(tenant, group, event, ask)
                with self.lock:
                    if attempt == 0 and answer.status == 200:
                        self.took.append((began, time.monotonic() - began))
                    self.acknowledged.append((tenant, group, event))
                    self.queued += answer.status == 202
                return
            except (Refused, OSError, ValueError) as error:
                with self.lock:
                    self.repeats += 1
                    if len(self.errors) < 1000:
                        self.errors.append(f"{time.strftime('%H:%M:%S')} {error}")
                time.sleep(min(0.2 * 2 ** attempt, 2))
        raise Failed(f"event {event} was never acknowledged")


def is_settled(one):
    """Nothing is on its way, and there are as many servers as are wanted, or as max leaves room for beside creates that nobody answered:
    those count against max until their tokens are dead, which is an hour."""
    return one["pending"] == 0 and (one["active"] == one["desired"] or max(one["max"] - one["lapsed"], 0) <= one["active"] < one["desired"])


def settle(fleet, groups, seconds=180):
    """Waits until every group is settled; gives the sums of desired and active."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(Refused, OSError):
            shown = [fleet.group(tenant, group) for tenant, group in groups]
            if all(map(is_settled, shown)):
                return sum(one["desired"] for one in shown), sum(one["active"] for one in shown)
            if time.monotonic() > deadline:
                raise Failed(f"not within {seconds} s: all groups have what they want: {shown}")
        time.sleep(1)


def plant(fleet, user, tenant, name, metadata, tags=()):
    body = {"user": user, "project": tenant, "name": name, "metadata": metadata, "tags": list(tags)}
    return call("POST", f"{fleet.cloud_url}/admin/foreign", body).body["id"]


def plant_foreign(fleet):
    """Servers of others, and one of our own account without a proof, in each project: none may be touched. Gives their ids."""
    return [plant(fleet, user, tenant, "database", {"role": "database"}) for tenant in TENANTS for user in (f"{tenant}-user", "autoscaler")]


def plant_copies(fleet, seconds=60):
    """Customers of both tenants make servers that carry all they can copy from one of ours of each, proof and tag among it: they are foreign,
    and none may be touched. Under our own account such a copy would be surplus, and would be deleted by design. Gives their ids."""
    def model(tenant):
        living = fleet.cloud("servers?living=true")["servers"]
        return next((one for one in living if one["project"] == tenant and one["status"] == "ACTIVE" and "as.p" in one["metadata"]), None)
    ours = [until(f"a server of ours lives in {tenant}", seconds, lambda tenant=tenant: model(tenant)) for tenant in TENANTS]
    return [plant(fleet, f"{tenant}-user", tenant, one["name"], one["metadata"], one["tags"]) for tenant in TENANTS for one in ours]


def tally(fleet, load, groups, foreign):
    """The result: what was acknowledged against what was decided, what the ledger says against what the cloud has."""
    # Scale-in goes one server a minute: who ends at the top is done sooner.
    for tenant, group in groups:
        load.deliver(tenant, group, f"last-{uuid.uuid4().hex}", {"desired": GROUP_MAX})
    settle(fleet, groups)
    acknowledged = {(tenant, group, event) for tenant, group, event in load.acknowledged}
    decided, doubles = set(), 0
    for tenant, group in groups:
        ids = fleet.verdicts(tenant, group)
        doubles += len(ids) - len(set(ids))
        decided |= {(tenant, group, event) for event in ids}
    # What is on its way out takes its time; what is forgotten would never go.
    deadline = time.monotonic() + 240
    while True:
        active = sum(fleet.group(tenant, group)["active"] for tenant, group in groups)
        living = {one["id"] for one in fleet.cloud("servers?living=true")["servers"]}
        if len(living - set(foreign)) == active or time.monotonic() > deadline:
            break
        time.sleep(2)
    counts = fleet.cloud("counts")
    return {
        "events_acknowledged": len(acknowledged), "verdicts": len(acknowledged & decided), "verdicts_doubled": doubles,
        "queued": load.queued, "repeated": load.repeats,
        "servers": len(living - set(foreign)), "slots_active": active,
        "creates": sum(one["arrived"] for one in counts["creates_by_tag"].values()),
        "creates_per_slot_max": counts["creates_per_tag_max"], "foreign_deletes": len(set(foreign) - living),
    }


def is_right(result):
    return (result["events_acknowledged"] == result["verdicts"] > 0 and result["verdicts_doubled"] == 0
            and result["servers"] == result["slots_active"] and result["creates_per_slot_max"] == 1 and result["foreign_deletes"] == 0)


def last_line(result):
    print(json.dumps(result), flush=True)
