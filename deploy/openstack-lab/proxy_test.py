"""Tests of proxy.py against a small HTTP server that counts what it is told: python3 -B -m unittest proxy_test

They need no lab. The cloud here answers every create with 202 and an id of its own.
"""
import asyncio
import json
import tempfile
import unittest
from urllib.parse import urlsplit

from http11 import Message, Peer, exchange
from proxy import Log, Proxy, reply

PROJECT = "6cb5d7fd87c14454a5d339fda8a895c6"


class ProxyTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.executed, self.servers = [], []
        cloud = await self.listen(self.cloud)
        self.file = tempfile.NamedTemporaryFile("r", suffix=".jsonl")
        self.log = Log(self.file.name)
        self.base = f"http://127.0.0.1:{cloud}"
        self.proxy = Proxy({"identity": urlsplit(self.base), "compute": urlsplit(self.base)}, self.log, 1)
        self.port = await self.listen(self.proxy.serve)

    async def asyncTearDown(self):
        for server in self.servers:
            server.close()
        self.log.file.close()
        self.file.close()

    async def listen(self, handler):
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        self.servers.append(server)
        return server.sockets[0].getsockname()[1]

    async def cloud(self, reader, writer):
        peer = Peer(reader, writer)
        request = await peer.request()
        if request.start.startswith("POST /v3/auth/tokens"):
            answer = reply(201, {"token": {"project": {"id": PROJECT}, "user": {"name": "scaler"},
                                           "catalog": [{"endpoints": [{"url": self.base + "/v2.1"}]}]}})
            answer.set("X-Subject-Token", "secret-token")
        else:
            self.executed.append(json.loads(request.body)["server"]["name"])
            answer = reply(202, {"server": {"id": f"id-{self.executed[-1]}"}})
        await peer.send(answer.encode())
        await peer.close()

    def request(self, path, body):
        message = Message(f"POST {path} HTTP/1.1", [("Host", "x"), ("X-Auth-Token", "secret-token")], json.dumps(body).encode())
        message.set("Content-Length", str(len(message.body)))
        return message

    def create(self, name):
        return exchange("127.0.0.1", self.port, self.request("/compute/v2.1/servers", {"server": {"name": name}}), 10)

    async def create_and_die(self, name):
        """Sends a create and closes the connection as soon as the proxy holds it."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(self.request("/compute/v2.1/servers", {"server": {"name": name}}).encode())
        await self.until(lambda: self.proxy.held)
        writer.close()

    def arm(self, count, stage, gone="drop"):
        self.proxy.command("POST", "/hold", {"count": count, "stage": stage, "gone": gone})

    async def until(self, condition):
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.01)

    def lines(self, kind):
        self.file.seek(0)
        return [line for line in map(json.loads, self.file) if line["kind"] == kind]

    async def test_a_catalog_leads_back_to_the_proxy_and_no_secret_is_written(self):
        answer = await exchange("127.0.0.1", self.port, self.request("/identity/v3/auth/tokens", {"auth": "password"}), 10)
        token = json.loads(answer.body)["token"]
        self.assertEqual(token["catalog"][0]["endpoints"][0]["url"], "http://127.0.0.1:1/identity/v2.1")
        await self.create("a")
        await self.until(lambda: len(self.lines("request")) == 2)
        last = self.lines("request")[-1]
        self.assertEqual((last["project"], last["user"], last["server_id"], last["status"]), (PROJECT, "scaler", "id-a", 202))
        self.file.seek(0)
        self.assertNotIn("secret-token", self.file.read())

    async def test_forty_creates_at_once_are_executed_once_each(self):
        await asyncio.gather(*(self.create(f"s{n}") for n in range(40)))
        self.assertEqual(len(set(self.executed)), 40)
        self.assertEqual(len(self.executed), 40)

    async def test_a_held_answer_is_executed_and_delivered_on_release(self):
        self.arm(1, "answer")
        waiting = asyncio.ensure_future(self.create("a"))
        await self.until(lambda: self.proxy.state()["held_waiting"] == 1)
        self.assertEqual(self.executed, ["a"])
        self.assertEqual((await self.create("b")).start, "HTTP/1.1 202 -")
        self.proxy.command("POST", "/release", {})
        self.assertEqual((await waiting).start, "HTTP/1.1 202 -")

    async def test_a_client_that_dies_during_a_held_answer_is_logged(self):
        self.arm(1, "answer")
        await self.create_and_die("a")
        await self.until(lambda: self.lines("request"))
        self.assertEqual([e["event"] for e in self.lines("event")], ["executed", "held", "client_gone"])
        self.assertFalse(self.lines("request")[0]["delivered"])
        self.assertEqual(self.lines("request")[0]["server_id"], "id-a")

    async def test_a_create_held_before_is_dropped_with_its_client(self):
        self.arm(1, "before", "drop")
        await self.create_and_die("a")
        await self.until(lambda: self.lines("request"))
        self.assertEqual(self.executed, [])
        self.assertFalse(self.lines("request")[0]["forwarded"])

    async def test_a_create_held_before_is_executed_late_when_told_so(self):
        self.arm(1, "before", "late")
        await self.create_and_die("a")
        await self.until(lambda: self.proxy.state()["held_waiting"] == 0)
        self.assertEqual(self.executed, [])
        self.proxy.command("POST", "/release", {})
        await self.until(lambda: self.lines("request"))
        self.assertEqual(self.executed, ["a"])
        self.assertIn("forwarded_late", [e["event"] for e in self.lines("event")])

    async def test_a_cloud_that_is_away_gives_a_502_and_a_log_line(self):
        self.servers[0].close()
        answer = await self.create("a")
        self.assertTrue(answer.start.startswith("HTTP/1.1 502"))
        self.assertEqual(self.lines("request")[0]["status"], 502)


if __name__ == "__main__":
    unittest.main()
