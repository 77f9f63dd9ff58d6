"""What a site has weakened, found in its table and its views, with the line of each."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fanlight import ContentSecurityPolicy, Security, Static, Upload, limits, table
from fanlight.app.application import Application
from fanlight.app.weak_settings import weak_routes
from fanlight.message.route_marks import RouteMark
from fanlight.weakness import Weakness

DEFAULT = 16 * 1024 * 1024


class Weak(RouteMark):
    """A mark that weakens something."""

    def weaknesses(self) -> Iterable[Weakness]:
        return [Weakness(setting="Weak()", risk="all is lost", advice="leave it out")]


def found(urls: dict[str, Any], folder: Path, **settings: Any) -> list[Weakness]:
    return list(weak_routes(Application(urls, folder=folder, **settings).table.routes, folder, DEFAULT))


@limits(content_bytes=5 * 1024**3, files=500, memory_bytes=1 << 20, json_bytes=1 << 24, field_bytes=10)
def send(file: Upload) -> str:
    return ""


@limits(content_bytes=1024)
def send_less(file: Upload) -> str:
    return ""


def plain() -> str:
    return ""


@Weak()
def marked() -> str:
    return ""


def test_a_plain_site_has_weakened_nothing(tmp_path: Path) -> None:
    """Defaults, and limits that are stricter, are no weakness."""
    (tmp_path / "static").mkdir()
    assert found({"/": plain, "POST /less": send_less, "/static": Static("static")}, tmp_path) == []


def test_the_address_for_reports_of_the_policy_is_no_weakness(tmp_path: Path) -> None:
    """Every site may send to it, but that is not what the author of this site has opened."""
    policy = ContentSecurityPolicy(reports="/csp-reports")
    assert found({"/": plain}, tmp_path, security=Security(content_security_policy=policy)) == []


def test_limits_that_a_view_raises_are_found(tmp_path: Path) -> None:
    """Those that cost memory, disk or everyone's time, with the line of the view."""
    weak = found({"POST /": send}, tmp_path)
    assert {each.setting for each in weak} == {
        "@limits(content_bytes=5_368_709_120)",
        "@limits(memory_bytes=1_048_576)",
        "@limits(json_bytes=16_777_216)",
    }
    assert {each.place.rpartition("/")[2] for each in weak} == {f"test_weak_settings.py:{send.__code__.co_firstlineno}"}
    assert "5,120 MiB of the disk, where the default is 16,777,216 bytes" in weak[0].risk
    routes = Application({"POST /": send_less}, folder=tmp_path).table.routes
    assert [each.setting for each in weak_routes(routes, tmp_path, 100)] == ["@limits(content_bytes=1_024)"]


def test_a_mark_is_found_once_at_its_line(tmp_path: Path) -> None:
    """Of a view, with that of its route; of a table, with that of its key, however many routes it has."""
    main = tmp_path / "main.py"
    main.write_text('URLS = {\n    "/": 1,\n    "/api": Weak()({"/a": 2, "/b": 3}),\n}\n')
    urls = {"/": marked, "/api": Weak()({"/a": plain, "/b": table({"/": plain, "POST /": plain}, name="b")})}
    weak = found(urls, tmp_path, source=main)
    assert [each.place for each in weak] == ["main.py:2", "main.py:3"]


def test_a_folder_that_seems_to_be_for_uploads_is_found(tmp_path: Path) -> None:
    """By its name, once, unless it is declared as one."""
    for name in ("uploads", "media", "static"):
        (tmp_path / "files" / name).mkdir(parents=True)
    urls = {
        "/uploads": Static("files/uploads"),
        "/media": Static("files/media", uploads=True),
        "/static": Static("files/static"),
    }
    (weak,) = found(urls, tmp_path)
    assert (weak.setting, weak.place) == ("Static('files/uploads')", "URLS['/uploads']")
    assert 'Static("files/uploads", uploads=True)' in weak.advice
