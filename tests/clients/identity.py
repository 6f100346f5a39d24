#!/usr/bin/env python3
"""A small stand-in for the v2 identity service that the clients of the old service ask.

It hands out one token, which Holt accepts, and a catalog that leads to Holt. Whoever asks gets it: it is for tests on loopback.
Usage: identity.py PORT-FILE HOLT-URL TENANT TOKEN-FILE
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

port_file, holt, tenant, token_file = sys.argv[1:]
with open(token_file, encoding="ascii") as file:
    token = file.read().strip()

endpoint = {"region": "ORD", "tenantId": tenant, "publicURL": f"{holt}/v1.0/{tenant}"}
access = {
    "token": {"id": token, "expires": "2099-01-01T00:00:00.000Z", "tenant": {"id": tenant, "name": tenant}},
    "user": {"id": "1", "name": "ada", "roles": [], "RAX-AUTH:defaultRegion": "ORD"},
    "serviceCatalog": [{"name": "autoscale", "type": "rax:autoscale", "endpoints": [endpoint]}],
}


class Identity(BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_known = self.path.rstrip("/").split("?")[0].endswith("/tokens") or "/tokens/" in self.path
        body = {"access": access} if is_known else {"tenants": [{"id": tenant, "name": tenant}]}
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Identity)
with open(port_file, "w", encoding="ascii") as file:
    file.write(str(server.server_port))
server.serve_forever()
