"""`fanlight shell`: a site at hand in Python."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.speed import PATIENCE

SITE = """
import sys
from fanlight import App, Request, table

def life(app):
    app.state.name = "the state"
    print("opened", file=sys.stderr)
    yield
    print("closed", file=sys.stderr)

def index(request: Request):
    return f"{app.state.name} {request.url_for('post', slug='x')}"

def post(slug):
    return slug

def bad():
    raise KeyError("bad view")

app = App({"/": index, "/blog": table({"/{slug}": post}, name="blog"), "/bad": bad}, lifespan=life)
"""
# As where no IPython is installed, whatever this machine has.
WITHOUT_IPYTHON = """
import importlib.util as util, sys
find = util.find_spec
util.find_spec = lambda name, *more: None if name == "IPython" else find(name, *more)
from fanlight.cli.commands import main
main(["shell"])
"""
IPYTHON = """
def start_ipython(argv, user_ns, config):
    print(config["TerminalInteractiveShell"]["banner1"])
    print("IPython has", sorted(name for name in user_ns if not name.startswith("_")), user_ns["client"].get("/").text)
"""
TRAITLETS = """
Config = dict
"""


def run(source: str, folder: Path, site: str = "main.py", *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fanlight", "shell", site, *flags]
    return subprocess.run(
        command, input=source, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


class Terminal:
    """A program on a terminal."""

    def __init__(self, command: list[str], folder: Path, variables: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        environment = os.environ | {"XDG_STATE_HOME": str(folder / "state"), "TERM": "xterm"} | variables
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.text = ""

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def wait_for(self, text: str, seconds: float = PATIENCE) -> None:
        """Read until a text is there, which is not looked for again. Raises TimeoutError."""
        until = time.monotonic() + seconds
        while text not in self.text:
            if not select.select([self._ours], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError(f"no {text!r} in {self.text!r}")
            self.text += os.read(self._ours, 65536).decode()
        self.text = self.text.partition(text)[2]

    def signal(self, number: int, text: str) -> None:
        """Send a signal, and wait for a text; again if it came just before readline began to wait, which loses it."""
        for _ in range(4):
            self._wait_until_asleep()
            self.process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                return self.wait_for(text, PATIENCE / 4)
        raise TimeoutError(f"no {text!r} after a signal")

    def _wait_until_asleep(self) -> None:
        """Wait until the program waits for something, where /proc shows it."""
        stat = Path(f"/proc/{self.process.pid}/stat")
        while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] in "RD":
            time.sleep(0.01)

    def close(self) -> None:
        """End the program, if it still runs."""
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Return a function that starts a program on a terminal, in a folder with the site."""
    started: list[Terminal] = []
    (tmp_path / "main.py").write_text(SITE)

    def start(*command: str, **variables: str) -> Terminal:
        started.append(Terminal([sys.executable, *command], tmp_path, variables))
        return started[-1]

    yield start
    for each in started:
        each.close()


def test_a_program_in_standard_input_has_the_site_at_hand(tmp_path: Path) -> None:
    """The app, its routes, a client, `url_for`, the state and `Request`; nothing but its output is printed."""
    (tmp_path / "main.py").write_text(SITE)
    done = run(
        """
response = client.get("/")
print(response.status, response.text)
print(url_for("blog:post", slug="a b", query={"page": 2}), len(app.table.routes), state.name, Request.__name__)
def helper():
    return client.get("/blog/x").text  # names are global
print(helper())
routes()
""",
        tmp_path,
    )
    assert done.stdout == (
        "200 the state /blog/x\n"
        "/blog/a%20b?page=2 3 the state Request\n"
        "x\n"
        "GET  /             main.index      main.py:20\n"
        "GET  /blog/{slug}  blog:main.post  main.py:20\n"
        "GET  /bad          main.bad        main.py:20\n"
    )
    assert (done.returncode, done.stderr) == (0, "opened\nclosed\n")


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        ("", 0, ""),
        ("import sys\nsys.exit(7)", 7, ""),
        ("raise SystemExit", 0, ""),
        ("x = 1\n1 / 0", 1, '  File "<stdin>", line 2, in <module>\nZeroDivisionError: division by zero\n'),
        ("def f(:", 1, "SyntaxError: invalid syntax\n"),
        ("url_for('pots')", 1, 'fanlight.errors.NoSuchURL: no view in URLS is named "pots"; did you mean "post"?\n'),
        ("assert client.get('/bad').status == 500", 0, "KeyError: 'bad view'"),
    ],
)
def test_a_program_has_its_exit_code(tmp_path: Path, source: str, code: int, message: str) -> None:
    """1 for an exception, whose traceback begins in the program; the lifespan is closed in every case."""
    (tmp_path / "main.py").write_text(SITE)
    done = run(source, tmp_path)
    assert done.returncode == code
    assert done.stderr.startswith("opened\n")
    assert done.stderr.endswith("closed\n")
    assert message in done.stderr
    assert "cli/shell.py" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("at", ["start", "end"])
