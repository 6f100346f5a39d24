"""A store is copied under load, is lost, and comes back: what has been made since lives, is taken in, and no group that took servers in deletes
any before a person confirms. Started by restore.sh. The last line of the output is JSON; the exit code is 0 only if it is as it must be.

The fleet starts frozen, as the runbook says, and nothing at all is deleted so long. Then the freeze is let go of while the groups that took
servers in are still paused, earlier than the runbook says: they have more servers than the copy wants, and only their pause holds them back.
Deletes of *their* servers are counted then (by the group in the metadata of the cloud's servers), and must be none. Groups whose servers the copy
all knows go on, and may scale in: that is designed, and not counted.

What was acknowledged after the back-up is lost with the store, as with any back-up; what must not happen is that servers are lost to the
ledger and billed for ever, or deleted because the ledger has forgotten why they are there.
"""
import argparse
import contextlib
import glob
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

from fleet import (Failed, Fleet, HERE, Load, Refused, Role, TENANTS, is_settled, last_line, plant_copies, plant_foreign, settle, until,
                   with_key)

LAB = os.path.join(HERE, "cassandra-lab.sh")
SNAPSHOT = "restore"
# How long paused groups are watched without a freeze: a group scales in once a minute.
UNFROZEN_S = 75


class Frozen:
    """An operator's hold on a fleet that starts on a restored store (docs/runbook.md): the break-glass file of its hosts."""

    @property
    def glass(self):
        return os.path.join(self.directory, "break-glass")

    def freeze(self):
        with open(self.glass, "w", encoding="utf-8") as file:
            file.write("freeze global the store is back from a copy\n")

    def let_go(self):
        os.remove(self.glass)


class OneMachine(Frozen, Fleet):
    """`holt serve` over the embedded store, beside the simulated cloud."""

    def __init__(self, binaries, base, directory):
        super().__init__(binaries, [], 1, base, directory)
        self.database = os.path.join(directory, "holt.db")

    def up(self):
        keys = self.holt("token", "--new-key", os.path.join(self.directory, "keys"))
        tenants = "".join(f"[cloud.tenants.{tenant}]\n" for tenant in TENANTS)
        config = (f'{keys}\n[api]\nlisten = "127.0.0.1:{self.front_port}"\n[ops]\nlisten = "127.0.0.1:{self.base + 2}"\n'
                  f'[store]\npath = "{self.database}"\n[worker]\nstate_dir = "{self.directory}/worker"\n'
                  f'[cloud]\nkeystone_url = "{self.cloud_url}/identity/v3"\nregion = "RegionOne"\n'
                  f'[cloud.account]\nuser = "autoscaler"\npassword = "password"\n{tenants}'
                  f'[supervisor]\nhint_pass = "1s"\nbreak_glass = "{self.glass}"\n[telemetry]\nlevel = "warn"\n')
        self.start_other("cloud", [os.path.join(self.binaries, "holt"), "cloudsim", "--listen", f"127.0.0.1:{self.cloud_port}"])
        until("the cloud answers", 20, lambda: self.cloud("counts"))
        self.roles.append(Serve(self, "holt", 0, config, (self.base + 2, self.base + 2, self.front_port)))
        self.start()

    def start(self):
        for role in self.roles:
            role.start()
        for role in self.roles:
            role.wait_ready()
        until("the endpoint answers", 20, self.answers)

    def back_up(self):
        """A consistent copy beside the running service."""
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            connection.execute("VACUUM INTO ?", (self.database + ".backup",))

    def lose(self):
        for role in self.roles:
            role.kill()
        for part in glob.glob(self.database + "*"):
            if not part.endswith(".backup"):
                os.remove(part)

    def restore(self):
        shutil.copy(self.database + ".backup", self.database)
        self.freeze()
        self.start()


