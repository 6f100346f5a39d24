"""A recording proxy between a client and an OpenStack: what the cloud was told, in one file.

    proxy.py --listen 21090 --admin 21091 --log FILE --route identity=http://127.0.0.1:21000 --route compute=http://...

Each route is served under its own path (http://127.0.0.1:21090/identity/v3). Every mention of a route's origin in an
answer is rewritten to the proxy's, so a client that follows the service catalog or a link stays on the proxy.

The log has one JSON line per request when it ended ("kind": "request": seq, t, ended, method, path, project, user, status,
server_id, held, forwarded, delivered; a create also its name, metadata and tags), and one per turn in the life of a held
create ("kind": "event": held, executed, client_gone, dropped, forwarded_late, released). Tokens and passwords are never written.

The admin endpoint (JSON in, JSON out):
    POST /hold     {"count": N, "stage": "answer"|"before", "gone": "drop"|"late"}
                   the next N creates (POST /servers) are held: at "answer" after the cloud has executed them, at "before" unsent.
                   When the client of one held "before" goes away it is dropped, or ("late") forwarded once released.
                   (count 0 disarms)
    POST /release  {"seqs": [N, ...]} or {}: let go of these held creates, or of all
    GET  /state    what is armed, what is held now, how many requests and creates there were
Python's standard library only.
"""
import argparse
import asyncio
import hashlib
import json
import re
import signal
import time
from urllib.parse import urlsplit

from http11 import HOP_BY_HOP, Malformed, Message, Peer, exchange

CREATE = re.compile(r"^/v2(\.\d+)?(/[0-9a-f-]{32,36})?/servers$")
SERVER = re.compile(r"/servers/([0-9a-f-]{36})(?:/|$)")
# A list that meets a dead cell takes Nova 60 s.
UPSTREAM_TIMEOUT = 120


class Log:
    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8", buffering=1)

    def event(self, what, record, **more):
        self._write({"kind": "event", "event": what, "seq": record["seq"], "t": time.time(), **more})

    def request(self, record):
        self._write({"kind": "request", **record, "ended": time.time()})

    def _write(self, line):
        self.file.write(json.dumps(line) + "\n")


class Held:
    """One create that waits: for its release, for its client to go away, or for both."""

    def __init__(self, record, stage, gone):
        self.record, self.stage, self.on_gone = record, stage, gone
        self.released, self.client_gone = asyncio.Event(), False

    def show(self):
        keys = ("seq", "t", "project", "name", "metadata", "tags", "server_id")
        return {**{key: self.record.get(key) for key in keys}, "stage": self.stage, "client_gone": self.client_gone}


