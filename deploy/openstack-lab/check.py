"""Runs `holt serve` against the lab through the recording proxy, kills it, and counts at the cloud what it did.

Started by check.sh, which has the lab running and the binary built. The last line of the output is JSON; the exit code is 0
only if every step succeeded and no server was doubled, lost or foreign. See README.md.
"""
import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid

from holt_process import TENANTS, Holt
from lab_cloud import Database, User
from rest import Refused, call
from tally import ProxyLog, result

HERE = os.path.dirname(os.path.abspath(__file__))
SERVICES = {"identity": 0, "image": 1, "network": 21, "compute": 22}


class Failed(Exception):
    """A step of the check did not come to what it must come to."""


class Check:
    def __init__(self, facts, binary, directory):
        base = facts["PORT_BASE"]
        self.started, self.directory = time.monotonic(), directory
        self.facts, self.database = facts, Database(facts)
        self.admin = f"http://127.0.0.1:{base + 91}"
        self.log_file = os.path.join(directory, "proxy.jsonl")
        self.proxy = self.start_proxy(base)
        self.holt = Holt(binary, facts, base + 92, f"http://127.0.0.1:{base + 90}/identity/v3", directory)
        self.projects = {t: facts["PROJECT_" + t.upper().replace("-", "_")] for t in TENANTS}
        self.customers = {t: User(facts, t + "-user", self.projects[t]) for t in TENANTS}
        self.before = self.database.every_id()
        self.foreign, self.kills, self.groups = {}, [], []

    def start_proxy(self, base):
        routes = [f"--route={name}=http://127.0.0.1:{base + offset}" for name, offset in SERVICES.items()]
        process = subprocess.Popen([sys.executable, os.path.join(HERE, "proxy.py"), f"--listen={base + 90}",
                                    f"--admin={base + 91}", f"--log={self.log_file}", *routes], start_new_session=True)
        deadline = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError):
                call("GET", self.admin + "/state")
                return process
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"the recording proxy does not start (ports {base + 90} and {base + 91})")
            time.sleep(0.1)

    # -------------------------------------------------------------- helpers
    def say(self, text):
        print(f"{time.monotonic() - self.started:6.1f} s  {text}", flush=True)

    def until(self, what, seconds, condition, pause=0.5):
        """Polls until `condition()` is true and gives its value; its last value is in the failure's text."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise Failed(f"not within {seconds} s: {what}")
            if self.holt.process and self.holt.process.poll() is not None:
                raise Failed(f"holt serve ended by itself with {self.holt.process.returncode} while waiting: {what}")
            time.sleep(pause)
        self.say(what)
        return value

    def rows(self):
        """Every server that Holt's service user made since the check began."""
        return self.database.servers(self.facts["USER_AUTOSCALER"], self.before | self.foreign.keys())

    def live(self, tenant):
        return [row for row in self.rows() if row.project == self.projects[tenant] and not row.deleted]

    def settled_at(self, tenant, group, count):
        """Whether the tenant has `count` servers of ours, all of them active, and Holt knows."""
        live = self.live(tenant)
        if len(live) != count or any(row.state != "active" for row in live):
            return False
        with contextlib.suppress(OSError):
            shown = self.holt.group(tenant, group)
            return shown["desired"] == shown["active"] == count
        return False

    def state(self):
        return call("GET", self.admin + "/state").body

    # ------------------------------------------------------- foreign servers
    def add_foreign(self, user, name, metadata, tags):
        """A server that is not Holt's, with what it looks like once it has settled."""
        server = user.create(name, metadata, tags)
        self.foreign[server] = (user, None)
        self.foreign[server] = (user, user.settled(server))

    def foreign_before(self):
        for tenant, user in self.customers.items():
            self.add_foreign(user, f"{tenant}-database", {"role": "database"}, ["kept-by-hand"])
            slot = "00000000000000000000000000"
            self.add_foreign(user, f"as-00000000-{slot}", {"as.v": "1", "as.g": str(uuid.uuid4()), "as.s": slot, "as.p": "x" * 43}, [f"as:{slot}"])
        # Another tool that uses the same account as Holt.
        self.add_foreign(User(self.facts, "autoscaler", self.projects["tenant-a"]), "made-by-another-tool", {"tool": "other"}, [])
        self.say(f"{len(self.foreign)} foreign servers are there before")

    def copy(self, name, metadata, tags):
        """A customer makes a server that carries everything a customer can copy from one of ours."""
        for user in self.customers.values():
            self.add_foreign(user, name, metadata, tags)
        self.say(f"customers of both tenants copied {name} with its tags and metadata")

    def copy_existing(self, tenant):
        server = self.customers[tenant].show(self.live(tenant)[0].id)
        self.copy(server["name"], server["metadata"], server["tags"])

    def changed_foreign(self, log):
        """Ids of foreign servers that are not what they were, that a call named, or on which our account acted."""
        calls = log.mutated() & self.foreign.keys()
        actions = self.database.actions(self.facts["USER_AUTOSCALER"], self.foreign)
        changed = {id_ for id_, (user, was) in self.foreign.items() if was is not None and user.settled(id_) != was}
        for id_ in calls | actions | changed:
            self.say(f"FOREIGN server {id_} touched: call {id_ in calls}, action {id_ in actions}, changed {id_ in changed}")
        return calls | actions | changed

    # ----------------------------------------------------------------- kills
    def arm(self, count, stage, gone="drop"):
        call("POST", self.admin + "/hold", {"count": count, "stage": stage, "gone": gone})

    def kill(self, why):
        self.kills.append(time.time())
        self.holt.kill()
        self.say(f"kill -9 number {len(self.kills)}: {why}")

    def kill_mid_create(self, tenant, count, then=None):
        """Kills Holt while creates of its are held and unanswered; before it is back, a customer copies one of them.

        If scaling is through already and nothing is left to hold, the customer deletes servers, which Holt replaces.
        `then` arms the next hold before the restart.
        """
        def held():
            return [one for one in self.state()["held"] if not one["client_gone"]]
        try:
            self.until(f"{count} creates are held", 15, lambda: len(held()) >= count, 0.05)
        except Failed:
            if not held():
                for row in self.live(tenant)[:count]:
                    self.delete_by_hand(tenant, row)
                self.until("replacements are held", 240, held, 0.05)
        dying = held()
        late = dying[0]["stage"] == "before"
        self.kill(f"{len(dying)} unanswered creates, {'not yet' if late else 'already'} executed")
        self.copy(*(dying[0][key] for key in ("name", "metadata", "tags")))
        self.arm(*(then or (0, "answer")))
        seqs = [one["seq"] for one in dying]
        self.holt.start()
        self.say("restarted")
        if late:
            time.sleep(4)
            self.say("the cloud executes the dead process's creates only now")
        call("POST", self.admin + "/release", {"seqs": seqs})

    # ----------------------------------------------------------------- steps
    def group(self, tenant, name, low, high):
        user = self.customers[tenant]
        network = next(value for key, value in self.facts.items() if key.startswith("NETWORK_ID_"))
        server = {"imageRef": user.boot["imageRef"], "flavorRef": user.boot["flavorRef"],
                  "networks": [{"uuid": network}], "metadata": {"role": name}}
        group = self.holt.create_group(tenant, name, low, high, server)
        self.groups.append((tenant, group))
        self.until(f"group {name} of {tenant} has {low} servers", 120, lambda: self.settled_at(tenant, group, low))
        return group

    def scale(self, tenant, group, desired):
        self.holt.set_desired(tenant, group, desired)
        self.say(f"asked for {desired}")

    def delete_by_hand(self, tenant, row):
        self.customers[tenant].delete(row.id)
        self.say(f"the customer deleted {row.id}")

    def deleted_by_hand(self, tenant, group, count):
        self.arm(1, "answer")
        self.delete_by_hand(tenant, self.live(tenant)[0])
        self.until("a replacement is held", 240, lambda: self.state()["held_waiting"] >= 1, 0.1)
        self.kill_mid_create(tenant, 1)
        self.until(f"the deleted server came back: {count} servers", 240, lambda: self.settled_at(tenant, group, count))

    def wrong_image(self, tenant):
        """A group that can not work says why, and does not hammer the cloud."""
        image = str(uuid.uuid4())
        group = self.holt.create_group(tenant, "wrong-image", 2, 5, {"imageRef": image, "flavorRef": "1", "networks": "none"})
        self.groups.append((tenant, group))
        said = self.until("the group says what is wrong with it", 90, lambda: self.holt.trouble(tenant, group))
        self.say(f"wrong image: {said}")
        calls = self.wrong_image_calls(image)
        time.sleep(20)
        later = self.wrong_image_calls(image)
        self.say(f"wrong image: {calls} create calls, {later - calls} in the 20 s after")
        if not said.startswith("config: ") or "image" not in said.lower():
            raise Failed("the error does not speak of the image")
        if later > 2 or later > calls:
            raise Failed("creates that can not succeed are repeated")
        return image

    def wrong_image_calls(self, image):
        return sum(create["imageRef"] == image for create in ProxyLog(self.log_file).creates())

    def delete_groups(self):
        for group in self.groups:
            self.holt.delete_group(*group)
        self.until("no server of ours is left", 240, lambda: not any(map(self.live, TENANTS)))
        self.until("all groups are gone", 240, lambda: all(self.holt.is_gone(*group) for group in self.groups))

    # ------------------------------------------------------------------- end
    def clean(self):
        """Ends what the check started and takes away what it left in the cloud, Holt's failures included."""
        self.holt.stop()
        service = {project: User(self.facts, "autoscaler", project) for project in self.projects.values()}
        for row in self.rows():
            if not row.deleted:
                service[row.project].delete(row.id)
        for id_, (user, _) in self.foreign.items():
            user.delete(id_)
        self.proxy.terminate()
        self.proxy.wait(10)


