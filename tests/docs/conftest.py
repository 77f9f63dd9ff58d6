"""Run a page of the documentation: its examples are executed, and their output is compared.

A page is read from top to bottom, in an empty folder. In it stand blocks of code:

    ```python    `# views.py` on its first line: a file (`# views.py, at the end`: more of it). Without a
                 name: main.py if it has URLS, else a program that must end well.
    ```html      `{# templates/home.html #}` or `<!-- ... -->` on its first line: a file.
    ```console   `$ command` lines, each with what it prints; `...` stands for anything. A command that
                 serves goes on running, and its output is compared when it is stopped.
    ```text      a drawing, or a message: nothing to run.

Any other block needs a reason why it is not run: `<!-- not run: needs a domain of your own -->` above it.
`<!-- folder: examples/lesson -->` begins again with a copy of that folder, `<!-- new folder -->` with
nothing. A program that binds a fixed port gets one from the system (ports/sitecustomize.py), and
curl and nc are sent there. A table of URLS that no command uses is checked all the same.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.speed import PATIENCE, seconds

REPOSITORY = Path(__file__).parents[2]
PORTS = Path(__file__).parent / "ports"
SECONDS = PATIENCE
CONNECTED_SECONDS = seconds(5)  # for a background program; without /proc/net/tcp, each one takes all of it

_FENCE = re.compile(r"( *)```(\w*)\s*$")
_REMARK = re.compile(r"<!-- (not run|folder|new folder)(?:: (.*?))? -->")
NAMED = re.compile(r"(?:# |\{# |<!-- )([\w./-]+\.\w+)(, at the end)?(?: #\}| -->)?$")
_SERVES = re.compile(r"fanlight (?:run|dev)(?!.*--help)|python \S+\.py$")
_USES_SERVER = re.compile(r"\blocalhost[: ](\d+)|--unix-socket")


@dataclass(kw_only=True)
class Block:
    """One fenced block, or a remark that stands by itself."""

    language: str
    text: str
    line: int
    why_not_run: str | None = None


def read_blocks(text: str) -> list[Block]:
    """Return the blocks of a page, from top to bottom."""
    blocks: list[Block] = []
    reason: str | None = None
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        if remark := _REMARK.fullmatch(line.strip()):
            kind, reason_or_folder = remark.groups()
            if kind == "not run":
                reason = reason_or_folder or ""
            else:
                blocks.append(Block(language="folder", text=reason_or_folder or "", line=number))
        elif fence := _FENCE.match(line):
            indent, language = fence.groups()
            body = []
            for _, inner in lines:
                if inner.strip() == "```":
                    break
                body.append(inner.removeprefix(indent))
            blocks.append(Block(language=language, text="\n".join(body) + "\n", line=number, why_not_run=reason))
            reason = None
        elif line.strip():
            reason = None
    return blocks


def commands_of(text: str) -> Iterator[tuple[str, str]]:
    """Give each command of a console block with what it should print."""
    for piece in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, rest = "", piece
        while True:
            line, _, rest = rest.partition("\n")
            command += line
            if not line.endswith("\\"):
                break
            command += "\n"
        yield command, rest


def matches(expected: str, actual: str) -> bool:
    """Say whether an output is as a page shows it; `...` stands for anything, also for no line at all."""
    pattern = "\n".join(re.escape(line.rstrip()) for line in expected.strip("\n").split("\n"))
    pattern = pattern.replace("\n\\.\\.\\.", "(?:\n.*)?").replace("\\.\\.\\.", ".*")
    shown = "\n".join(line.rstrip() for line in actual.strip("\n").split("\n"))
    return re.fullmatch(pattern, shown, re.DOTALL) is not None


def environment() -> dict[str, str]:
    """Return what a program of a page finds in its environment."""
    scripts = str(Path(sys.executable).parent)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    return kept | {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "NO_COLOR": "1",
        "COLUMNS": "80",
    }


class Serving:
    """A program of a page that serves, until it is stopped."""

    def __init__(self, command: str, folder: Path, environment: dict[str, str]) -> None:
        """Start it, and wait until it listens."""
        read, write = os.pipe()
        self.command = command
        paths = os.pathsep.join(filter(None, (str(PORTS), environment.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            ["bash", "-c", f"exec env {command}"],
            cwd=folder,
            env=environment | {"DOCS_PORTS_FD": str(write), "PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=[write],
        )
        os.close(write)
        self._printed: list[str] = []
        self._has_banner = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self._listening = os.fdopen(read)  # stays open, for what it listens on besides
        first = self._listening.readline().split()
        self.ports = {first[0]: first[1]} if first else {}  # wanted: chosen; none if it has ended already
        if first and "fanlight " in command:
            self._has_banner.wait(SECONDS)  # the operators' port is open before the site is

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._printed.append(line)
            if "Ctrl+C stops it" in line:
                self._has_banner.set()
        self._has_banner.set()

    def stop(self) -> str:
        """End it; return what it has printed."""
        if "fanlight" in self.command:
            self._has_banner.wait(SECONDS)
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(SECONDS)
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._listening.close()
        assert code in (0, 1, 2, -signal.SIGTERM), f"$ {self.command}\nended with {code}"
        # The message about our own signal is not on the page.
        return re.sub(r"\nshutting down: .*\n", "", "".join(self._printed))


@dataclass(kw_only=True)
class PageRun:
    """A page while it is run."""

    name: str
    home: Path  # of this run: configuration of curl, and the folders of the page's examples
    folder: Path = field(init=False)
    serving: Serving | None = None
    expected: str | None = None  # by the one that is serving
    line: int = 0
    unused: str = ""  # a table that no command has used yet
    background: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with an empty folder."""
        self._begin_folder("")

    def run(self, text: str) -> None:
        """Run all blocks of a page."""
        try:
            for block in read_blocks(text):
                self.line = block.line
                if block.why_not_run is None:
                    self._run_block(block)
            self._end_example()
        finally:
            for each in self.background:
                os.killpg(each.pid, signal.SIGKILL)
                each.wait()
            if self.serving is not None:
                self.serving.stop()

    def _run_block(self, block: Block) -> None:
        if block.language == "folder":
            self._end_example()
            self._begin_folder(block.text)
        elif block.language == "console":
            for command, expected in commands_of(block.text):
                self._run_command(command, expected)
        elif block.language in ("python", "html"):
            self._take_file(block)
        elif block.language != "text":
            self._fail(
                f"a block of {block.language or 'no language'}: give a reason why it is not run, or mark it as text"
            )

    def _begin_folder(self, model: str) -> None:
        self.folder = self.home / f"example-{len(list(self.home.iterdir()))}"
        if model:
            shutil.copytree(REPOSITORY / model, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            self.folder.mkdir()

    # --- files ------------------------------------------------------------------------------

    def _take_file(self, block: Block) -> None:
        first = block.text.partition("\n")[0]
        named = NAMED.match(first)
        name, at_the_end = named.groups() if named else (None, None)
        if name is None and re.search(r"^URLS\b.*=", block.text, re.MULTILINE):
            name = "main.py"
        if name is None and block.language == "html":
            self._fail("a block of html without a file's name on its first line")
        self._stop_serving()
        if name is None:
            self._run_program(block.text)
            return
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a" if at_the_end else "w") as out:
            # In HTML the line with the name is for the reader of the page alone.
            text = block.text.partition("\n")[2] if block.language == "html" else block.text
            out.write(("\n\n" if at_the_end else "") + text)
        if name == "main.py" or (name.endswith(".py") and "URLS" in block.text):
            self.unused = name
        elif name.startswith("test_"):
            self.unused = self.unused or name

    def _run_program(self, text: str) -> None:
        done = subprocess.run(
            [sys.executable, "-"], input=text, cwd=self.folder, env=self._environment(), text=True, capture_output=True,
            timeout=SECONDS, check=False,
        )  # fmt: skip
        if done.returncode:
            self._fail(f"the program fails:\n{done.stdout}{done.stderr}")

    # --- commands -----------------------------------------------------------------------------

    def _run_command(self, command: str, expected: str) -> None:
        if command.startswith("cd "):
            self.folder = self.folder / command.removeprefix("cd ").strip()
            return
        if _SERVES.search(command) and "|" not in command:
            self._stop_serving()
            self.unused = ""
            self._serve(command, expected)
            return
        if _USES_SERVER.search(command) and self.serving is None:
            self.unused = ""
            self._serve("fanlight run", None)
        if re.match(r"fanlight|pytest|python", command):
            self.unused = ""
        if command.endswith("&"):
            before = self._clients()
            self.background.append(self._in_background(command.removesuffix("&")))
            self._wait_for_client(before)
            return
        done = subprocess.run(
            ["bash", "-c", self._directed(command)], cwd=self.folder, env=self._environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=SECONDS, check=False,
        )  # fmt: skip
        self._compare(command, expected, done.stdout)

    def _in_background(self, command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["bash", "-c", self._directed(command)], cwd=self.folder, env=self._environment(), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _clients(self) -> int:
        """Return the number of connections to the running server, including closed ones (TIME_WAIT)."""
        table = Path("/proc/net/tcp")
        if self.serving is None or not table.exists():
            return 0
        ports = {f"{int(chosen):04X}" for wanted, chosen in self.serving.ports.items() if wanted != "unix"}
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
        return sum(row[3] != "0A" and row[1].rpartition(":")[2] in ports for row in rows)

    def _wait_for_client(self, before: int) -> None:
        """Wait until a program in the background has connected, so that the next command comes after it."""
        until = time.monotonic() + CONNECTED_SECONDS
        while self._clients() <= before and time.monotonic() < until:
            time.sleep(0.01)

    def _directed(self, command: str) -> str:
        """Return a command with the port that the system has chosen."""
        for wanted, chosen in (self.serving.ports if self.serving else {}).items():
            command = command.replace(f"localhost {wanted}", f"127.0.0.1 {chosen}")
        return command

    def _environment(self) -> dict[str, str]:
        return environment() | {"CURL_HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state")}

    def _compare(self, command: str, expected: str, printed: str) -> None:
        printed = printed.replace("\r\n", "\n").replace(str(self.folder), "...")
        for wanted, chosen in (self.serving.ports if self.serving else {}).items():
            if wanted != "unix":
                printed = printed.replace(f":{chosen}", f":{wanted}")
        if not matches(expected, printed):
            self._fail(f"$ {command}\n--- expected:\n{expected}\n--- actual:\n{printed}")

    # --- serving --------------------------------------------------------------------------------

    def _serve(self, command: str, expected: str | None) -> None:
        self.serving = Serving(command, self.folder, self._environment())
        self.expected = expected
        if not self.serving.ports:
            if expected is None:
                self._fail(f"`{command}` serves nothing:\n{self.serving.stop()}")
            self._stop_serving()
            return
        lines = ["silent", "show-error"]
        for wanted, chosen in self.serving.ports.items():
            if wanted != "unix":
                lines += [f'connect-to = "{host}:{wanted}:127.0.0.1:{chosen}"' for host in ("localhost", "127.0.0.1")]
        (self.home / ".curlrc").write_text("\n".join(lines) + "\n")

    def _stop_serving(self) -> None:
        serving, self.serving = self.serving, None
        if serving is None:
            return
        printed = serving.stop()
        if self.expected is not None:
            self.serving = serving  # for its ports
            try:
                self._compare(serving.command, self.expected, printed)
            finally:
                self.serving = None

    def _end_example(self) -> None:
        self._stop_serving()
        if self.unused.startswith("test_"):
            self._run_command("pytest -q", "...")
        elif self.unused:
            self._run_command(f"fanlight check {self.unused}", "...: no errors (...)")
        self.unused = ""

    def _fail(self, why: str) -> None:
        raise AssertionError(f"{self.name}, block at line {self.line}: {why}")


@pytest.fixture
def run_page(tmp_path: Path) -> Callable[[str, str], None]:
    """Give a function that runs a page: its name, and its text."""

    def run(name: str, text: str) -> None:
        PageRun(name=name, home=tmp_path).run(text)

    return run


@pytest.fixture
def serve() -> Iterator[Callable[[str, Path], str]]:
    """Give a function that has a command serve a folder until the test ends, and returns the address."""
    running: list[Serving] = []

    def start(command: str, folder: Path) -> str:
        running.append(Serving(command, folder, environment()))
        assert running[-1].ports, f"`{command}` serves nothing:\n{running[-1].stop()}"
        return f"http://localhost:{running[-1].ports['8000']}"

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def blocks_of() -> Callable[[str], list[Block]]:
    """Give the function that reads the blocks of a page."""
    return read_blocks