def test_a_lifespan_that_fails_is_reported(tmp_path: Path, at: str) -> None:
    """With the frames of the site, and exit code 1."""
    fails = "raise OSError('no database')"
    life = f"{fails}\n    yield" if at == "start" else f"yield\n    {fails}"
    site = f"from fanlight import App\ndef life():\n    {life}\napp = App({{'/': 'x'}}, lifespan=life)"
    (tmp_path / "main.py").write_text(site)
    done = run("print('ran')", tmp_path)
    assert done.returncode == 1
    assert done.stdout == ("" if at == "start" else "ran\n")
    assert f"fanlight: the lifespan failed{'; shell not started' if at == 'start' else ' at its end'}:" in done.stderr
    assert "OSError: no database\n  main.py:" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_environment_is_that_of_development(tmp_path: Path) -> None:
    """What is in .env beside the site is there, or in another file that is named; one that is missing is reported."""
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "main.py").write_text("import os\nfrom . import views\nURLS = {'/': os.environ['TITLE']}")
    (tmp_path / "pkg" / "views.py").write_text("")
    (tmp_path / ".env").write_text("TITLE=beside")
    (tmp_path / "other.env").write_text("TITLE=other")
    program = "print(app.table.routes[0].view)"
    assert run(program, tmp_path, "pkg").stdout == "beside\n"
    assert run(program, tmp_path, "pkg", "--env-file", "other.env").stdout == "other\n"
    missing = run(program, tmp_path, "pkg", "--env-file", "none.env")
    assert (missing.returncode, missing.stderr) == (
        1,
        "fanlight: none.env: the env file can't be read: No such file or directory\n",
    )


def test_the_site_is_found_as_by_every_command(tmp_path: Path) -> None:
    """A factory in a package; and a site that is not there has a hint."""
    (tmp_path / "pkg").mkdir()
    site = "from fanlight import App\ndef create_app():\n    return App({'/': 'Hello'})\n"
    (tmp_path / "pkg" / "__init__.py").write_text(site)
    assert run("print(client.get('/').status)", tmp_path, "pkg:create_app()").stdout == "200\n"
    missing = run("", tmp_path, "pgk")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr.startswith("fanlight: there is no module pgk")


def test_a_session_on_a_terminal(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    """The banner lists what is at hand; Tab completes, Ctrl+C clears the line, Ctrl+D ends it; lines are kept."""
    shell = terminal("-c", WITHOUT_IPYTHON)
    shell.wait_for("Fanlight shell of main.py, with Python 3.")
    for name in ("app", "routes()", "client", "url_for", "state", "Request"):
        shell.wait_for(f"  {name} ")
    shell.wait_for(">>> ")
    shell.type("client.ge\t'/').text\r")
    shell.wait_for("'the state /blog/x'")
    shell.wait_for(">>> ")
    shell.type("1 +")
    shell.wait_for("1 +")
    shell.signal(signal.SIGINT, "KeyboardInterrupt")  # as Ctrl+C does
    shell.wait_for(">>> ")
    shell.type("\x04")
    shell.wait_for("closed")
    assert shell.process.wait(PATIENCE) == 0
    history = tmp_path / "state" / "fanlight" / "shell_history"
    assert "client.get('/').text\n" in history.read_text()
    assert history.stat().st_mode & 0o077 == 0
    assert history.parent.stat().st_mode & 0o077 == 0


def test_exit_ends_a_session(terminal: Callable[..., Terminal]) -> None:
    """`exit()` closes the lifespan, as Ctrl+D does."""
    shell = terminal("-c", WITHOUT_IPYTHON)
    shell.wait_for(">>> ")
    shell.type("exit()\r")
    shell.wait_for("closed")
    assert shell.process.wait(PATIENCE) == 0


def test_sigterm_ends_a_session(terminal: Callable[..., Terminal]) -> None:
    """The lifespan is closed, and the exit code is that of the signal."""
    shell = terminal("-c", WITHOUT_IPYTHON)
    shell.wait_for(">>> ")
    shell.signal(signal.SIGTERM, "closed")
    assert shell.process.wait(PATIENCE) == 128 + signal.SIGTERM


def test_ipython_is_used_where_it_is_installed(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    """It gets the banner and the same names."""
    for name, text in (("IPython", IPYTHON), ("traitlets/config", TRAITLETS)):
        folder = tmp_path / "libraries" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(text)
    path = os.pathsep.join(filter(None, (str(tmp_path / "libraries"), os.environ.get("PYTHONPATH", ""))))
    shell = terminal("-m", "fanlight", "shell", PYTHONPATH=path)
    shell.wait_for("Fanlight shell of main.py")
    shell.wait_for("IPython has ['Request', 'app', 'client', 'routes', 'state', 'url_for'] the state /blog/x")
    shell.wait_for("closed")
    assert shell.process.wait(PATIENCE) == 0