class Proxy:
    def __init__(self, routes, log, port):
        self.routes, self.log = routes, log
        self.own = f"http://127.0.0.1:{port}"
        self.seq = self.creates = 0
        self.armed = {"count": 0, "stage": "answer", "gone": "drop"}
        self.held, self.scopes, self.open = {}, {}, {}

    async def serve(self, reader, writer):
        peer = Peer(reader, writer)
        try:
            while request := await peer.request():
                if not await self.one(peer, request) or request.get("connection").lower() == "close":
                    break
        except (Malformed, asyncio.IncompleteReadError, ValueError, OSError):
            pass  # a client that dies or babbles in the middle of a request: nothing was forwarded
        finally:
            await peer.close()

    async def one(self, peer, request):
        """One request from arrival to its log line. False when its client is gone."""
        method, target, _ = request.start.split(" ")
        self.seq += 1
        record = self.record(method, target, request)
        self.open[self.seq] = record
        delivered = False
        try:
            answer = await (self.create(peer, request, record) if "name" in record else self.forward(request, record))
            if answer is not None:
                delivered = await peer.send(answer.encode(body=method != "HEAD"))
        finally:
            record["delivered"] = delivered
            self.log.request(record)
            del self.open[record["seq"]]
        return delivered

    def record(self, method, target, request):
        url = urlsplit(target)
        route, _, path = url.path.lstrip("/").partition("/")
        project, user = self.scopes.get(fingerprint(request.get("x-auth-token")), (None, None))
        record = {"seq": self.seq, "t": time.time(), "method": method, "route": route, "path": "/" + path, "query": url.query,
                  "project": project, "user": user, "status": None, "server_id": None, "held": False, "hold": None,
                  "forwarded": False, "delivered": False}
        if found := SERVER.search(record["path"]):
            record["server_id"] = found[1]
        if method != "POST" or route == "identity":
            return record
        body = parsed(request.body)
        if CREATE.match(record["path"]):
            server = body.get("server") if isinstance(body.get("server"), dict) else {}
            record.update({key: server.get(key) for key in ("name", "metadata", "tags", "imageRef", "flavorRef")})
            self.creates += 1
        elif record["path"].endswith("/action"):
            record["action"] = next(iter(body), None)
        return record

    async def forward(self, request, record):
        """Sends the request on, once, and gives the answer with the cloud's addresses replaced by ours."""
        method, target, _ = request.start.split(" ")
        base = self.routes.get(record["route"])
        if base is None:
            record["status"] = 404
            return reply(404, {"error": f"no route {record['route']!r}"})
        path = target[target.index(record["route"]) + len(record["route"]):] or "/"
        onward = Message(f"{method} {path} HTTP/1.1", end_to_end(request.headers, {"host", "accept-encoding"}), request.body)
        onward.set("Host", base.netloc)
        onward.set("Connection", "close")
        if request.body or method in ("POST", "PUT", "PATCH"):
            onward.set("Content-Length", str(len(request.body)))
        record["forwarded"] = True
        try:
            answer = await exchange(base.hostname, base.port, onward, UPSTREAM_TIMEOUT)
        except (OSError, Malformed, asyncio.TimeoutError) as error:
            record.update(status=502, error=f"{type(error).__name__}: {error}")
            return reply(502, {"error": f"the cloud did not answer: {error}"})
        return self.rewritten(answer, record)

    def rewritten(self, answer, record):
        record["status"] = int(answer.start.split(" ")[1])
        body, headers = answer.body, end_to_end(answer.headers, set())
        for name, base in self.routes.items():
            there, here = f"http://{base.netloc}", f"{self.own}/{name}"
            body = body.replace(there.encode(), here.encode())
            headers = [(key, value.replace(there, here)) for key, value in headers]
        if record["route"] == "identity" and record["method"] == "POST" and record["status"] == 201:
            self.learn(answer)
        if "name" in record:
            server = parsed(body).get("server")
            record["server_id"] = server.get("id") if isinstance(server, dict) else None
        message = Message(answer.start, headers, body)
        if record["method"] == "HEAD":
            message.set("Content-Length", answer.get("content-length", "0"))
        elif record["status"] not in (204, 304):
            message.set("Content-Length", str(len(body)))
        return message

    def learn(self, answer):
        """Remembers whose a token is, by the token's hash."""
        token = parsed(answer.body).get("token", {})
        self.scopes[fingerprint(answer.get("x-subject-token"))] = (
            token.get("project", {}).get("id"), token.get("user", {}).get("name"))

    async def create(self, peer, request, record):
        if self.armed["count"] <= 0:
            return await self.forward(request, record)
        self.armed["count"] -= 1
        held = Held(record, self.armed["stage"], self.armed["gone"])
        record.update(held=True, hold=held.stage)
        if held.stage == "before":
            await self.hold(peer, held)
            if held.client_gone and held.on_gone == "drop":
                self.log.event("dropped", record)
                return None
            if held.client_gone:
                self.log.event("forwarded_late", record)
            return await self.forward(request, record)
        answer = await self.forward(request, record)
        self.log.event("executed", record, status=record["status"], server_id=record["server_id"], name=record["name"])
        await self.hold(peer, held)
        return answer

    async def hold(self, peer, held):
        """Waits for the release. A client that goes away ends it too, unless its create is to be forwarded late."""
        record = held.record
        self.held[record["seq"]] = held
        self.log.event("held", record, stage=held.stage)
        gone, released = asyncio.ensure_future(peer.gone()), asyncio.ensure_future(held.released.wait())
        try:
            await asyncio.wait({gone, released}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                held.client_gone = True
                self.log.event("client_gone", record, stage=held.stage, server_id=record["server_id"])
                if held.stage == "before" and held.on_gone == "late":
                    await released
            if released.done():
                self.log.event("released", record)
        finally:
            for task in (gone, released):
                task.cancel()
            await asyncio.gather(gone, released, return_exceptions=True)
            del self.held[record["seq"]]

    async def admin(self, reader, writer):
        peer = Peer(reader, writer)
        try:
            while request := await peer.request():
                method, target, _ = request.start.split(" ")
                await peer.send(self.command(method, target, parsed(request.body)).encode())
        except (Malformed, asyncio.IncompleteReadError, ValueError, OSError):
            pass
        finally:
            await peer.close()

    def command(self, method, target, body):
        if (method, target) == ("POST", "/hold"):
            count, stage, gone = body.get("count"), body.get("stage", "answer"), body.get("gone", "drop")
            if not isinstance(count, int) or count < 0 or stage not in ("answer", "before") or gone not in ("drop", "late"):
                return reply(400, {"error": "want count (0 or more), stage (answer, before), gone (drop, late)"})
            self.armed = {"count": count, "stage": stage, "gone": gone}
        elif (method, target) == ("POST", "/release"):
            for seq, held in self.held.items():
                if seq in body.get("seqs", self.held):
                    held.released.set()
        elif (method, target) != ("GET", "/state"):
            return reply(404, {"error": "POST /hold, POST /release, GET /state"})
        return reply(200, self.state())

    def state(self):
        return {"armed": self.armed, "held": [held.show() for held in self.held.values()],
                "held_waiting": sum(not held.client_gone for held in self.held.values()),
                "requests": self.seq, "creates": self.creates, "open": len(self.open)}


def end_to_end(headers, without):
    return [(key, value) for key, value in headers if key.lower() not in HOP_BY_HOP | without]


def parsed(body):
    """The body as a JSON object, or an empty one."""
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def fingerprint(token):
    return hashlib.sha256(token.encode()).hexdigest()


def reply(status, value):
    message = Message(f"HTTP/1.1 {status} -", [("Content-Type", "application/json")], json.dumps(value).encode())
    message.set("Content-Length", str(len(message.body)))
    return message


def route(text):
    name, equals, url = text.partition("=")
    base = urlsplit(url)
    if not equals or base.scheme != "http" or not base.port or base.path not in ("", "/"):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=http://HOST:PORT")
    return name, base


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--admin", type=int, required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--route", type=route, action="append", required=True)
    args = parser.parse_args()
    log = Log(args.log)
    proxy = Proxy(dict(args.route), log, args.listen)
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    _listeners = [await asyncio.start_server(proxy.serve, "127.0.0.1", args.listen, limit=1 << 20, backlog=256),
                  await asyncio.start_server(proxy.admin, "127.0.0.1", args.admin)]
    await stop.wait()
    for record in proxy.open.values():
        log.event("proxy_stopped", record, forwarded=record["forwarded"], server_id=record["server_id"])


if __name__ == "__main__":
    asyncio.run(main())
