"""What `fanlight dev` does when files change, as clients and the terminal see it."""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.devtools.reload.conftest import DevSite, only_main, wait_until
from tests.speed import PATIENCE

SAVES = 200
PLAIN = 'def text() -> str:\n    return "{text}"\n\n\nURLS = {{"/text": text}}\n'


class SteadyClient:
    """A client that sends one request after the other, and notes what goes wrong."""

    def __init__(
        self, site: DevSite, *, keeps_alive: bool, path: str = "/text", host: str = "", begins: str = "code "
    ) -> None:
        """Begin; each response must be a 200 whose text begins so."""
        self._site, self._keeps_alive, self._path, self._begins = site, keeps_alive, path, begins
        self._host = host or f"localhost:{site.port}"
        self._must_stop = threading.Event()
        self.failures: list[str] = []
        self.count = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        connection = None
        while not self._must_stop.is_set():
            connection = connection or http.client.HTTPConnection("127.0.0.1", self._site.port, timeout=PATIENCE)
            try:
                connection.request("GET", self._path, headers={"host": self._host})
                response = connection.getresponse()
                text = response.read().decode()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection = None
                continue
            self.count += 1
            if response.status != 200 or not text.startswith(self._begins):
                self.failures.append(f"{response.status} {text}")
            if not self._keeps_alive or response.will_close:
                connection.close()
                connection = None
            if self._keeps_alive and self.count % 7 == 0:
                time.sleep(0.002)  # so that it is idle at times, when its connection is passed on
        if connection is not None:
            connection.close()

    def stop(self) -> None:
        """End."""
        self._must_stop.set()
        self._thread.join()


def test_many_saves_fail_no_request(plain_site: DevSite) -> None:
    """Two hundred changes of the code, while clients with kept and with new connections send requests: none fails."""
    site = plain_site
    clients = [SteadyClient(site, keeps_alive=each) for each in (True, True, True, False, False)]
    try:
        for number in range(1, SAVES + 1):
            site.write("main.py", PLAIN.format(text=f"code {number}"))
            if number % 10 == 0:
                site.wait_for(f"code {number}")
            else:
                time.sleep(0.02)
    finally:
        for each in clients:
            each.stop()
    assert [each.failures for each in clients] == [[]] * len(clients)
    assert min(each.count for each in clients) > 10
    assert site.get()[1] == f"code {SAVES}"


def test_ten_saves_in_a_second_are_two_reloads(plain_site: DevSite) -> None:
    """Changes in quick succession are loaded at most twice, and the last one serves in the end."""
    site = plain_site
    for number in range(10):
        site.write("main.py", PLAIN.format(text=f"code {number}"))
        time.sleep(0.05)
    site.wait_for("code 9")
    site.write("main.py", 'URLS = {"/text": "code ten"}\n')
    site.wait_for("code ten")
    site.write("main.py", "URLS = (")
    assert site.read_until("never closed").count("reloaded") <= 3


def test_a_save_without_a_change_reloads_nothing(site: DevSite, folder: Path) -> None:
    """A file that is written again with the same bytes is no change."""
    before = site.version()
    for _ in range(3):
        (folder / "main.py").write_bytes((folder / "main.py").read_bytes())
        (folder / "main.py").touch()
    (folder / "notes.txt").write_text("nothing of the site")
    (folder / "data.sqlite-wal").write_text("data")
    (folder / ".main.py.swp").write_text("an editor's")
    site.replace("templates/home.html", "template one", "template two")
    site.wait_for("template two", "/")
    assert site.version().rpartition(".")[0] == before.rpartition(".")[0]


def test_a_file_saved_half_way_leaves_the_old_code(site: DevSite, folder: Path) -> None:
    """A file that is emptied, and written in two parts, is loaded when it is whole; the old code serves meanwhile."""
    whole = (folder / "main.py").read_text().replace("code one", "code two")
    with (folder / "main.py").open("w") as file:
        file.flush()
        assert site.get() == (200, "code one")
        file.write(whole[:70])
        file.flush()
        site.read_until("goes on serving")
        assert site.get() == (200, "code one")
        file.write(whole[70:])
    site.wait_for("code two")


