"""The command as a user types it: a process, its output, its exit code."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.speed import PATIENCE

Started = tuple["subprocess.Popen[str]", str, str]


def fanlight(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fanlight", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)


def write(folder: Path, source: str, name: str = "main.py") -> Path:
    path = folder / name
    path.write_text(source)
    return path


HOME = 'def home():\n    return "<h1>home</h1>"\n\nURLS = {"/": home, "/about": "About us"}\n'


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Return a function that starts a server and returns its process, banner and URL."""
    running: list[subprocess.Popen[str]] = []

    def run(*words: str, folder: Path = tmp_path) -> Started:
        process = subprocess.Popen(
            [sys.executable, "-m", "fanlight", "run", *words],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        banner = ""
        while "Ctrl+C" not in banner:
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            banner += line
        found = re.search(r"http://\S+|unix:\S+", banner)
        assert found
        return process, banner, found[0]

    yield run
    for process in running:
        process.kill()
        process.communicate()


def get(url: str) -> tuple[int, str]:
    with urllib.request.urlopen(url, timeout=PATIENCE) as response:
        return response.status, response.read().decode()


# --- run ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_file_with_nothing_but_urls_is_a_site(tmp_path: Path, start: Callable[..., Started], number: int) -> None:
    """`fanlight run` serves a main.py of URLS and views, prints a banner, logs, and ends with exit code 0."""
    write(tmp_path, HOME)
    process, banner, url = start("--port", "0")
    assert get(f"{url}/") == (200, "<h1>home</h1>")
    assert "<h1>About us</h1>" in get(f"{url}/about")[1]
    assert "2 routes from main.py" in banner
    assert "limits: head 16 KiB in 10 s" in banner
    process.send_signal(number)
    out, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert re.search(r"(127\.0\.0\.1|::1) +GET /  200  \d+ B  \d+\.\d ms  [0-9a-f-]+\n", out)


def test_workers_reload_a_package_by_its_name(tmp_path: Path, start: Callable[..., Started]) -> None:
    """A factory in a package is served by workers, and SIGHUP loads its new code."""
    package = tmp_path / "pkg"
    package.mkdir()
    write(package, "")
    write(package, 'def home():\n    return "old"\n', "views.py")
    write(
        package,
        "from fanlight import App\nfrom .views import home\ndef make_app():\n    return App({'/': home})\n",
        "main.py",
    )
    process, _, url = start("pkg.main:make_app", "--port", "0", "--workers", "1", "--no-access-log")
    assert get(f"{url}/") == (200, "old")
    write(package, 'def home():\n    return "quite new"\n', "views.py")
    process.send_signal(signal.SIGHUP)
    assert process.stderr is not None
    while "stopping the old workers" not in (line := process.stderr.readline()):
        assert line
    until = time.monotonic() + PATIENCE
    while get(f"{url}/") != (200, "quite new"):
        assert time.monotonic() < until


def test_the_log_can_be_switched_off(tmp_path: Path, start: Callable[..., Started]) -> None:
    """--no-access-log leaves only the banner."""
    write(tmp_path, HOME)
    process, _, url = start("--port", "0", "--no-access-log")
    get(f"{url}/")
    process.terminate()
    assert process.communicate(timeout=PATIENCE)[0].strip() == ""


def test_an_app_is_served_from_its_file(tmp_path: Path, start: Callable[..., Started]) -> None:
    """The `app` of a file is served from any folder, with the templates beside the file."""
    folder = tmp_path / "site"
    (folder / "templates").mkdir(parents=True)
    (folder / "templates" / "home.html").write_text("{{ 1 + 1 }} at {{ url_for('home') }}")
    write(
        folder,
        'from fanlight import App, render\ndef home():\n    return render("home.html")\napp = App({"/": home})\n',
    )
    _, _, url = start("site/main.py", "--port", "0")
    assert get(f"{url}/") == (200, "2 at /")


def test_a_program_runs_its_own_app(tmp_path: Path) -> None:
    """`python main.py` with app.run() serves, too."""
    write(tmp_path, f"from fanlight import App\n{HOME}\nApp(URLS).run(port=0)\n")
    process = subprocess.Popen([sys.executable, "main.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        url = next(found[0] for line in lines if (found := re.search(r"http://\S+", line)))
        assert get(f"{url}/") == (200, "<h1>home</h1>")
        process.terminate()
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def test_a_unix_socket_is_listened_on_and_removed(tmp_path: Path, start: Callable[..., Started]) -> None:
    """--bind unix:PATH serves there, and the file is removed at the end."""
    write(tmp_path, HOME)
    process, _, _ = start("--bind", f"unix:{tmp_path}/s")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{tmp_path}/s")
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK")
    process.terminate()
    process.communicate(timeout=PATIENCE)
    assert not (tmp_path / "s").exists()


def test_a_limit_can_be_set_by_a_flag(tmp_path: Path, start: Callable[..., Started]) -> None:
    """Every limit is a flag, and a request over it is refused with the name of the limit."""
    write(tmp_path, HOME)
    _, _, url = start("--port", "0", "--head-bytes", "128")
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), PATIENCE) as client:
        client.sendall(b"GET /" + b"a" * 100 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        response = client.recv(65536)
    assert response.startswith(b"HTTP/1.1 414 ")
    assert b"Limits.head_bytes" in response


def test_a_taken_port_is_reported_with_its_owner(tmp_path: Path) -> None:
    """A second server on a port is refused, with the process that has the port and a hint."""
    write(tmp_path, HOME)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = fanlight("run", "--bind", f"127.0.0.1:{port}", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"127.0.0.1:{port} is in use" in done.stderr
    assert f"(process {os.getpid()})" in done.stderr or not sys.platform.startswith("linux")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run",), "did you mean mian.py?"),
        (("run", "mian.py", "--threads", "0"), "--threads is 0; the minimum is 1"),
        (("run", "mian.py", "--head-byts", "1"), "there is no flag --head-byts; did you mean --head-bytes?"),
        (("run", "mian.py", "--content-bytes", "16MB"), "--content-bytes is '16MB'; it takes bytes, like 16384, 64k"),
        (("run", "mian.py", "--user", "www-data"), "add --workers 1"),
        (("run", "runs.py"), "calls app.run() while it is being imported"),
        (("check", "runs.py"), "calls app.run() while it is being imported"),
        (("run", "mian.py", "--bind", "nonsense"), "is not an address"),
        (("run", "nowhere/main.py"), "there is no folder nowhere"),
        (("rnu",), "did you mean `fanlight run`?"),
        (("mian.py",), "did you mean `fanlight dev mian.py`?"),
        (("check", "empty.py"), "has neither `app` nor `URLS`"),
        (
            ("check", "broken.py"),
            "fanlight: broken.py:1 is not valid Python: invalid syntax\n\nSyntaxError: invalid syntax\n  broken.py:1\n",
        ),
        (("check", "json.py"), "json.py has the name of a module of Python or Fanlight"),
        (("run", "mian:site"), "there is no site in mian.py"),
        (("check", "raises.py"), "ZeroDivisionError"),
        (("check", "exits.py"), "exited while it was being imported"),
        (("routes", "--json", "--explain", "/", "mian.py"), "--explain is for people; give it without --json"),
    ],
)
def test_a_mistake_on_the_command_line_has_a_hint(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    """Nothing is served, the exit code is not 0, and stderr has the error and a hint."""
    write(tmp_path, HOME, "mian.py")
    write(tmp_path, "", "empty.py")
    write(tmp_path, "def (:\n", "broken.py")
    write(tmp_path, "1 / 0\n", "raises.py")
    if "json.py" in words:
        write(tmp_path, HOME, "json.py")
    write(tmp_path, "raise SystemExit(3)\n", "exits.py")
    write(tmp_path, "from fanlight import App\nApp({'/': 'x'}).run()\n", "runs.py")
    done = fanlight(*words, folder=tmp_path)
    assert done.returncode != 0
    assert message in done.stderr
    assert done.stdout == ""


def test_a_broken_file_is_shown_without_our_own_frames(tmp_path: Path) -> None:
    """The traceback of an error in the user's file has its frames only, the newest first."""
    write(tmp_path, "def f():\n    1 / 0\n\nf()\n")
    errors = fanlight("check", folder=tmp_path).stderr
    assert [line for line in errors.splitlines() if " in " in line] == ["  main.py:2 in f", "  main.py:4 in <module>"]
    assert "fanlight/" not in errors


def test_a_program_with_a_file_that_hides_a_module_does_not_serve(tmp_path: Path) -> None:
    """`python main.py` is refused as `fanlight run` is."""
    write(tmp_path, f'from fanlight import App\n{HOME}\nif __name__ == "__main__":\n    App(URLS).run(port=0)\n')
    write(tmp_path, "", "statistics.py")
    command = [sys.executable, "main.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("fanlight: statistics.py has the name of a module of Python or Fanlight")
    assert done.stderr == fanlight("run", folder=tmp_path).stderr.partition("; or make")[0].rstrip("\n") + "\n"


def test_routes_are_those_of_the_environment(tmp_path: Path) -> None:
    """`--env-file` sets what a site reads from its environment."""
    write(tmp_path, "import os\nURLS = {'/': os.environ['TITLE']}\n")
    write(tmp_path, "TITLE=Hello\n", "site.env")
    assert "Hello" in fanlight("routes", "--env-file", "site.env", folder=tmp_path).stdout


def test_json_is_all_that_is_printed(tmp_path: Path) -> None:
    """What a site prints while it is imported goes to stderr, so that a program can read the routes."""
    write(tmp_path, f"print('loading')\n{HOME}")
    done = fanlight("routes", "--json", folder=tmp_path)
    assert [each["pattern"] for each in json.loads(done.stdout)["routes"]] == ["/", "/about"]
    assert done.stderr == "loading\n"


@pytest.mark.parametrize("site", ["pkg", "pkg/main.py", "pkg.main", "pkg.main:site", "pkg:create_app()", "pkg/"])
def test_a_package_is_a_site_for_every_command(tmp_path: Path, start: Callable[..., Started], site: str) -> None:
    """By its folder, file, module, a name or a factory, with relative and absolute imports inside."""
    package = tmp_path / "pkg"
    package.mkdir()
    factory = "from fanlight import App\ndef create_app():\n    from .main import URLS\n    return App(URLS)\n"
    write(package, factory, "__init__.py")
    write(package, 'def home():\n    return "<h1>home</h1>"\n', "views.py")
    write(package, "from fanlight import App\nfrom . import views\nimport pkg.views\n"
          'URLS = {"/": views.home, "/too": pkg.views.home}\napp = site = App(URLS)\n')  # fmt: skip
    assert fanlight("routes", site, folder=tmp_path).stdout == (
        "GET  /     pkg.views.home  main.py:4\nGET  /too  pkg.views.home  main.py:4\n"
    )
    assert fanlight("check", site, folder=tmp_path).stdout == f"{site}: no errors (2 routes, 0 templates)\n"
    _, _, url = start(site, "--port", "0", "--no-access-log")
    assert get(f"{url}/") == get(f"{url}/too") == (200, "<h1>home</h1>")


# --- check and routes -----------------------------------------------------------------------------


def test_check_finds_every_mistake_before_a_port_opens(tmp_path: Path) -> None:
    """All mistakes are reported at once, each with its place in the file."""
    write(
        tmp_path,
        "def post(slug):\n    return slug\n\n"
        'URLS = {\n    "/": "home.html",\n    "blog": "x",\n    "/a": post,\n    "/a": "twice",\n}\n',
    )
    done = fanlight("check", folder=tmp_path)
    assert done.returncode == 1
    for place in ("main.py:6", "main.py:7", "main.py:8"):
        assert place in done.stderr
    assert "home.html" in done.stderr


def test_check_of_a_valid_site_prints_one_line(tmp_path: Path) -> None:
    """A valid site gets one line, and exit code 0."""
    write(tmp_path, HOME)
    done = fanlight("check", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "main.py: no errors (2 routes, 0 templates)\n")


def test_routes_lists_the_table(tmp_path: Path) -> None:
    """Each route has its methods, pattern, view and place."""
    write(tmp_path, "def a(): ...\ndef b(id: int): ...\nURLS = {\n    '/': a,\n    'POST|PUT /b/{id}': b,\n}\n")
    done = fanlight("routes", folder=tmp_path)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [(line[0], line[1], line[-1]) for line in lines] == [
        ("GET", "/", "main.py:4"),
        ("POST|PUT", "/b/{id:int}", "main.py:5"),
    ]


def test_routes_explains_a_path(tmp_path: Path) -> None:
    """--explain shows which route matches, and why a similar one does not."""
    write(tmp_path, "def a(): ...\ndef b(id: int): ...\nURLS = {'/': a, '/b/{id}': b}\n")
    assert "/b/{id:int}" in fanlight("routes", "--explain", "/b/1", folder=tmp_path).stdout
    assert "404" in fanlight("routes", "--explain", "/b/x", folder=tmp_path).stdout
    assert "405" in fanlight("routes", "--explain", "POST /b/1", folder=tmp_path).stdout


# --- new ------------------------------------------------------------------------------------------


def test_a_new_site_runs_checks_and_passes_its_test(tmp_path: Path, start: Callable[..., Started]) -> None:
    """The site that `fanlight new` creates is served, checked and tested as in its README."""
    done = fanlight("new", "mysite", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "cd mysite" in done.stdout
    site = tmp_path / "mysite"
    assert fanlight("check", folder=site).returncode == 0
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=site,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "4 passed" in tested.stdout, tested.stdout
    _, _, url = start("--port", "0", folder=site)
    page = get(f"{url}/")[1]
    assert "<strong>mysite</strong>" in page
    assert "@NAME@" not in page


def test_new_overwrites_nothing(tmp_path: Path) -> None:
    """A folder that is not empty, and an invalid name, are refused."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("precious")
    assert "not empty" in fanlight("new", "mine", folder=tmp_path).stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["file"]
    assert (
        "not a name for a site"
        in fanlight("new", "-- x", folder=tmp_path).stderr + fanlight("new", "a b", folder=tmp_path).stderr
    )


def test_the_version_is_printed(tmp_path: Path) -> None:
    """--version prints one line: both versions, and which reader reads heads."""
    pattern = r"fanlight \d+\.\d+\.\d+, Python 3\.\S+, heads are read by (fanlight-speed|Python)\n"
    assert re.fullmatch(pattern, fanlight("--version", folder=tmp_path).stdout)


def test_uvloop_serves_where_it_is_chosen(tmp_path: Path, start: Callable[..., Started]) -> None:
    """With --uvloop the hub is nested in uvloop's loop: views run inline, in threads and on the loop."""
    write(
        tmp_path,
        "import asyncio\nfrom fanlight import lane\n"
        "def plain():\n    return 'plain'\n"
        "@lane('thread')\ndef threaded():\n    return 'threaded'\n"
        "async def waits():\n    await asyncio.sleep(0.01)\n    return type(asyncio.get_running_loop()).__module__\n"
        "URLS = {'/plain': plain, '/threaded': threaded, '/waits': waits}\n",
    )
    process, _, url = start("--port", "0", "--uvloop")
    for _ in range(3):
        assert [get(f"{url}/{name}")[1] for name in ("plain", "threaded")] == ["plain", "threaded"]
        assert get(f"{url}/waits")[1].startswith("uvloop")
    process.terminate()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("new", "--help")])
def test_help_and_version_do_not_load_the_server(words: tuple[str, ...]) -> None:
    """They respond quickly: neither the server, nor the settings, nor a site's framework is imported."""
    script = (
        "import sys\nfrom fanlight.__main__ import main\n"
        f"try:\n    main({words!r})\n"
        "except SystemExit as error:\n    assert not error.code\n"
        "print([name for name in sys.modules if name.startswith('fanlight.')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=True)
    loaded = done.stdout.splitlines()[-1]
    for room in ("server", "settings", "site", "app", "message", "wire.http1.http1_connection"):
        assert f"'fanlight.{room}" not in loaded
