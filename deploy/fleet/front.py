"""The one endpoint: `front.py PORT BACKEND...` passes each connection to the next backend port of this machine that says it is ready."""
import asyncio
import contextlib
import itertools
import sys

LOOK = 0.3


async def copy(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.write_eof()


async def is_ready(port):
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            line = await reader.readline()
            writer.close()
            return line.split()[1:2] == [b"200"]
    return False


async def main():
    port, backends = int(sys.argv[1]), [int(port) for port in sys.argv[2:]]
    ready, turns = set(backends), itertools.count()

    async def watch(backend):
        while True:
            (ready.add if await is_ready(backend) else ready.discard)(backend)
            await asyncio.sleep(LOOK)

    async def serve(reader, writer):
        turn = next(turns)
        in_turn = backends[turn % len(backends):] + backends[:turn % len(backends)]
        # Those that are not ready last: better than nobody.
        for backend in sorted(in_turn, key=lambda one: one not in ready):
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", backend)
                break
        else:
            writer.close()
            return
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))
        for end in (writer, far_writer):
            end.close()

    watches = [asyncio.create_task(watch(backend)) for backend in backends]
    async with await asyncio.start_server(serve, "127.0.0.1", port) as server:
        await server.serve_forever()
    await asyncio.gather(*watches)


asyncio.run(main())
