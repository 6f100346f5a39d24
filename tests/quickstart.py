"""Runs the commands of a page of documentation, and compares what they print with the page: see quickstart.sh."""

import os
import re
import socket
import subprocess
import sys
import tempfile

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
URL = r"http://[0-9.:]+/v1\.0/execute/1/[0-9a-f]+/"
# What a reader copies by hand out of the output above.
COPIED = {"GROUP": UUID, "HOOK": UUID, "URL": URL}


def blocks(page):
    """The page's commands, each with the output that is shown below it, if it is to be compared."""
    found, varies = [], False
    for part in re.finditer(r"^(<!-- varies -->)$|^```(\w*)\n(.*?)^```$", page, re.S | re.M):
        comment, language, text = part.groups()
        if comment:
            varies = True
        elif language == "sh":
            found.append([text, None])
        elif not language and found:
            found[-1][1] = None if varies else text
            varies = False
    return found


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    return [one.getsockname()[1] for one in sockets]


def runnable(text, out, last):
    """A block as it is run: values that come from an output above are taken from there."""
    def copied(match):
        name = match.group(1)
        return f"{name}=$(grep -m1 -oE '{COPIED[name]}' {last} | head -1)\n"

    text = re.sub(r"^(GROUP|HOOK|URL)=\S+ +# from above\n", copied, text, flags=re.M)
    return "{\n" + text + "} > " + out + " 2>&1\n"


def plain(line):
    """A line without what differs from run to run, and without the frame of a table."""
    line = re.sub(URL, "<url>", line)
    line = re.sub(UUID, "<id>", line)
    line = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "<time>", line)
    line = re.sub(r'"request_id":"[0-9a-f]+"', '"request_id":"<id>"', line)
    line = re.sub(r'"rev":\d+', '"rev":<n>', line)
    line = re.sub(r"\d+\.\d s left", "<n> s left", line)
    line = re.sub(r"/\S+/keys/", "<keys>/", line)
    line = re.sub(r"127\.0\.0\.1:\d+", "<address>", line)
    line = re.sub(r"[│┌┐└┘─╞═╡]", " ", line)
    return " ".join(line.split())


def main(program, file):
    page = open(file, encoding="utf-8").read()
    cloud, api = free_ports(2)
    parts = blocks(page)
    with tempfile.TemporaryDirectory() as folder:
        script = ["set -m\n"]
        last = os.devnull
        for at, (text, _) in enumerate(parts):
            if "cargo build" in text:
                continue
            text = text.replace("holt cloudsim &", f"holt cloudsim --listen 127.0.0.1:{cloud} &")
            text = text.replace("127.0.0.1:8774", f"127.0.0.1:{cloud}").replace("127.0.0.1:8070", f"127.0.0.1:{api}")
            out = f"{folder}/out.{at}"
            script.append(runnable(text, out, last))
            if parts[at][0].startswith("holt") or "holt " in text:
                last = out
        script.append("jobs -p | xargs -r kill 2>/dev/null; true\n")
        path = os.path.dirname(program) + ":" + os.environ["PATH"]
        # The program's name on the page, whatever it is called here.
        os.makedirs(f"{folder}/bin")
        os.symlink(program, f"{folder}/bin/holt")
        environment = {
            "PATH": f"{folder}/bin:{path}",
            "HOME": folder,
            "HOLT__API__LISTEN": f"127.0.0.1:{api}",
            "HOLT_URL": f"http://127.0.0.1:{api}",
        }
        done = subprocess.run(["bash", "-c", "".join(script)], cwd=folder, env=environment, timeout=300,
                              stdin=subprocess.DEVNULL)
        wrong = 0
        for at, (text, expected) in enumerate(parts):
            out = f"{folder}/out.{at}"
            if not os.path.exists(out):
                continue
            said = open(out, encoding="utf-8").read()
            lines = {plain(line) for line in said.splitlines()}
            missing = [line for line in (expected or "").splitlines() if plain(line) and plain(line) not in lines]
            failed = "error:" in said and "error:" not in page[page.index(text):][:len(text) + 400]
            if missing or failed:
                wrong += 1
                print(f"== these commands:\n{text}== did not print:\n" + "\n".join(plain(line) for line in missing))
                print("== but:\n" + "\n".join(plain(line) for line in said.splitlines()))
        if done.returncode or wrong:
            log = f"{folder}/serve.log"
            if os.path.exists(log):
                print("== holt said:\n" + open(log, encoding="utf-8").read()[-2000:])
            print(f"quickstart: {wrong} of {len(parts)} blocks failed, exit code {done.returncode}")
            return 1
    print(f"quickstart: ok, {len(parts)} blocks")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