class Serve(Role):
    """`holt serve` as a role."""

    def start(self, offset=0):
        with open(os.path.join(self.fleet.directory, "holt.log"), "ab") as log:
            self.process = subprocess.Popen([os.path.join(self.fleet.binaries, "holt"), "serve", "--config", self.config],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def write(self, config):
        self.config = os.path.join(self.fleet.directory, "holt.toml")
        super().write(config)


class Cluster(Frozen, Fleet):
    """The fleet on the cluster of cassandra-lab.sh, which this may wipe."""

    def supervisor_config(self, number, port, ops):
        return with_key(super().supervisor_config(number, port, ops), "colo", f'break_glass = "{self.glass}"')

    def worker_config(self, number, port, ops):
        return with_key(super().worker_config(number, port, ops), "worker", f'break_glass = "{self.glass}"')

    def lab(self, *arguments):
        done = subprocess.run([LAB, *arguments], capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"cassandra-lab {' '.join(arguments)}: {done.stderr[-2000:]}")
        return done.stdout

    def nodes(self):
        return range(1, len(self.points) + 1)

    def folder(self, node):
        return os.path.join(os.environ["CASS_DIR"], f"node{node}", "data", self.keyspace)

    def kept(self, node):
        return os.path.join(self.directory, f"backup-{node}")

    def back_up(self):
        """Snapshots on every node, one after the other, under load: they are not of one moment. Copied off the nodes."""
        for node in self.nodes():
            self.lab("tool", str(node), "snapshot", "-t", SNAPSHOT, self.keyspace)
        for node in self.nodes():
            for table in os.listdir(self.folder(node)):
                taken = os.path.join(self.folder(node), table, "snapshots", SNAPSHOT)
                if os.path.isdir(taken):
                    shutil.copytree(taken, os.path.join(self.kept(node), table.split("-")[0]))

    def lose(self):
        for role in self.roles:
            role.kill()
        self.lab("wipe")

    def restore(self):
        """An empty cluster of the same tokens, the tables made anew, the files put in their places, and a repair: the snapshots of the nodes
        differ by what was under way, and a serial read must find the same everywhere."""
        environment = {"CASS_DCS": "dc1", "CASS_NODES": str(len(self.points)), "CASS_PAXOS": "v2"}
        subprocess.run([LAB, "up"], check=True, env={**os.environ, **environment})
        self.schema()
        for node in self.nodes():
            for table in os.listdir(self.folder(node)):
                name = table.split("-")[0]
                source = os.path.join(self.kept(node), name)
                for file in os.listdir(source) if os.path.isdir(source) else ():
                    if file not in ("manifest.json", "schema.cql"):
                        shutil.copy(os.path.join(source, file), os.path.join(self.folder(node), table))
                self.lab("tool", str(node), "refresh", self.keyspace, name)
        for node in self.nodes():
            self.lab("tool", str(node), "repair", "-pr", "--full", self.keyspace)
        self.freeze()
        for role in self.roles:
            role.start()
        for role in self.roles:
            role.wait_ready(120)


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def lacking(fleet, groups):
    """The groups that do not have what they want, each with why nothing is launched, and with its slots."""
    found = []
    for tenant, group in groups:
        one = fleet.group(tenant, group)
        if not is_settled(one):
            slots = fleet.api("GET", tenant, f"/groups/{group}/ledger?limit=200").body["items"]
            shown = ("name", "status", "max", "desired", "active", "pending", "lapsed", "hold")
            found.append({key: one.get(key) for key in shown} | {"slots": slots})
    return found


def bound(fleet, groups, since=""):
    """The servers that the ledger has in open slots, of those that were issued since that time."""
    servers = set()
    for tenant, group in groups:
        slots = fleet.api("GET", tenant, f"/groups/{group}/ledger?limit=200").body["items"]
        servers |= {slot["server"] for slot in slots if slot["open"] and "server" in slot and slot["issued"] >= since}
    return servers


def living(fleet, foreign):
    return {one["id"] for one in fleet.cloud("servers?living=true")["servers"]} - set(foreign)


def servers_of(fleet, groups, which="servers"):
    """The servers at the cloud that were made for these groups, by what stands in their metadata."""
    ids = {group for _, group in groups}
    return [one for one in fleet.cloud(which)["servers"] if one["user"] == "autoscaler" and one["metadata"].get("as.g") in ids]


def deleted(fleet, groups):
    """Those of them that somebody deleted."""
    return {one["id"] for one in servers_of(fleet, groups) if one["deleted"]}


def paused(fleet, groups):
    """The groups that took servers in and wait for a person."""
    return [one for one in groups if (fleet.group(*one).get("hold") or {}).get("why") == "restored"]


def unconfirmed(fleet, held, ours, gone):
    """What paused groups do when nothing but their pause holds them back. When the store was lost `ours` lived, and `gone` was deleted."""
    theirs = ours & {one["id"] for one in servers_of(fleet, held)}
    shown = [fleet.group(*one) for one in held]
    too_many = sum(max(one["active"] - one["desired"], 0) for one in shown)
    fleet.let_go()
    say(f"{len(held)} groups are paused, with {len(theirs)} servers, {too_many} more than they want; the freeze is let go of")
    time.sleep(UNFROZEN_S)
    lost = deleted(fleet, held) - gone
    still = {one["id"] for one in servers_of(fleet, held, "servers?living=true")}
    say(f"{len(lost)} of their servers were deleted")
    return {"groups_paused": len(held), "paused_servers": len(theirs), "paused_too_many": too_many, "deleted_before_confirm": len(lost),
            "unharmed": theirs <= still}


def calm(fleet, groups, foreign):
    """Waits until nothing is on its way, deletes among it, and gives the servers that live."""
    _, active = settle(fleet, groups)
    until("what is deleted is gone", 120, lambda: len(living(fleet, foreign)) == active, 1)
    return living(fleet, foreign)


def taken_in(fleet, groups, ours):
    """Waits until every server that lives is in the ledger."""
    def left_out():
        with contextlib.suppress(Refused, OSError):
            return ours - bound(fleet, groups)
        return ours
    try:
        until("every server that lives is in the ledger", 120, lambda: not left_out(), 1)
    except Failed as failed:
        raise Failed(f"{failed}: {sorted(left_out())}") from None


def play(fleet, seconds):
    fleet.up()
    foreign = plant_foreign(fleet)
    grown = [(tenant, fleet.create_group(tenant, f"grown-{tenant}", 2, 8)) for tenant in TENANTS]
    busy = [(tenant, fleet.create_group(tenant, f"busy-{number}-{tenant}", 0, 4)) for tenant in TENANTS for number in range(3)]
    groups = grown + busy
    settle(fleet, grown)
    foreign += plant_copies(fleet)
    load = Load(fleet, busy)
    load.start()
    until("events are acknowledged", 60, lambda: len(load.acknowledged) > 20)
    known = bound(fleet, groups)
    fleet.back_up()
    say(f"copied, with {len(load.acknowledged)} events acknowledged and the load on")
    for tenant, group in grown:
        fleet.send(tenant, group, f"grow-{group}", {"desired": 5})
    time.sleep(seconds)
    load.stop()
    ours = calm(fleet, groups, foreign)
    gone = deleted(fleet, groups)
    lost_at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    fleet.lose()
    say(f"the store is lost: {len(ours)} servers live, {len(ours - known)} of them made since")
    fleet.restore()
    say("the store is back from the copy")
    taken_in(fleet, groups, ours)
    # Longer than any period after which something could be deleted.
    time.sleep(20)
    frozen = len(deleted(fleet, groups) - gone)
    held = paused(fleet, groups)
    # A server that is taken in gets its slot then. What was made since the copy began is not the same: copying a cluster takes a while.
    adopted = ours & bound(fleet, groups, lost_at)
    unpaused = adopted - bound(fleet, held, lost_at)
    before = unconfirmed(fleet, held, ours, gone)
    # The confirmation: what takes servers in has paused, and the others go on with what the copy remembers.
    for tenant, group in held:
        fleet.api("POST", tenant, f"/groups/{group}/resume")
    # What is too many now leaves a quarter a minute.
    try:
        _, active = settle(fleet, groups, 480)
    except Failed as failed:
        raise Failed(f"{str(failed).split(':')[0]}: {lacking(fleet, groups)}") from None
    until("what is deleted is gone", 120, lambda: len(living(fleet, foreign)) == active, 1)
    counts = fleet.cloud("counts")
    everybody = {one["id"] for one in fleet.cloud("servers?living=true")["servers"]}
    return {
        "servers_in_cloud": len(ours), "made_since": len(ours - known), "adopted": len(adopted),
        "adopted_unpaused": len(unpaused), "deleted_while_frozen": frozen, **before,
        "servers_after": len(everybody - set(foreign)), "slots_active": active,
        "creates_per_slot_max": counts["creates_per_tag_max"], "foreign_deletes": len(set(foreign) - everybody),
    }


def is_right(result):
    # Without servers that paused groups have too many, nothing would have been there to delete.
    return (result["unharmed"] and result["deleted_before_confirm"] == result["deleted_while_frozen"] == 0
            and result["adopted"] > 0 == result["adopted_unpaused"] and result["groups_paused"] > 0 and result["paused_too_many"] > 0
            and result["servers_after"] == result["slots_active"] and result["creates_per_slot_max"] == 1 and result["foreign_deletes"] == 0)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--points", help="store nodes of cassandra-lab.sh, which may be wiped; none: the embedded store")
    parser.add_argument("--base", type=int, default=36000, help="the first of 100 ports")
    parser.add_argument("--seconds", type=float, default=20, help="load after the copy")
    parser.add_argument("--keep", help="keep logs and configuration in this folder")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        directory = os.path.abspath(arguments.keep or stack.enter_context(tempfile.TemporaryDirectory()))
        os.makedirs(directory, exist_ok=True)
        if arguments.points:
            points = arguments.points.split(",")
            fleet = Cluster(arguments.binaries, points, len(points), arguments.base, directory)
        else:
            fleet = OneMachine(arguments.binaries, arguments.base, directory)
        stack.callback(fleet.down)
        result = play(fleet, arguments.seconds)
    ok = is_right(result)
    last_line({"ok": ok, "store": "cassandra" if arguments.points else "embedded", **result})
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
