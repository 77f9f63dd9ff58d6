"""The package of the how-to about parts: built as a wheel, installed into an empty folder, and mounted in a site."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "parts.md"
_BLOCK = re.compile(r"```\w+\n(?:# |{# )(\S+)(?: #})?\n(.*?)```", re.DOTALL)


def test_a_part_is_installed_and_served(tmp_path: Path) -> None:
    """With its templates, files and error pages, which are package data; no network is needed."""
    files = dict(_BLOCK.findall(PAGE.read_text())) | {"blog/static/blog.css": "p { max-width: 40em }"}
    package, site, target = tmp_path / "package", tmp_path / "site", tmp_path / "target"
    for name, text in files.items():
        path = (package if name.startswith(("blog/", "pyproject")) else site) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    run([*pip, "wheel", *offline, "--wheel-dir", str(tmp_path / "wheels"), str(package)])
    (wheel,) = (tmp_path / "wheels").glob("fanlight_blog-*.whl")
    run([*pip, "install", "--no-index", "--no-deps", "--target", str(target), str(wheel)])
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import blog\n"
        "from main import app\n"
        "from fanlight.testing import Client\n"
        "assert blog.__file__.startswith(sys.argv[1])\n"
        "with Client(app) as client:\n"
        "    page = client.get('/news').text\n"
        "    print(page)\n"
        "    print(client.get('/news/frost', headers={'accept': 'text/html'}).text)\n"
        "    print(client.get(client.get('/').json()['style']).text)\n"
    )
    shown = run([sys.executable, "-c", program, str(target)], folder=site)
    assert "<h1>My site</h1>" in shown
    assert '<a href="/news/thaw">thaw</a>' in shown
    assert "<p>There is no such post.</p>" in shown
    assert "max-width: 40em" in shown


def run(command: list[str], folder: Path | None = None) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
