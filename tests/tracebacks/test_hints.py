"""What to write instead: hints for the mistakes of beginners."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.tracebacks.conftest import Site

import fanlight
from fanlight.tracebacks.hints import hint_for

assert fanlight.__all__  # the names that a site can import


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("render('home.html')", "Write `from fanlight import render` at the top of main.py."),
        ("rendr('home.html')", "Did you mean `render`? Write `from fanlight import render` at the top of main.py."),
        ("json.dumps({})", "Write `import json` at the top of main.py."),
        ("Path('x')", "Write `from pathlib import Path` at the top of main.py."),
        ("np.array([])", "Write `import numpy as np` at the top of main.py."),
        ("colour", ""),
        ("pritn('x')", ""),
        ("import jsno", "Did you mean `json`?"),
        (
            "import qwertyuiop",
            "Install it, `pip install qwertyuiop`, or if it is a file of this site, put",
        ),
        ("from fanlight import rendr", "Did you mean `render`?"),
        ("from fanlight import Qqqqqqq", ""),
        ("'a' + 1", "Write an f-string"),
        ("1 + 'a'", "Write `int(...)` around the text."),
        ("x = None; x['a']", "Something is None here"),
        ("None.a", "Something is None here"),
        ("b'\\xff'.decode()", "Open the file with its encoding"),
        ("exec('x = 1\\n  y = 2')", "Begin the line where the one above begins"),
        ("exec('def f()\\n  pass')", "Write a colon at the end of the line."),
        ("exec('f(1')", "Write the `)` that closes it."),
        ("exec('if 1:\\nx = 1')", "Indent the lines below it by four spaces"),
        ("exec('return 1')", "Indent the line by four spaces"),
        ("exec('x = \"a')", "Close the text with the quotation mark"),
        ("1 / 0", ""),
    ],
)
def test_a_hint_says_what_to_write(site: Site, line: str, hint: str) -> None:
    """Each of the commonest mistakes has a hint; where nothing is certain there is none."""
    found = hint_for(site.report(f"def main():\n    {line}\n"))
    assert found.startswith(hint)
    assert bool(found) == bool(hint)


def test_a_missing_file_is_looked_for_beside_the_code(site: Site) -> None:
    """A path is relative to the current folder, which is often not that of the code."""
    site.write("data.txt", "x")
    hint = hint_for(site.report("def main():\n    open('data.txt')\n"))
    assert hint == (
        'The file is beside main.py: write `Path(__file__).with_name("data.txt")`, with `from pathlib import Path`.'
    )


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("{folder}/dat.txt", 'Did you mean "{folder}/data.txt"?'),
        ("{folder}/zzz", "There is no zzz in {folder}."),
        ("{folder}/no/zzz", "There is no folder {folder}/no."),
        ("no/zzz", "There is no folder no; a relative path begins in {here}."),
    ],
)
def test_a_missing_file_has_the_nearest_name(site: Site, path: str, hint: str) -> None:
    """The folder is named, or the file with the most similar name in it."""
    site.write("data.txt", "x")
    names = {"folder": str(site.folder), "here": str(Path.cwd())}
    report = site.report(f"def main():\n    open({path.format(**names)!r})\n")
    assert hint_for(report) == hint.format(**names)


def test_a_field_that_was_not_sent_is_explained(site: Site) -> None:
    """A KeyError of a form or query is one of the client's input."""
    source = "def main():\n    request = type('R', (), {'form': {}, 'cookies': {}})\n    request.%s\n"
    assert hint_for(site.report(source % "form['age']")).startswith(
        'It was not sent. Write `request.form.get("age")`, or take it as a parameter of the view, `age: str`'
    )
    assert hint_for(site.report(source % "cookies['age']")) == 'It was not sent. Write `request.cookies.get("age")`.'
    assert hint_for(site.report("def main():\n    {}['age']\n")) == ""


@pytest.mark.parametrize("base", ["NameError", "SyntaxError", "FileNotFoundError", "KeyError", "ImportError"])
def test_the_code_of_an_exception_is_not_run(site: Site, base: str) -> None:
    """The attributes of a class of the site's own are not looked at."""
    source = f"""
        class Odd({base}):
            def __getattribute__(self, name):
                if name in ("name", "msg", "filename", "args"):
                    raise SystemExit
                return super().__getattribute__(name)

        def main():
            raise Odd
    """
    error = site.error(source)
    report = site.report("def main():\n    raise ValueError\n")
    assert type(error).__name__ == "Odd"
    assert hint_for(replace(report, error=error)) == ""


def test_the_hint_stands_below_the_message(site: Site) -> None:
    """The text of an exception has the hint in its second line, without marks."""
    assert site.text("def main():\n    render('x')\n").splitlines()[1] == (
        "  Write from fanlight import render at the top of main.py."
    )