def test_a_deleted_file_leaves_the_old_code(site: DevSite, folder: Path) -> None:
    """Without its main.py the site serves on; the file is loaded when it is there again."""
    text = (folder / "main.py").read_text()
    (folder / "main.py").unlink()
    site.read_until("goes on serving")
    assert site.get() == (200, "code one")
    (folder / "main.py").write_text(text.replace("code one", "code two"))
    site.wait_for("code two")


def test_a_renamed_folder_of_templates_leaves_the_old_ones(site: DevSite, folder: Path) -> None:
    """Pages are rendered by the templates from before, until there are templates again."""
    (folder / "templates").rename(folder / "pages")
    site.read_until("go on serving")
    assert "template one" in site.get("/")[1]
    (folder / "pages").rename(folder / "templates")
    site.replace("templates/home.html", "template one", "template two")
    site.wait_for("template two", "/")


def test_a_module_that_hangs_leaves_the_old_code(plain_site: DevSite) -> None:
    """After a few seconds the terminal has the line at which the import hangs; the next save is loaded all the same."""
    site = plain_site
    site.write("main.py", "import time\n\ntime.sleep(3600)\n")
    printed = site.read_until("goes on serving")
    assert "The site takes long to load" in printed
    assert "main.py:3" in printed
    assert site.get() == (200, "code one")
    site.write("main.py", PLAIN.format(text="code two"))
    site.wait_for("code two")


def test_a_first_start_that_hangs_is_a_page(develop: Callable[..., DevSite], folder: Path) -> None:
    """A site that hangs from the start is a page with the line, and turns into the site by the next save."""
    only_main(folder, "import time\n\ntime.sleep(3600)\n")
    site = develop()
    site.find_port()
    status, text = site.get("/", accept="text/html")
    assert (status, "main.py:3" in text, "takes long to load" in text) == (500, True, True)
    site.write("main.py", PLAIN.format(text="code two"))
    site.wait_for("code two")


def test_code_that_ends_its_process_leaves_the_old_code(plain_site: DevSite) -> None:
    """A module that ends the process is reported with the exit code."""
    site = plain_site
    site.write("main.py", "import os\n\nos._exit(7)\n")
    assert "The worker process exited with code 7 while it loaded the site" in site.read_until("goes on serving")
    assert site.get() == (200, "code one")


def test_a_view_that_ends_the_process_is_explained(site: DevSite) -> None:
    """A view that ends the process does not end the development server: the exit code is shown until a change."""
    site.replace("main.py", 'URLS = {"/"', 'import os\nURLS = {"/end": lambda: os._exit(9), "/"')
    site.read_until("reloaded")
    with pytest.raises((http.client.HTTPException, OSError)):
        site.get("/end")
    site.wait_for("exited with code 9")
    site.replace("main.py", "os._exit(9)", "'fine'")
    site.wait_for("code one")


def test_a_request_in_flight_is_finished(plain_site: DevSite, folder: Path) -> None:
    """A request that the old code works on gets its response from it, while new requests go to the new code."""
    site = plain_site
    site.write(
        "main.py",
        "import time\nfrom pathlib import Path\n\n\ndef slow() -> str:\n    Path('begun.data').touch()\n"
        "    while not Path('end.data').exists():\n        time.sleep(0.01)\n    return 'old'\n\n\n"
        'URLS = {"/slow": slow, "/text": lambda: "code two"}\n',
    )
    site.wait_for("code two")
    got: list[tuple[int, str]] = []
    client = threading.Thread(target=lambda: got.append(site.get("/slow")))
    client.start()
    wait_until((folder / "begun.data").exists)
    site.replace("main.py", "code two", "code three")
    site.wait_for("code three")
    assert got == []
    (folder / "end.data").touch()
    client.join(PATIENCE)
    assert got == [(200, "old")]


