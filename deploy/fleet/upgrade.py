"""A rolling restart of every process of a fleet under load. Started by upgrade.sh.

Each process gets SIGTERM, ends by itself, and is started again; the next one follows when it is ready. The last line of the output is JSON;
the exit code is 0 only if no event was lost, decided twice or refused at the one endpoint.
"""
import argparse
import contextlib
import os
import sys
import tempfile
import time

from chaos import make_groups
from fleet import EACH, Fleet, Load, is_right, last_line, plant_foreign, tally, until


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--points", required=True)
    parser.add_argument("--base", type=int, default=17000)
    parser.add_argument("--keep", help="keep logs and configuration in this folder")
    arguments = parser.parse_args()
    points = arguments.points.split(",")
    began = time.monotonic()

    def say(text):
        print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)

    with contextlib.ExitStack() as stack:
        directory = arguments.keep or stack.enter_context(tempfile.TemporaryDirectory())
        os.makedirs(directory, exist_ok=True)
        fleet = Fleet(arguments.binaries, points, len(points), arguments.base, directory)
        stack.callback(fleet.down)
        fleet.up()
        foreign = plant_foreign(fleet)
        groups = make_groups(fleet, EACH)
        load = Load(fleet, groups)
        load.start()
        until("events are acknowledged", 60, lambda: len(load.acknowledged) > 20)
        restarts, slowest = 0, 0
        for role in fleet.roles:
            took = role.stop()
            role.start()
            role.wait_ready(90)
            restarts, slowest = restarts + 1, max(slowest, took)
            say(f"{role.name} stopped in {took:.1f} s and is back; {len(load.acknowledged)} events so far, {load.repeats} refused")
            time.sleep(2)
        load.stop()
        result = tally(fleet, load, groups, foreign)
        for error in load.errors[:10]:
            say(error)
    result |= {"restarts": restarts, "stop_max_s": round(slowest, 1)}
    last_line(result)
    return 0 if is_right(result) and result["repeated"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
