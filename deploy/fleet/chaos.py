"""Faults in a fleet under load, and whether the cloud and the verdicts agree with the ledger afterwards. Started by chaos.sh.

A fault counts only if an operation was in flight when it struck: an event without an answer, or a server that was being made. The last line
of the output is JSON; the exit code is 0 only if nothing was lost, doubled or touched that was not ours, and takeovers were in time.
"""
import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid

from fleet import EACH, Failed, Fleet, GROUP_MAX, HERE, Load, Refused, TENANTS, is_right, last_line, plant_copies, plant_foreign, tally, until

FAILOVER_MAX = 15
LAB = os.path.join(HERE, "cassandra-lab.sh")


class Chaos:
    def __init__(self, fleet, load, groups, seed, pause_max, only=None):
        self.fleet, self.load, self.groups, self.pause_max, self.only = fleet, load, groups, pause_max, only
        self.random, self.began = random.Random(seed), time.monotonic()
        self.counted, self.idle, self.takeovers = {}, 0, []
        self.is_root = os.getuid() == 0 and subprocess.run(["iptables", "-w", "-L", "-n"], capture_output=True).returncode == 0

    def say(self, text):
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def in_flight(self):
        """Events without an answer and servers in the making, right now."""
        making = sum(one["status"] == "BUILD" for one in self.fleet.cloud("servers?living=true")["servers"])
        return self.load.flying + making

    def kinds(self):
        kinds = [self.kill_supervisor, self.kill_worker, self.kill_api, self.pause_supervisor, self.pause_worker, self.kill_store_node,
                 self.pause_store_node]
        if self.fleet.faketime:
            kinds += [self.clock_of_supervisor, self.clock_of_worker]
        if self.is_root:
            kinds += [self.cut_api_from_owner, self.cut_worker_from_owner, self.cut_owner_from_store_node]
        return [kind for kind in kinds if self.only in (None, kind.__name__)]

    def run(self, faults):
        order = []
        while sum(self.counted.values()) < faults:
            if not order:
                order = self.kinds()
                self.random.shuffle(order)
            self.strike(order.pop())
            self.rest()

    def strike(self, kind):
        for _ in range(200):
            if self.in_flight():
                break
            time.sleep(0.05)
        flying = self.in_flight()
        name = kind.__name__
        self.say(f"{name}, {flying} in flight")
        kind()
        if flying:
            self.counted[name] = self.counted.get(name, 0) + 1
        else:
            self.idle += 1

    def rest(self):
        """Until everybody is ready again, and a little longer."""
        for role in self.fleet.roles:
            role.wait_ready(90)
        time.sleep(self.random.uniform(2, 5))

    # --------------------------------------------------------------- victims
    def owner(self):
        """The supervisor that has the groups of a tenant, or the one with the most groups in memory."""
        return max(self.fleet.of("supervisor"), key=lambda one: (one.metric("supervisor_groups"), self.random.random()))

    def any(self, role):
        return self.random.choice(self.fleet.of(role))

    def pause_time(self):
        return self.random.uniform(5, self.pause_max)

    # ---------------------------------------------------------------- faults
    def kill_supervisor(self):
        victim = self.owner()
        victim.kill()
        self.takeover(f"{victim.name} killed")
        victim.start()

    def takeover(self, why):
        """How long until an event of every tenant gets its verdict from an owner again, not just a place in the inbox."""
        struck, slowest = time.monotonic(), 0
        for tenant in TENANTS:
            group = next(group for its, group in self.groups if its == tenant)
            while True:
                event = f"probe-{uuid.uuid4().hex}"
                with contextlib.suppress(Refused, OSError):
                    answer = self.fleet.send(tenant, group, event, {"converge": True})
                    with self.load.lock:
                        self.load.acknowledged.append((tenant, group, event))
                    if answer.status == 200:
                        break
                if time.monotonic() - struck > 60:
                    raise Failed(f"no owner of {tenant} within 60 s: {why}")
                time.sleep(0.1)
            slowest = max(slowest, time.monotonic() - struck)
        self.takeovers.append(slowest)
        self.say(f"all owned again {slowest:.1f} s after: {why}")

    def kill_worker(self):
        victim = self.any("worker")
        victim.kill()
        time.sleep(self.random.uniform(0, 3))
        victim.start()

    def kill_api(self):
        victim = self.any("api")
        victim.kill()
        time.sleep(self.random.uniform(0, 3))
        victim.start()

    def pause_supervisor(self):
        victim, seconds = self.owner(), self.pause_time()
        victim.signal(signal.SIGSTOP)
        if seconds > 8:
            began = time.monotonic()
            self.takeover(f"{victim.name} stands still")
            time.sleep(max(0, seconds - (time.monotonic() - began)))
        else:
            time.sleep(seconds)
        victim.signal(signal.SIGCONT)
        self.say(f"{victim.name} stood still for {seconds:.0f} s")

    def pause_worker(self):
        victim, seconds = self.any("worker"), self.pause_time()
        victim.signal(signal.SIGSTOP)
        time.sleep(seconds)
        victim.signal(signal.SIGCONT)
        self.say(f"{victim.name} stood still for {seconds:.0f} s")

    def kill_store_node(self):
        node = self.random.randint(1, len(self.fleet.points))
        subprocess.run([LAB, "kill", str(node)], check=True)
        time.sleep(self.random.uniform(5, 15))
        subprocess.run([LAB, "start", str(node)], check=True)
        self.say(f"store node {node} was killed and is back")

    def pause_store_node(self):
        node, seconds = self.random.randint(1, len(self.fleet.points)), self.random.uniform(5, 15)
        subprocess.run([LAB, "pause", str(node)], check=True)
        time.sleep(seconds)
        subprocess.run([LAB, "resume", str(node)], check=True)
        self.say(f"store node {node} stood still for {seconds:.0f} s")

    def clock_of_supervisor(self):
        self.restart_with_clock(self.owner())

    def clock_of_worker(self):
        self.restart_with_clock(self.any("worker"))

    def restart_with_clock(self, victim):
        offset = self.random.choice((-300, -90, 90, 300))
        victim.kill()
        victim.start(offset)
        self.say(f"{victim.name} was killed, and is back with a clock {offset} s off")

    def cut_api_from_owner(self):
        self.cut_from(self.any("api"), self.owner())

    def cut_worker_from_owner(self):
        self.cut_from(self.any("worker"), self.owner())

    def cut_from(self, one, other):
        self.cut(f"{one.name} from {other.name}", one.gid, ["-d", "127.0.0.1", "-p", "tcp", "--dport", str(other.port)])

    def cut_owner_from_store_node(self):
        victim, point = self.owner(), self.random.choice(self.fleet.points)
        self.cut(f"{victim.name} from store node {point}", victim.gid, ["-d", point.split(":")[0]])

    def cut(self, what, gid, where):
        rule = ["OUTPUT", "-m", "owner", "--gid-owner", str(gid), *where, "-j", "DROP"]
        seconds = self.random.uniform(5, 20)
        subprocess.run(["iptables", "-w", "-A", *rule], check=True)
        try:
            time.sleep(seconds)
        finally:
            subprocess.run(["iptables", "-w", "-D", *rule], check=True)
        self.say(f"{what} was cut for {seconds:.0f} s")


