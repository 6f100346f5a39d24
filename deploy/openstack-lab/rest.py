"""JSON over HTTP, with Python's standard library."""
import json
import urllib.error
import urllib.request
from dataclasses import dataclass

# Never through a proxy of the environment: everything here is on loopback.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Refused(Exception):
    """An answer of 400 or more."""

    def __init__(self, method, url, status, text):
        super().__init__(f"{method} {url}: {status} {text[:500]}")
        self.status, self.text = status, text


@dataclass
class Answer:
    status: int
    headers: dict
    body: object


def call(method, url, body=None, headers=None, timeout=90):
    """Raises Refused for an answer of 400 or more, OSError when there is none."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})}, method=method)
    try:
        with OPENER.open(request, timeout=timeout) as answer:
            text = answer.read()
            return Answer(answer.status, dict(answer.headers), json.loads(text) if text else None)
    except urllib.error.HTTPError as error:
        raise Refused(method, url, error.code, error.read().decode(errors="replace")) from None
