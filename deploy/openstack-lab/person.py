"""A person makes a group with her own token of the real Keystone, and is deleted. Nothing of the group may notice.

Started by person.sh. The group scales out, replaces a server that was deleted by hand, scales in and is deleted, asked for by a
colleague; her own token must end within the time for which Holt believes it. Counted in Nova's database, not in Holt's ledger.
"""
import argparse
import json
import sys
import tempfile
import time
import uuid

from holt_process import Holt
from lab_cloud import Database, User
from rest import Refused, call

TENANT = "tenant-a"
# Holt believes an answer of Keystone for 30 s at most.
BELIEVED = 30
KEYSTONE = """
[api.keystone]
url = "{url}"
[api.keystone.roles]
member = ["read", "crud", "trigger", "exceed-limits", "audit"]
"""


class Failed(Exception):
    """A step did not come to what it must come to."""


class Keystone:
    """The lab's Keystone, as its administrator."""

    def __init__(self, facts):
        self.url, self.password, self.project = facts["AUTH_URL"], facts["PASSWORD"], facts["PROJECT_TENANT_A"]
        domain = {"id": "default"}
        answer = call("POST", self.url + "/auth/tokens", {"auth": {
            "identity": {"methods": ["password"], "password": {"user": {"name": "admin", "domain": domain, "password": self.password}}},
            "scope": {"project": {"name": "admin", "domain": domain}}}})
        self.headers = {"X-Auth-Token": answer.headers["X-Subject-Token"]}

    def hire(self, name):
        """A new member of the tenant's project: her id."""
        user = {"name": name, "password": self.password, "domain_id": "default"}
        id_ = call("POST", self.url + "/users", {"user": user}, self.headers).body["user"]["id"]
        roles = call("GET", self.url + "/roles?name=member", headers=self.headers).body["roles"]
        call("PUT", f"{self.url}/projects/{self.project}/users/{id_}/roles/{roles[0]['id']}", headers=self.headers)
        return id_

    def dismiss(self, id_):
        call("DELETE", f"{self.url}/users/{id_}", headers=self.headers)
        try:
            call("GET", f"{self.url}/users/{id_}", headers=self.headers)
        except Refused as error:
            if error.status == 404:
                return
            raise
        raise Failed("the user is still there")


class Walk:
    def __init__(self, facts, binary, directory):
        self.started, self.facts = time.monotonic(), facts
        self.keystone, self.database = Keystone(facts), Database(facts)
        self.before = self.database.every_id()
        port = facts["PORT_BASE"] + 92
        self.holt = Holt(binary, facts, port, facts["AUTH_URL"], directory, KEYSTONE.format(url=facts["AUTH_URL"]))

    def say(self, text):
        print(f"{time.monotonic() - self.started:6.1f} s  {text}", flush=True)

    def until(self, what, seconds, condition):
        began = time.monotonic()
        while not (value := condition()):
            if time.monotonic() > began + seconds:
                raise Failed(f"not within {seconds} s: {what}")
            time.sleep(0.5)
        self.say(what)
        return value

    def live(self):
        rows = self.database.servers(self.facts["USER_AUTOSCALER"], self.before)
        return [row for row in rows if not row.deleted]

    def act_as(self, user):
        """What follows is asked with this user's own token."""
        self.holt.tokens[TENANT] = user.headers["X-Auth-Token"]

    def has(self, group, count):
        rows = self.live()
        if len(rows) != count or any(row.state != "active" for row in rows):
            return False
        shown = self.holt.group(TENANT, group)
        return shown["desired"] == shown["active"] == count

    def is_refused(self):
        try:
            self.holt.api("GET", TENANT, "/groups")
        except Refused as error:
            return error.status == 401
        return False

    def makers(self, group):
        """Who made the group, as its history has it."""
        found = self.holt.api("GET", TENANT, f"/history?group={group}&cause=create")["items"]
        return [item["record"]["actor"]["name"] for item in found]

    def run(self):
        name = f"ada-{uuid.uuid4().hex[:8]}"
        id_ = self.keystone.hire(name)
        ada = User(self.facts, name, self.keystone.project)
        colleague = User(self.facts, TENANT + "-user", self.keystone.project)
        self.say(f"{name} is a member of the project, user {id_}")
        self.holt.start()
        self.act_as(ada)
        boot = {"imageRef": ada.boot["imageRef"], "flavorRef": ada.boot["flavorRef"], "networks": "none"}
        group = self.holt.create_group(TENANT, "made-by-ada", 1, 10, boot)
        self.until(f"her group {group} has 1 server", 120, lambda: self.has(group, 1))
        makers = self.makers(group)
        self.keystone.dismiss(id_)
        gone = time.monotonic()
        self.say("she is deleted in Keystone")
        self.until("her token is refused", BELIEVED + 10, self.is_refused)
        refused = time.monotonic() - gone
        self.act_as(colleague)
        self.holt.set_desired(TENANT, group, 3)
        self.until("3 servers, asked for by a colleague", 240, lambda: self.has(group, 3))
        lost = self.live()[0]
        colleague.delete(lost.id)
        healed = lambda: lost.id not in {row.id for row in self.live()} and self.has(group, 3)
        self.until("a server that was deleted by hand came back", 300, healed)
        self.holt.set_desired(TENANT, group, 1)
        self.until("1 server", 240, lambda: self.has(group, 1))
        self.holt.delete_group(TENANT, group)
        self.until("the group is gone, and no server is left", 240,
                   lambda: not self.live() and self.holt.is_gone(TENANT, group))
        rows = self.database.servers(self.facts["USER_AUTOSCALER"], self.before)
        return {"person_deleted": True, "made_by_her": makers == [id_], "token_refused_after_s": round(refused, 1),
                "servers_seen": len(rows), "servers_left": len(self.live()), "refused_within_s": BELIEVED + 10}

    def clean(self):
        self.holt.stop()
        service = User(self.facts, "autoscaler", self.keystone.project)
        for row in self.live():
            service.delete(row.id)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--directory", required=True, help="where the run's own directory is made")
    args = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="person-", dir=args.directory)
    print(f"logs and store in {directory}", flush=True)
    walk, counts = Walk(json.load(sys.stdin), args.binary, directory), {}
    try:
        counts = walk.run()
    except (Failed, Refused, RuntimeError, OSError, KeyError) as error:
        walk.say(f"FAILED: {type(error).__name__}: {error}")
    finally:
        walk.clean()
    counts["ok"] = bool(counts) and counts["made_by_her"] and counts["servers_seen"] == 4 and counts["servers_left"] == 0
    print(json.dumps(counts))
    return 0 if counts["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
