"""The stores of a fleet are stopped for some minutes under load. Started by outage.sh.

What was acknowledged is kept; what cannot be kept is refused with 503, and nothing is acknowledged blindly; nothing is created twice; when
the store is back, what waited does not fall upon the cloud at once. While only the history is away nothing else notices, not even by the clock (G21),
and what it missed is found in it afterwards. The last line of the output is JSON.
"""
import argparse
import collections
import concurrent.futures
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid

from fleet import EACH, Failed, Fleet, HERE, Load, Refused, TENANTS, call, is_right, last_line, plant_copies, plant_foreign, tally, until

LABS = {"cassandra": os.path.join(HERE, "cassandra-lab.sh"), "elasticsearch": os.path.join(HERE, "elasticsearch-lab.sh")}
# Creates that one worker may begin at once after a quiet time, and in a second (budgets in worker/src/config/defaults.toml).
RATE, BURST = 10, 5
# How much longer 99 of 100 events may take while the history is away than before (G21), and how much is noise on a machine that does everything.
P99_OVER_NORMAL, P99_NOISE_S = 2, 0.1


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def lab(which, *arguments):
    done = subprocess.run([LABS[which], *arguments], capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{which} {' '.join(arguments)}: {done.stderr[-2000:]}")


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


def p99_between(load, begin, end):
    """Seconds that 99 of 100 events took, of those sent in that time and decided at their first try."""
    with load.lock:
        took = sorted(seconds for at, seconds in load.took if begin <= at <= end)
    return round(took[len(took) * 99 // 100], 3) if took else None


def found(fleet, load):
    """Whether the newest event of every tenant stands in its history; looked for until it does, or two minutes."""
    newest = {tenant: event for tenant, _, event in load.acknowledged}
    until_when = time.monotonic() + 120
    while not all(fleet.is_found(tenant, event) for tenant, event in newest.items()):
        if time.monotonic() > until_when:
            return False
        time.sleep(2)
    return True


def rebuilt(fleet, load):
    """Whether `holt history rebuild` puts into an index that was lost what it had."""
    indices = call("GET", f"{fleet.history}/_cat/indices/holt-history-*?format=json&h=index").body
    for one in indices:
        call("DELETE", f"{fleet.history}/{one['index']}")
    say(f"{len(indices)} indices dropped: " + fleet.holt("history", "rebuild", "--config", os.path.join(fleet.directory, "holt.toml")).strip())
    return bool(indices) and found(fleet, load)


def creates_by_second(fleet, begin_ms):
    """When create calls arrived at the cloud, by second of its own clock."""
    log = fleet.cloud("log")["entries"]
    return collections.Counter(entry["at_ms"] // 1000 for entry in log if entry["call"].lower() == "create" and entry["at_ms"] >= begin_ms)


def every_node(what, stores, nodes):
    """Stops or starts all nodes of each of these stores, those of one together: a node of Cassandra that starts alone waits for others."""
    for which in stores:
        numbers = range(1, nodes + 1) if which == "cassandra" else [1]
        with concurrent.futures.ThreadPoolExecutor(len(numbers)) as pool:
            # What failed in a thread fails here.
            list(pool.map(lambda number, which=which: lab(which, what, str(number)), numbers))


def outage(fleet, load, watch, stores, seconds):
    """One outage; gives what was answered meanwhile, and how long recovery took."""
    say(f"{' and '.join(stores)}: stopped")
    every_node("stop", stores, len(fleet.points))
    stopped = time.monotonic()
    time.sleep(seconds)
    ended = time.monotonic()
    last = fleet.cloud("log")["entries"][-1]["at_ms"]
    every_node("start", stores, len(fleet.points))
    up = time.monotonic()
    say(f"{' and '.join(stores)}: back after {up - stopped:.0f} s")

    def all_decide():
        begin = time.monotonic() - 8
        recent = [word for at, word, _ in watch.seen if at >= begin]
        return len(recent) >= 4 and all(word == "200" for word in recent)
    until("events are decided again", 240, all_decide, 1)
    # The check looks 8 s back.
    recovered = time.monotonic() - up - 8
    answers, p99 = watch.between(stopped + 1, ended), p99_between(load, stopped + 1, ended)
    time.sleep(15)
    peaks = creates_by_second(fleet, last)
    result = {"stopped_s": round(up - stopped), "answers": dict(answers), "recovered_s": round(max(recovered, 0), 1), "p99_s": p99,
              "creates_peak_per_s": max(peaks.values(), default=0)}
    say(str(result))
    return result


def is_survived(name, one, normal):
    # 202 needs the store as much as 200: with it away, 503 is the only answer. An answer that takes too long is none, and promises nothing.
    answers = set(one["answers"])
    if name == "elasticsearch":
        fits = answers <= {"200"} and one["p99_s"] <= max(normal * P99_OVER_NORMAL, normal + P99_NOISE_S)
    else:
        fits = answers <= {"503", "no answer"} and "503" in answers
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
        fleet = Fleet(arguments.binaries, points, len(points), arguments.base, directory, history=arguments.elasticsearch)
        stack.callback(fleet.down)
        fleet.up()
        foreign = plant_foreign(fleet)
        groups = [(tenant, fleet.create_group(tenant, f"web-{number}", 0, 4)) for tenant in TENANTS for number in range(EACH)]
        load, watch = Load(fleet, groups), Watch(fleet, groups)
        load.start()
        watch.thread.start()
        until("events are acknowledged", 60, lambda: len(load.acknowledged) > 20)
        foreign += plant_copies(fleet)
        began = time.monotonic()
        time.sleep(arguments.seconds / 2)
        normal = p99_between(load, began, time.monotonic())
        survived = {name: outage(fleet, load, watch, stores, arguments.seconds) for name, stores in outages.items()}
        watch.stopping.set()
        load.stop()
        load.acknowledged += [event for _, word, event in watch.seen if word in ("200", "202")]
        result = tally(fleet, load, groups, foreign)
        is_caught_up = found(fleet, load)
        is_rebuilt = rebuilt(fleet, load) if fleet.history else None
    ok = is_right(result) and is_caught_up and is_rebuilt in (True, None) and all(is_survived(name, one, normal) for name, one in survived.items())
    last_line({"ok": ok, **result, "normal_p99_s": normal, "history_caught_up": is_caught_up, "history_rebuilt": is_rebuilt, "outages": survived})
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