def test_a_change_of_a_module_is_loaded(plain_site: DevSite, folder: Path) -> None:
    """A module that the file imports is watched and loaded again, also within the second of its last change."""
    site = plain_site
    (folder / "shop").mkdir()
    (folder / "shop" / "__init__.py").write_text("")
    (folder / "shop" / "names.py").write_text('NAME = "code 0"\n')
    site.write("main.py", 'from shop.names import NAME\n\nURLS = {"/text": lambda: NAME}\n')
    site.wait_for("code 0")
    for number in range(1, 6):
        (folder / "shop" / "names.py").write_text(f'NAME = "code {number}"\n')
        site.wait_for(f"code {number}")


def test_a_module_that_is_missing_is_loaded_when_it_comes(plain_site: DevSite, folder: Path) -> None:
    """A new file in a new folder mends an import that failed."""
    site = plain_site
    site.write("main.py", 'from shop.names import NAME\n\nURLS = {"/text": lambda: NAME}\n')
    site.read_until("goes on serving")
    (folder / "shop").mkdir()
    (folder / "shop" / "names.py").write_text('NAME = "code two"\n')
    site.wait_for("code two")


def test_links_are_followed(
    develop: Callable[..., DevSite], folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A change behind a link to a file, and behind one to a folder, is seen, and so is a link that names another."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("one", "two"):
        (elsewhere / name).mkdir()
        (elsewhere / name / "names.py").write_text(f'FOLDER = "{name}"\n')
    (elsewhere / "linked.py").write_text('FILE = "first"\n')
    (folder / "linked.py").symlink_to(elsewhere / "linked.py")
    (folder / "shop").symlink_to(elsewhere / "one")
    only_main(
        folder,
        'from linked import FILE\nfrom shop.names import FOLDER\n\nURLS = {"/text": lambda: f"{FILE} {FOLDER}"}\n',
    )
    site = develop().begin()
    (elsewhere / "linked.py").write_text('FILE = "second"\n')
    site.wait_for("second one")
    (elsewhere / "one" / "names.py").write_text('FOLDER = "changed"\n')
    site.wait_for("second changed")
    (folder / "shop").unlink()
    (folder / "shop").symlink_to(elsewhere / "two")
    site.wait_for("second two")


def test_a_folder_outside_is_watched(
    develop: Callable[..., DevSite], folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The folder of a module that is the site's own, but is elsewhere, is watched too, and old bytecode is not used.

    Both versions have one size, and mostly the time of one second: Python itself would take the bytecode for current.
    """
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "outside.py").write_text('NAME = "code one"\n')
    only_main(folder, 'from outside import NAME\n\nURLS = {"/text": lambda: NAME}\n')
    path = f"{elsewhere}:{os.environ.get('PYTHONPATH', '')}"
    site = develop(environ={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": ""})
    assert str(elsewhere) in site.begin().printed
    (elsewhere / "outside.py").write_text('NAME = "code two"\n')
    site.wait_for("code two")


def test_changes_are_found_without_events(develop: Callable[..., DevSite]) -> None:
    """Where the system sends no events, files are looked at once a second."""
    site = develop(environ={"WATCHFILES_FORCE_POLLING": "true", "WATCHFILES_POLL_DELAY_MS": "3600000"}).begin()
    site.replace("main.py", "code one", "code two")
    site.wait_for("code two")


def test_an_env_file_is_read_and_watched(develop: Callable[..., DevSite], folder: Path) -> None:
    """The .env beside the site is used, unless the environment has the name; a change of it is loaded."""
    (folder / ".env").write_text("GREETING=file\nPLACE=file\n")
    only_main(folder, "import os\n\nURLS = {\"/text\": f\"{os.environ['GREETING']} {os.environ['PLACE']}\"}\n")
    site = develop(environ={"PLACE": "real"}).begin()
    assert "2 values from .env" in site.printed
    assert site.get()[1].count("file real")
    (folder / ".env").write_text("GREETING=changed\nPLACE=file\n")
    site.wait_for("changed real")
    (folder / ".env").write_text("GREETING\n")
    printed = site.read_until("goes on serving")
    assert ".env:1" in printed


def test_a_broken_env_file_is_an_error_at_the_start(develop: Callable[..., DevSite], folder: Path) -> None:
    """A line that can't be read stops the command, with the file and the line."""
    (folder / ".env").write_text("FINE=1\nbroken\n")
    site = develop()
    assert ".env:2: this line is no KEY=value" in site.read_until("KEY=value")
    assert site.process.wait(PATIENCE) == 1
    (folder / ".env").unlink()


def test_the_end_is_quick_and_clean(plain_site: DevSite, folder: Path) -> None:
    """Ctrl+C ends the server with exit code 0, whatever connections there are, after the lifespan's end."""
    site = plain_site
    site.write(
        "main.py",
        "from pathlib import Path\n\n\ndef lifespan():\n    yield\n    Path('ended.data').touch()\n\n\n"
        'LIFESPAN = lifespan\nURLS = {"/text": lambda: "code two"}\n',
    )
    site.wait_for("code two")
    kept = http.client.HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE)
    kept.request("GET", "/text")
    kept.getresponse().read()
    assert site.stop() == 0
    assert (folder / "ended.data").exists()
    kept.close()


def test_a_port_in_use_is_explained(site: DevSite, folder: Path) -> None:
    """A second server on the port ends with the name of the program that has it, and another port to write."""
    other = DevSite(folder, "--port", str(site.port))
    try:
        printed = other.read_until("--port")
        assert other.process.wait(PATIENCE) == 1
    finally:
        other.stop()
    assert "in use" in printed
    assert f"fanlight dev --port {site.port + 1}" in printed


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--workers", "2"], "--workers"),
        (["--host", "0.0.0.0"], "0.0.0.0"),
        (["--bind", ":8000"], ":8000"),
        (["--admin", "localhost:9000"], "--admin"),
        (["--trusted-proxies", "10.0.0.0/8"], "--trusted-proxies"),
    ],
)
def test_settings_of_production_are_refused(develop: Callable[..., DevSite], flags: list[str], named: str) -> None:
    """A flag that makes no sense on one person's machine is refused with the reason."""
    site = develop(*flags)
    printed = site.read_until("fanlight run")
    assert named in printed
    assert site.process.wait(PATIENCE) == 1


