"""The stores of a fleet are stopped for some minutes under load. Started by outage.sh.

What was acknowledged is kept; what cannot be kept is refused with 503, and nothing is acknowledged blindly; nothing is created twice; when
the store is back, what waited does not fall upon the cloud at once. The last line of the output is JSON.
"""
import argparse
import collections
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid

from fleet import EACH, Failed, Fleet, HERE, Load, Refused, TENANTS, is_right, last_line, plant_foreign, tally, until

LABS = {"cassandra": os.path.join(HERE, "cassandra-lab.sh"), "elasticsearch": os.path.join(HERE, "elasticsearch-lab.sh")}
# Creates that one worker may begin at once after a quiet time, and in a second (budgets in worker/src/config/defaults.toml).
RATE, BURST = 10, 5


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def lab(which, *arguments):
    done = subprocess.run([LABS[which], *arguments], capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{which} {' '.join(arguments)}: {done.stderr[-2000:]}")


class Searched(Fleet):
    """The fleet with its history in Elasticsearch."""

    history = None

    def store(self):
        section = f'\n[history]\nkind = "elasticsearch"\n[history.elasticsearch]\nnodes = ["{self.history}"]\ncopies = 0' if self.history else ""
        return super().store() + section

    def schema(self):
        super().schema()
        if self.history:
            self.holt("history", "apply", "--config", os.path.join(self.directory, "holt.toml"))


class Watch:
    """Asks once a second, each time under a new id and not again, and keeps what came of it by time."""

    def __init__(self, fleet, groups):
        self.fleet, self.groups, self.seen, self.stopping = fleet, groups, [], threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        for count in range(1_000_000):
            if self.stopping.is_set():
                return
            tenant, group = self.groups[count % len(self.groups)]
            event = f"watch-{uuid.uuid4().hex}"
            at, word = time.monotonic(), "no answer"
            try:
                word = str(self.fleet.send(tenant, group, event, {"converge": True}, 30).status)
            except Refused as refused:
                word = str(refused.status)
            except (OSError, ValueError):
                pass
            self.seen.append((at, word, (tenant, group, event)))
            time.sleep(1)

    def between(self, begin, end):
        return collections.Counter(word for at, word, _ in self.seen if begin <= at <= end)


def creates_by_second(fleet, begin_ms):
    """When create calls arrived at the cloud, by second of its own clock."""
    log = fleet.cloud("log")["entries"]
    return collections.Counter(entry["at_ms"] // 1000 for entry in log if entry["call"].lower() == "create" and entry["at_ms"] >= begin_ms)


def stop_stores(stores, nodes):
    for which in stores:
        if which == "cassandra":
            threads = [threading.Thread(target=lab, args=(which, "stop", str(node))) for node in range(1, nodes + 1)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        else:
            lab(which, "stop", "1")


def start_stores(stores, nodes):
    for which in stores:
        if which == "cassandra":
            # Together: a node alone waits for others.
            threads = [threading.Thread(target=lab, args=(which, "start", str(node))) for node in range(1, nodes + 1)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        else:
            lab(which, "start", "1")


def outage(fleet, groups, watch, stores, seconds):
    """One outage; gives what was answered meanwhile, and how long recovery took."""
    say(f"{' and '.join(stores)}: stopped")
    stop_stores(stores, len(fleet.points))
    stopped = time.monotonic()
    time.sleep(seconds)
    ended = time.monotonic()
    last = fleet.cloud("log")["entries"][-1]["at_ms"]
    start_stores(stores, len(fleet.points))
    up = time.monotonic()
    say(f"{' and '.join(stores)}: back after {up - stopped:.0f} s")

    def all_decide():
        begin = time.monotonic() - 8
        recent = [word for at, word, _ in watch.seen if at >= begin]
        return len(recent) >= 4 and all(word == "200" for word in recent)
    until("events are decided again", 240, all_decide, 1)
    # The check looks 8 s back.
    recovered = time.monotonic() - up - 8
    answers = watch.between(stopped + 1, ended)
    time.sleep(15)
    peaks = creates_by_second(fleet, last)
    result = {"stopped_s": round(up - stopped), "answers": dict(answers), "recovered_s": round(max(recovered, 0), 1),
              "creates_peak_per_s": max(peaks.values(), default=0)}
    say(str(result))
    return result


def is_survived(name, one):
    # 202 needs the store as much as 200: with it away, 503 is the only answer. An answer that takes too long is none, and promises nothing.
    answers = set(one["answers"])
    fits = answers <= {"200"} if name == "elasticsearch" else answers <= {"503", "no answer"} and "503" in answers
    return fits and one["creates_peak_per_s"] <= RATE + BURST * EACH


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--points", required=True, help="store nodes of cassandra-lab.sh, host:port,host:port")
    parser.add_argument("--base", type=int, default=36000, help="the first of 100 ports")
    parser.add_argument("--seconds", type=float, default=120, help="how long each outage lasts")
    parser.add_argument("--elasticsearch", help="the node of elasticsearch-lab.sh, as http://127.0.31.1:9200: stopped too, alone and together")
    parser.add_argument("--keep", help="keep logs and configuration in this folder")
    arguments = parser.parse_args()
    points = arguments.points.split(",")
    outages = {"cassandra": ["cassandra"]}
    if arguments.elasticsearch:
        outages |= {"elasticsearch": ["elasticsearch"], "both": ["cassandra", "elasticsearch"]}
    with contextlib.ExitStack() as stack:
        directory = os.path.abspath(arguments.keep or stack.enter_context(tempfile.TemporaryDirectory()))
        os.makedirs(directory, exist_ok=True)
        fleet = Searched(arguments.binaries, points, len(points), arguments.base, directory)
        fleet.history = arguments.elasticsearch
        stack.callback(fleet.down)
        fleet.up()
        foreign = plant_foreign(fleet)
        groups = [(tenant, fleet.create_group(tenant, f"web-{number}", 0, 4)) for tenant in TENANTS for number in range(EACH)]
        load, watch = Load(fleet, groups), Watch(fleet, groups)
        load.start()
        watch.thread.start()
        until("events are acknowledged", 60, lambda: len(load.acknowledged) > 20)
        survived = {name: outage(fleet, groups, watch, stores, arguments.seconds) for name, stores in outages.items()}
        watch.stopping.set()
        load.stop()
        load.acknowledged += [event for _, word, event in watch.seen if word in ("200", "202")]
        result = tally(fleet, load, groups, foreign)
    ok = is_right(result) and all(is_survived(name, one) for name, one in survived.items())
    last_line({"ok": ok, **result, "outages": survived})
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