def short(check):
    check.foreign_before()
    check.holt.start()
    group = check.group("tenant-a", "web", 2, 10)
    check.copy_existing("tenant-a")
    check.arm(2, "answer")
    check.scale("tenant-a", group, 5)
    check.kill_mid_create("tenant-a", 2)
    check.until("5 servers", 240, lambda: check.settled_at("tenant-a", group, 5))
    check.scale("tenant-a", group, 2)
    check.until("2 servers", 240, lambda: check.settled_at("tenant-a", group, 2))
    check.delete_groups()


def full(check):
    check.foreign_before()
    check.holt.start()
    group = check.group("tenant-a", "web", 2, 50)
    check.copy_existing("tenant-a")
    check.group("tenant-b", "batch", 1, 5)
    check.arm(3, "answer")
    check.scale("tenant-a", group, 40)
    check.kill_mid_create("tenant-a", 3, then=(2, "before", "late"))
    check.kill_mid_create("tenant-a", 2, then=(4, "answer"))
    check.kill_mid_create("tenant-a", 4)
    check.until("40 servers", 420, lambda: check.settled_at("tenant-a", group, 40))
    check.deleted_by_hand("tenant-a", group, 40)
    image = check.wrong_image("tenant-b")
    calls = check.wrong_image_calls(image)
    deletes = len(ProxyLog(check.log_file).mutated())
    check.scale("tenant-a", group, 2)
    check.until("servers are being deleted", 60, lambda: len(ProxyLog(check.log_file).mutated()) > deletes + 3, 0.1)
    check.kill("in the middle of scaling in")
    check.holt.start()
    check.until("2 servers", 240, lambda: check.settled_at("tenant-a", group, 2))
    check.delete_groups()
    if check.wrong_image_calls(image) != calls:
        raise Failed("creates that can not succeed were repeated after a restart")


def run(check, scenario):
    """Whether all steps came out; the counts are taken either way."""
    passed = False
    try:
        scenario(check)
        passed = True
    except (Failed, Refused, RuntimeError, OSError, KeyError) as error:
        check.say(f"FAILED: {type(error).__name__}: {error}")
    check.holt.stop()
    log = ProxyLog(check.log_file)
    return passed, result(log, check.rows(), check.changed_foreign(log), check.kills)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--directory", required=True, help="where the run's own directory is made")
    parser.add_argument("--short", action="store_true")
    args = parser.parse_args()
    facts = json.load(sys.stdin)
    directory = tempfile.mkdtemp(prefix="check-", dir=args.directory)
    print(f"logs and store in {directory}", flush=True)
    check = Check(facts, args.binary, directory)
    try:
        passed, counts = run(check, short if args.short else full)
    finally:
        check.clean()
    kills, mid_create = (1, 1) if args.short else (5, 3)
    holds = (counts["creates_per_slot_max"] == 1 and counts["foreign_touched"] == 0 and counts["servers_left"] == 0
             and counts["kills"] == kills and counts["kills_mid_create"] >= mid_create)
    print(json.dumps(counts))
    return 0 if passed and holds else 1


if __name__ == "__main__":
    sys.exit(main())