def test_the_tools_are_for_this_machine_only(site: DevSite) -> None:
    """A page of another site reaches neither the tools nor a page with their script."""
    assert site.get("/__fanlight__/static/reload.js")[0] == 200
    assert site.get("/__fanlight__/events", host="evil.example")[0] == 403
    assert site.get("/__fanlight__/", origin="http://evil.example")[0] == 403
    assert site.get("/__fanlight__/", sec_fetch_site="cross-site")[0] == 403
    assert "reload.js" in site.get("/")[1]
    assert "reload.js" not in site.get("/", host="evil.example")[1]


def test_production_has_nothing_of_the_tools(folder: Path) -> None:
    """`fanlight run` imports no module of the tools, and has no page of theirs."""
    only_main(
        folder,
        "import sys\nHOME = '<!doctype html><title>x</title>'\n"
        "URLS = {'/': lambda: HOME, '/modules': lambda: str([each for each in sys.modules if 'devtools' in each])}\n",
    )
    site = DevSite(folder, command="run")
    try:
        site.find_port()
        assert site.get("/modules")[1] == "[]"
        assert site.get("/__fanlight__/")[0] == 404
        assert "reload.js" not in site.get("/")[1]
    finally:
        site.stop()


def test_a_plain_restart_serves_the_new_code(folder: Path) -> None:
    """Where sockets can't be passed on, the server is restarted after a change, and ends with the program."""
    only_main(folder, PLAIN.format(text="code one"))
    program = (
        "import sys\nfrom fanlight.devtools.reload.plain_restart import serve_and_restart\n"
        "from fanlight.devtools.reload.site_files import Places\n"
        f"sys.exit(serve_and_restart(['--port', '0'], Places(root={str(folder)!r})))\n"
    )
    site = DevSite(folder, program=program)
    try:
        site.find_port()
        assert site.get() == (200, "code one")
        site.write("main.py", PLAIN.format(text="code two"))
        site.read_until("restarting")
        site.find_port()
        assert site.get() == (200, "code two")
    finally:
        assert site.stop() == 0
