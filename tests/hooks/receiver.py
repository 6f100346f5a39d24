"""A customer's receiver: verifies signatures with the `standardwebhooks` package, "configures" each server, and tells Holt to go on.

    receiver.py PORT SECRET LOG

One line of JSON for each message goes to LOG. A message whose signature is wrong is answered 401 and counts as bad.
"""
import json
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

port, secret, log_file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
webhook = Webhook(secret)
log = open(log_file, "a", buffering=1)
lock = threading.Lock()


def note(**what):
    with lock:
        log.write(json.dumps(what) + "\n")


def go_on(url):
    # What a real receiver does here: run its playbook against the server.
    request = urllib.request.Request(url + "/continue", method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        note(answered=answer.status)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            message = webhook.verify(body, dict(self.headers))
        except WebhookVerificationError as error:
            note(bad=str(error))
            self.send_response(401)
            self.end_headers()
            return
        data = message["data"]
        note(id=self.headers["webhook-id"], type=message["type"], server=data.get("server"))
        self.send_response(204)
        self.end_headers()
        if "wait" in data:
            threading.Thread(target=go_on, args=(data["wait"]["answer_url"],)).start()

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()
