"""As much of HTTP/1.1 as a recording proxy needs: whole messages in, whole messages out.

Python's standard library only. Bodies are held in memory, so a limit bounds them.
"""
import asyncio
from dataclasses import dataclass, field

BODY_LIMIT = 64 * 1024 * 1024
# Headers that speak of one connection, not of the message.
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
              "content-length", "expect"}


class Malformed(Exception):
    """What arrived is not HTTP as we understand it: the connection is of no more use."""


@dataclass
class Message:
    start: str
    headers: list = field(default_factory=list)
    body: bytes = b""

    def get(self, name, default=""):
        return next((value for key, value in self.headers if key.lower() == name), default)

    def set(self, name, value):
        self.headers = [(k, v) for k, v in self.headers if k.lower() != name.lower()] + [(name, value)]

    def encode(self, body=True):
        """The bytes to send; `body=False` keeps the stated length and leaves the body out (HEAD)."""
        head = "".join(f"{key}: {value}\r\n" for key, value in self.headers)
        return f"{self.start}\r\n{head}\r\n".encode("latin-1") + (self.body if body else b"")


class Peer:
    """One side of a connection. One request at a time: a client that sends the next one early is cut off."""

    def __init__(self, reader, writer):
        self.reader, self.writer, self.early = reader, writer, False

    async def _line(self):
        if self.early:
            raise Malformed("a request before the answer to the last one")
        line = await self.reader.readline()
        if line and not line.endswith(b"\n"):
            raise Malformed("the connection ended within a line")
        return line.decode("latin-1").rstrip("\r\n") if line else None

    async def head(self):
        """Start line and headers, or None when the connection ended between two messages."""
        start = await self._line()
        if not start:
            return None
        message = Message(start)
        while line := await self._line():
            key, colon, value = line.partition(":")
            if not colon:
                raise Malformed(f"not a header: {line[:80]!r}")
            message.headers.append((key.strip(), value.strip()))
        return message

    async def request(self):
        message = await self.head()
        if message is None:
            return None
        if len(message.start.split(" ")) != 3:
            raise Malformed(f"not a request: {message.start[:80]!r}")
        if "100-continue" in message.get("expect").lower():
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        message.body = await self._body(message, until_end=False)
        return message

    async def answer(self, method):
        """The final answer to a request sent with `Connection: close`."""
        message = await self.head()
        while message and message.start.split(" ")[1] == "100":
            message = await self.head()
        if message is None:
            raise Malformed("no answer")
        if method != "HEAD" and message.start.split(" ")[1] not in ("204", "304"):
            message.body = await self._body(message, until_end=True)
        return message

    async def _body(self, message, until_end):
        if "chunked" in message.get("transfer-encoding").lower():
            return await self._chunks()
        if length := message.get("content-length"):
            if not length.isdigit() or int(length) > BODY_LIMIT:
                raise Malformed(f"body length {length[:20]!r}")
            return await self.reader.readexactly(int(length))
        return await self.reader.read(BODY_LIMIT) if until_end else b""

    async def _chunks(self):
        body = b""
        while size := int((await self._line() or "").split(";")[0] or "x", 16):
            if len(body) + size > BODY_LIMIT:
                raise Malformed("body too long")
            body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        while await self._line():
            pass
        return body

    async def gone(self):
        """Returns when the other side has closed or reset the connection."""
        while True:
            try:
                more = await self.reader.read(65536)
            except OSError:
                return
            if not more:
                return
            self.early = True

    async def send(self, data):
        """True when the bytes were handed to a connection that still stood."""
        try:
            if self.writer.is_closing() or self.reader.at_eof():
                return False
            self.writer.write(data)
            await self.writer.drain()
            return True
        except OSError:
            return False

    async def close(self):
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            pass


async def exchange(host, port, message, timeout):
    """Sends one request on a connection of its own and reads the answer. Raises OSError, Malformed or TimeoutError."""
    async def run():
        peer = Peer(*await asyncio.open_connection(host, port, limit=1 << 20))
        try:
            peer.writer.write(message.encode())
            await peer.writer.drain()
            return await peer.answer(message.start.split(" ")[0])
        except (asyncio.IncompleteReadError, ValueError) as error:
            raise Malformed(str(error)) from error
        finally:
            await peer.close()
    return await asyncio.wait_for(run(), timeout)