def make_groups(fleet, each):
    return [(tenant, fleet.create_group(tenant, f"web-{number}", 0, GROUP_MAX)) for tenant in TENANTS for number in range(each)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--points", required=True, help="store nodes, host:port,host:port")
    parser.add_argument("--base", type=int, default=17000, help="the first of 100 ports")
    parser.add_argument("--faults", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause-max", type=float, default=90, help="longest SIGSTOP in seconds")
    parser.add_argument("--only", help="this kind of fault alone, as clock_of_supervisor")
    parser.add_argument("--keep", help="keep logs and configuration in this folder")
    arguments = parser.parse_args()
    points = arguments.points.split(",")
    with contextlib.ExitStack() as stack:
        directory = arguments.keep or stack.enter_context(tempfile.TemporaryDirectory())
        os.makedirs(directory, exist_ok=True)
        fleet = Fleet(arguments.binaries, points, len(points), arguments.base, directory)
        stack.callback(fleet.down)
        fleet.up()
        foreign = plant_foreign(fleet)
        groups = make_groups(fleet, EACH)
        load = Load(fleet, groups)
        chaos = Chaos(fleet, load, groups, arguments.seed, arguments.pause_max, arguments.only)
        chaos.say(f"{len(fleet.roles)} processes, {len(groups)} groups, seed {arguments.seed}")
        load.start()
        until("events are acknowledged", 60, lambda: len(load.acknowledged) > 20)
        foreign += plant_copies(fleet)
        try:
            chaos.run(arguments.faults)
        finally:
            load.stop()
        time.sleep(5)
        result = tally(fleet, load, groups, foreign)
    took = sorted(chaos.takeovers)
    left_out = [what for what, there in (("clocks", fleet.faketime), ("cuts", chaos.is_root)) if not there]
    result |= {"faults": sum(chaos.counted.values()), "faults_by_kind": chaos.counted, "faults_without_an_operation": chaos.idle,
               "failover_p50_s": round(took[len(took) // 2], 1) if took else None,
               "failover_max_s": round(took[-1], 1) if took else None, "seed": arguments.seed, "left_out": left_out}
    last_line(result)
    # A whole round of faults kills an owner; one kind alone, or a few, may not.
    is_measured = took or arguments.only or arguments.faults < len(chaos.kinds())
    return 0 if is_right(result) and is_measured and (not took or took[-1] <= FAILOVER_MAX) else 1


if __name__ == "__main__":
    sys.exit(main())
