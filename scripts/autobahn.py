"""Run the Autobahn test suite against an echo server of Fanlight, and write its results as a table of the docs.

In: an interpreter of Python 2 (the last release of `autobahntestsuite` runs on no other), and the folder that the suite
is installed in. Out: docs/reference/autobahn.md, and exit code 1 if a case fails. Not part of `make test`, as few
machines have Python 2: `tests/wire` has the malformed frames, and `tests/journeys/test_websockets.py` the rest.

    scripts/autobahn.py --python ~/.pyenv/versions/2.7.18/bin/python --site /opt/autobahn [--cases '1.*' '6.*']
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from fanlight import App, WebSocket
from fanlight.settings.limits import Limits
from fanlight.testing import LiveServer

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "autobahn.md"
RUN = "import site, sys; site.addsitedir({site!r}); from autobahntestsuite.wstest import run; run()"
MESSAGE_BYTES = 17 * 1024 * 1024  # the largest message of the suite has 16 MiB
INTRODUCTION = """\
Results of [`autobahntestsuite`](https://github.com/crossbario/autobahn-testsuite) 25.10.1 against an echo view, written
by `scripts/autobahn.py`. Each case counts twice: for what we send, and for how the connection ends."""
GROUPS = {
    1: "text and bytes of all lengths",
    2: "pings and pongs",
    3: "reserved bits",
    4: "opcodes",
    5: "fragments",
    6: "UTF-8",
    7: "closing",
    9: "messages up to 16 MiB, in frames and pieces of all sizes",
    10: "automatic fragments",
    12: "permessage-deflate, by kinds and sizes of messages",
    13: "permessage-deflate, by what a client offers",
}
# Cases whose result is "NON-STRICT" or "UNIMPLEMENTED", and why that is right.
_AT_ONCE = "text is checked a frame at a time, and not while the bytes of a frame arrive"
REASONS = {
    "6.4.3": _AT_ONCE,
    "6.4.4": _AT_ONCE,
    "7.1.6": "what is sent behind a close frame is not read; the suite asks what happens",
    "7.13.1": "the code 5000 closes with 1002; the suite asks what happens",
    "7.13.2": "the code 65536 closes with 1002; the suite asks what happens",
}


async def echo(socket: WebSocket) -> None:
    """Return each message."""
    async for message in socket:
        await socket.send(message)


def run_suite(python: str, site: str, cases: list[str], folder: Path) -> dict[str, dict[str, Any]]:
    """Return the result of each case."""
    with LiveServer(App({"/": echo}), limits=Limits(message_bytes=MESSAGE_BYTES)) as server:
        spec = {
            "outdir": str(folder),
            "servers": [{"agent": "fanlight", "url": f"ws://127.0.0.1:{server.port}/"}],
            "cases": cases,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        (folder / "spec.json").write_text(json.dumps(spec))
        arguments = ["-m", "fuzzingclient", "-s", str(folder / "spec.json")]
        subprocess.run([python, "-c", RUN.format(site=site), *arguments], check=True, cwd=folder)
    found: dict[str, dict[str, Any]] = json.loads((folder / "index.json").read_text())["fanlight"]
    return found


def page_of(results: dict[str, dict[str, Any]]) -> str:
    """Return the page of the docs."""
    lines = [
        "# The Autobahn test suite",
        "",
        INTRODUCTION,
        "",
        "| group | about | cases | OK | other |",
        "|---|---|---|---|---|",
    ]
    for group, about in GROUPS.items():
        own = [each for case, each in results.items() if int(case.partition(".")[0]) == group]
        counts = Counter(each["behavior"] for each in own) + Counter(each["behaviorClose"] for each in own)
        other = {name: count for name, count in counts.items() if name != "OK"}
        text = ", ".join(f"{name} {count}" for name, count in sorted(other.items()))
        lines.append(f"| {group} | {about} | {len(own)} | {counts['OK']} | {text} |")
    lines += ["", "| case | result | why |", "|---|---|---|"]
    for case in sorted(others(results), key=lambda name: [int(each) for each in name.split(".")]):
        each = results[case]
        result = each["behavior"] if each["behavior"] != "OK" else each["behaviorClose"]
        lines.append(f"| {case} | {result} | {REASONS.get(case, '')} |")
    return "\n".join(lines) + "\n"


def others(results: dict[str, dict[str, Any]]) -> list[str]:
    """Return the cases that are not simply OK."""
    return [case for case, each in results.items() if {each["behavior"], each["behaviorClose"]} != {"OK"}]


def main() -> int:
    """Run the suite, write the page if all cases ran; return 1 if there is a failure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", default="python2", help="of Python 2")
    parser.add_argument("--site", required=True, help="the folder that autobahntestsuite is installed in")
    parser.add_argument("--cases", nargs="*", default=["*"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = run_suite(options.python, options.site, options.cases, Path(folder))
    page = page_of(results)
    print(page)
    if options.cases == ["*"]:
        PAGE.write_text(page)
    failed = [case for case in others(results) if case not in REASONS and "INFORMATIONAL" not in str(results[case])]
    print(f"{len(results)} cases, failed: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
