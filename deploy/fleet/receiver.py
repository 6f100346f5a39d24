"""A customer's receiver of hooks: counts what reached it, and lets servers that wait go on. It verifies no signature: tests/hooks has one that does."""
import collections
import http.server
import json
import threading
import time

from fleet import Refused, call

POINTS = ("server.before_active", "server.active", "server.gone")


def lets_go_on(answer_url):
    """Says so until it is known to be taken, as docs/hooks.md asks: a store that is busy is no reason to give the server up."""
    is_perhaps_taken = False
    for _ in range(60):
        try:
            return call("POST", answer_url + "/continue").status == 200
        except Refused as refused:
            if refused.status == 409 and is_perhaps_taken:
                return True
            if refused.status not in (429, 503):
                raise
        except OSError as error:
            is_perhaps_taken = True
            print(f"  no answer to an answer, asked again: {error!r}", flush=True)
        time.sleep(0.5)
    return False


class Receiver:
    """Listens on a port of this machine until the process ends."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/holt"
        self.lock, self.messages, self.answered = threading.Lock(), {}, 0
        self.took = collections.Counter()       # how often each id came: at least once is the promise
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                self.send_response(204)
                self.end_headers()
                receiver.take(self.headers["webhook-id"], body)

            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def take(self, name, body):
        with self.lock:
            self.took[name] += 1
            is_new = self.took[name] == 1
            self.messages[name] = (body["type"], body["data"]["server"])
        if is_new and "wait" in body["data"]:
            # Only by this may the server go on before its deadline.
            is_taken = lets_go_on(body["data"]["wait"]["answer_url"])
            with self.lock:
                self.answered += is_taken

    def hook(self, fleet, tenant, group):
        """Puts a hook on a group; a server whose receiver does not answer is given up."""
        fleet.api("PUT", tenant, f"/groups/{group}/hooks/told", {
            "points": POINTS, "url": self.url, "wait": {"deadline_s": 60, "default": "abandon"}})

    def told(self, point):
        """Of how many servers it was told at that point, and in how many messages of ids of their own: the same, if none is told twice."""
        with self.lock:
            servers = [server for kind, server in self.messages.values() if kind == point]
        return len(set(servers)), len(servers)
