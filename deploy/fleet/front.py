"""The one endpoint: `front.py PORT BACKEND...` passes each connection to the next backend port of this machine that takes it."""
import asyncio
import contextlib
import itertools
import sys


async def copy(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.write_eof()


async def main():
    port, backends = int(sys.argv[1]), [int(port) for port in sys.argv[2:]]
    turns = itertools.count()

    async def serve(reader, writer):
        turn = next(turns)
        for one in range(2 * len(backends)):
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", backends[(turn + one) % len(backends)])
                break
        else:
            writer.close()
            return
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))
        for end in (writer, far_writer):
            end.close()

    async with await asyncio.start_server(serve, "127.0.0.1", port) as server:
        await server.serve_forever()


asyncio.run(main())
