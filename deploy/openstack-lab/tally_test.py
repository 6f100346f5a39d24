"""Tests of tally.py: what the check must not miss. No lab needed: python3 -B -m unittest tally_test"""
import json
import tempfile
import unittest

from lab_cloud import Row
from tally import ProxyLog, result


def create(seq, slot, server=None, forwarded=True):
    return {"kind": "request", "seq": seq, "method": "POST", "name": f"as-1-{slot}", "metadata": {"as.s": slot},
            "forwarded": forwarded, "server_id": server}


def call(seq, method, server):
    return {"kind": "request", "seq": seq, "method": method, "forwarded": True, "server_id": server}


def turns(seq, **times):
    return [{"kind": "event", "event": event, "seq": seq, "t": t} for event, t in times.items()]


def row(server, slot, deleted=False):
    return Row(server, "p", f"as-1-{slot}", "active", deleted, slot)


def log(*lines):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
        file.flush()
        return ProxyLog(file.name)


class TallyTest(unittest.TestCase):
    def test_two_calls_for_one_slot_are_seen_even_if_one_made_nothing(self):
        counts = result(log(create(1, "a", "s1"), create(2, "a")), [row("s1", "a")], set(), [])
        self.assertEqual((counts["creates_per_slot_max"], counts["servers_seen"], counts["slots"]), (2, 1, 1))

    def test_two_servers_for_one_slot_are_seen_in_the_database_though_deleted(self):
        counts = result(log(create(1, "a")), [row("s1", "a"), row("s2", "a", deleted=True)], set(), [])
        self.assertEqual((counts["creates_per_slot_max"], counts["servers_left"]), (2, 1))

    def test_a_server_that_the_proxy_never_saw_is_counted(self):
        counts = result(log(), [row("s1", "a")], set(), [])
        self.assertEqual((counts["servers_seen"], counts["slots"]), (1, 1))

    def test_a_create_that_the_cloud_refused_or_never_got_is_a_slot_without_server_or_nothing(self):
        counts = result(log(create(1, "a"), create(2, "b", forwarded=False)), [], set(), [])
        self.assertEqual((counts["servers_seen"], counts["slots"]), (0, 1))

    def test_a_delete_names_its_server_and_a_read_does_not(self):
        self.assertEqual(log(call(1, "DELETE", "s1"), call(2, "GET", "s2"), create(3, "a", "s3")).mutated(), {"s1"})

    def test_only_a_kill_that_a_held_create_died_of_counts_as_mid_create(self):
        lines = [*turns(1, held=10, client_gone=20.1), *turns(2, held=30, released=35), *turns(3, held=50, client_gone=70)]
        self.assertEqual(log(*lines).mid_create([20, 40, 55]), 1)


if __name__ == "__main__":
    unittest.main()
