"""Holt as the check sees it: a process, a configuration file, a CLI for tokens, an HTTP API.

Everything that the check assumes about Holt's surface stands in this file.
"""
import os
import signal
import subprocess
import time
import uuid

from rest import Refused, call

TENANTS = ("tenant-a", "tenant-b")
RIGHTS = "read,crud,trigger,exceed-limits"


def config_text(facts, port, auth_url, directory):
    """One machine, embedded store, two tenants that are two projects of the same cloud."""
    tenants = "".join(f"""
[cloud.tenants.{tenant}]
project_id = "{facts['PROJECT_' + tenant.upper().replace('-', '_')]}"
""" for tenant in TENANTS)
    return f"""
[api]
listen = "127.0.0.1:{port}"

[store]
path = "{directory}/holt.db"

[worker]
state_dir = "{directory}/worker"

[cloud]
keystone_url = "{auth_url}"
region = "{facts['REGIONS'][0]}"
interface = "public"

[cloud.account]
user = "autoscaler"
password = "{facts['PASSWORD']}"
{tenants}"""


class Holt:
    def __init__(self, binary, facts, port, auth_url, directory, more=""):
        """`more`: what the configuration says besides."""
        self.binary, self.port, self.directory = binary, port, directory
        self.url = f"http://127.0.0.1:{port}"
        self.config = os.path.join(directory, "holt.toml")
        self.process, self.tokens = None, {}
        with open(self.config, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(config_text(facts, port, auth_url, directory) + more)
            file.write(self.run("token", "--new-key", os.path.join(directory, "keys")))

    def run(self, *arguments):
        """What a command of the CLI prints."""
        return subprocess.run([self.binary, *arguments], check=True, capture_output=True, text=True, cwd=self.directory).stdout

    # ------------------------------------------------------------ process
    def start(self, wait=60):
        """Starts `holt serve` and waits until it says that it is ready."""
        with open(os.path.join(self.directory, "holt.log"), "ab") as log:
            self.process = subprocess.Popen([self.binary, "serve", "--config", self.config], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, cwd=self.directory, start_new_session=True)
        deadline = time.monotonic() + wait
        while not self.ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"holt serve ended with {self.process.returncode}, see {self.directory}/holt.log")
            if time.monotonic() > deadline:
                raise RuntimeError(f"holt serve is not ready after {wait} s, see {self.directory}/holt.log")
            time.sleep(0.1)

    def ready(self):
        try:
            return call("GET", self.url + "/health/ready", timeout=2).status == 200
        except (Refused, OSError):
            return False

    def kill(self):
        """kill -9, and nothing of it is left when this returns."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    # ---------------------------------------------------------------- API
    def token(self, tenant):
        if tenant not in self.tokens:
            token = self.run("token", "--config", self.config, "--tenant", tenant, "--rights", RIGHTS, "--ttl", "6h")
            self.tokens[tenant] = token.strip()
        return self.tokens[tenant]

    def api(self, method, tenant, path, body=None, headers=None):
        return call(method, f"{self.url}/v2/{tenant}{path}", body,
                    {"Authorization": f"Bearer {self.token(tenant)}", **(headers or {})}).body

    def create_group(self, tenant, name, low, high, server):
        """The new group's id. Refused when Holt will not have it."""
        return self.api("POST", tenant, "/groups", {
            "name": name, "min": low, "max": high, "cooldown_seconds": 0, "launch": {"server": server}})["id"]

    def group(self, tenant, group):
        """{id, name, status, desired, active, pending, hold, ...}"""
        return self.api("GET", tenant, f"/groups/{group}")

    def trouble(self, tenant, group):
        """What keeps the group from launching, `why: the cloud's words`; empty when nothing does."""
        hold = self.group(tenant, group).get("hold")
        return f"{hold['why']}: {hold['detail']}" if hold else ""

    def set_desired(self, tenant, group, desired):
        """The verdict, or that the event waits for one."""
        answer = self.api("POST", tenant, f"/groups/{group}/events", {"desired": desired, "force": True},
                          {"Idempotency-Key": str(uuid.uuid4())})
        if answer.get("outcome", "applied") != "applied":
            raise RuntimeError(f"asked for {desired}, the verdict is {answer}")
        return answer

    def is_gone(self, tenant, group):
        try:
            self.group(tenant, group)
        except Refused as error:
            if error.status == 404:
                return True
            raise
        return False

    def delete_group(self, tenant, group):
        self.api("DELETE", tenant, f"/groups/{group}?force=true")
