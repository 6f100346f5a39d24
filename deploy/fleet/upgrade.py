"""A rolling restart of every process of a fleet, and a change of the CA and of every process's certificate, under load. Started by upgrade.sh.

Each process gets SIGTERM, ends by itself, and is started again; the next one follows when it is ready. Then, without a restart: everybody believes
a new CA beside the old one, each process gets a certificate of the new one, nobody believes the old one any more, and each process, which by then
speaks over connections of before, is restarted once more. The last line of the output is JSON; the exit code is 0 only if no event was lost,
decided twice or refused at the one endpoint, and no role was refused by another.
"""
import argparse
import contextlib
import os
import sys
import tempfile
import time

from chaos import make_groups
from fleet import EACH, Fleet, Load, is_right, last_line, plant_copies, plant_foreign, tally, until


def restart(fleet, load, say):
    """Restarts every process in turn; gives the longest that one took to stop."""
    slowest = 0
    for role in fleet.roles:
        took = role.stop()
        role.start()
        role.wait_ready(90)
        slowest = max(slowest, took)
        say(f"{role.name} stopped in {took:.1f} s and is back; {len(load.acknowledged)} events so far, {load.repeats} refused")
        time.sleep(2)
    return slowest


def change(fleet, what, do):
    """Changes files of every process in turn, each time until the process says that it uses them."""
    for role in fleet.roles:
        before = role.metric("tls_changes_total")
        do(role)
        until(f"{role.name} has taken {what}", 15, lambda role=role, before=before: role.metric("tls_changes_total") > before)


def change_certificates(fleet, load, say):
    """To a new CA and back to one, without a restart; gives how many handshakes were refused meanwhile."""
    certificates = fleet.certificates
    refused = [role.metric("tls_peers_refused_total") for role in fleet.roles]
    certificates.new_authority()
    for what, do in (
        ("both CAs", lambda role: certificates.believe(role.name, certificates.authorities)),
        ("its new certificate", lambda role: certificates.show(role.name, role.role)),
        ("the new CA alone", lambda role: certificates.believe(role.name, certificates.authorities[-1:])),
    ):
        change(fleet, what, do)
        say(f"every process has {what}; {len(load.acknowledged)} events so far, {load.repeats} refused")
        time.sleep(3)
    return sum(role.metric("tls_peers_refused_total") - before for role, before in zip(fleet.roles, refused))


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
        foreign += plant_copies(fleet)
        slowest = restart(fleet, load, say)
        refused = change_certificates(fleet, load, say)
        # What stood before the change goes on with old certificates; what starts now has nothing but the new ones.
        slowest = max(slowest, restart(fleet, load, say))
        refused += sum(role.metric("ports_refused_total") + role.metric("tls_peers_refused_total") for role in fleet.roles)
        load.stop()
        result = tally(fleet, load, groups, foreign)
        for error in load.errors[:10]:
            say(error)
    result |= {"restarts": 2 * len(fleet.roles), "stop_max_s": round(slowest, 1), "certificates_changed": len(fleet.roles),
               "roles_refused": int(refused)}
    last_line(result)
    return 0 if is_right(result) and result["repeated"] == result["roles_refused"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
