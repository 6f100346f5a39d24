"""The lab's Nova past the proxy: what customers do by hand, and what Nova's own database says."""
import subprocess
import time
from dataclasses import dataclass

from rest import Refused, call

# A tag filter and tags in the create body need 2.52.
MICROVERSION = {"OpenStack-API-Version": "compute 2.90"}
# What must not change on a server that is not Holt's.
FOREIGN_FIELDS = ("id", "name", "status", "updated", "metadata", "tags", "user_id", "locked", "flavor", "security_groups")


class User:
    """One account in one project."""

    def __init__(self, facts, name, project_id):
        self.project_id = project_id
        user = {"name": name, "domain": {"id": "default"}, "password": facts["PASSWORD"]}
        answer = call("POST", facts["AUTH_URL"] + "/auth/tokens", {"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}}, "scope": {"project": {"id": project_id}}}})
        self.headers = {"X-Auth-Token": answer.headers["X-Subject-Token"], **MICROVERSION}
        self.nova = next(e["url"] for s in answer.body["token"]["catalog"] if s["type"] == "compute"
                         for e in s["endpoints"] if e["interface"] == "public" and e["region"] == facts["REGIONS"][0])
        self.boot = {"imageRef": facts["IMAGE_ID"], "flavorRef": facts["FLAVOR_ID"], "networks": "none"}

    def create(self, name, metadata, tags):
        """A new server's id."""
        server = {**self.boot, "name": name, "metadata": metadata, "tags": tags}
        return call("POST", self.nova + "/servers", {"server": server}, self.headers).body["server"]["id"]

    def show(self, server):
        """The server, or None when there is none."""
        try:
            return call("GET", f"{self.nova}/servers/{server}", headers=self.headers).body["server"]
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def settled(self, server, seconds=90):
        """The server's foreign fields once it has stopped changing by itself."""
        deadline = time.monotonic() + seconds
        while (shown := self.show(server)) and shown["status"] != "ACTIVE":
            if shown["status"] == "ERROR" or time.monotonic() > deadline:
                raise RuntimeError(f"server {server} of the customer is {shown['status']}, not ACTIVE")
            time.sleep(0.5)
        return shown and {key: shown.get(key) for key in FOREIGN_FIELDS}

    def list(self):
        return call("GET", self.nova + "/servers/detail", headers=self.headers).body["servers"]

    def delete(self, server):
        try:
            call("DELETE", f"{self.nova}/servers/{server}", headers=self.headers)
        except Refused as error:
            if error.status != 404:
                raise


@dataclass
class Row:
    """One server in Nova's database, deleted ones included."""
    id: str
    project: str
    name: str
    state: str
    deleted: bool
    slot: str


class Database:
    """Nova's cell databases over the lab's own socket: no API, no filter, no paging in between."""

    CELLS = ("nova_0", "nova_0_cell0")

    def __init__(self, facts):
        self.command = ["mariadb", "--no-defaults", f"--socket={facts['SQL_SOCKET']}", "-uroot", "-N", "-B"]

    def query(self, database, text):
        out = subprocess.run([*self.command, database, "-e", text], check=True, capture_output=True, text=True).stdout
        return [line.split("\t") for line in out.splitlines()]

    def every_id(self):
        return {row[0] for cell in self.CELLS for row in self.query(cell, "select uuid from instances")}

    def servers(self, user, without):
        """All servers that `user` ever made, but for those in `without`. A slot is told by metadata, or else by the name."""
        found = {}
        for cell in self.CELLS:
            for id_, project, name, state, deleted, slot in self.query(cell, f"""
                    select i.uuid, i.project_id, i.display_name, ifnull(i.vm_state, ''), i.deleted <> 0,
                           ifnull((select max(m.value) from instance_metadata m where m.instance_uuid = i.uuid and m.key = 'as.s'), '')
                    from instances i where i.user_id = '{user}'"""):
                # A server that found no host has a deleted row in one database and its real one in the other.
                if id_ not in without and (id_ not in found or found[id_].deleted):
                    found[id_] = Row(id_, project, name, state, deleted == "1", slot or name.rsplit("-", 1)[-1])
        return list(found.values())

    def actions(self, user, servers):
        """Ids among `servers` on which `user` did something that Nova wrote down (delete, reboot, ...)."""
        listed = ",".join(f"'{server}'" for server in servers) or "''"
        return {row[0] for cell in self.CELLS for row in self.query(
            cell, f"select instance_uuid from instance_actions where user_id = '{user}' and action <> 'create' and instance_uuid in ({listed})")}
