"""A traceback for people who write sites: the message first, the site's frames, all others folded."""

from __future__ import annotations

import json
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tracebacks.conftest import Site, caught

from fanlight import App, render
from fanlight.tracebacks.lines import folded_text
from fanlight.tracebacks.report import MAX_MESSAGE, MAX_REPORTS


def shown(text: str) -> str:
    return textwrap.dedent(text).strip("\n")


def test_the_message_comes_first_and_the_newest_frame_below_it(site: Site) -> None:
    """The last line of Python's traceback is the first, and the frames follow from the newest on."""
    text = site.text("""
        def average(prices):
            return sum(prices) / len(prices)

        def main():
            price = average([])
    """)
    assert text == shown("""
        ZeroDivisionError: division by zero
          main.py:2 in average
              return sum(prices) / len(prices)
                     ^^^^^^^^^^^^^^^^^^^^^^^^^
          main.py:5 in main
              price = average([])
                      ^^^^^^^^^^^
    """)


def test_frames_of_libraries_are_one_line(site: Site) -> None:
    """A run of frames of a library is one line between the site's frames; Fanlight's own are a run as well."""
    app = App({"/": lambda: "x"}, file=__file__)
    text = site.text(
        """
        import asyncio

        async def fail():
            raise ValueError("no")

        def middle():
            asyncio.run(fail())

        def main():
            url_for("missing")
        """,
        url_for=app.url_for,
    )
    assert text.startswith("NoSuchURL: ")
    assert "\n      raised below it, in 4 frames of fanlight: fanlight/routing/" in text
    text = folded_text(caught(sys.modules["main"].middle), site.folder)
    assert text.splitlines()[:4] == [
        "ValueError: no",
        "  main.py:4 in fail",
        '      raise ValueError("no")',
        "  3 frames of asyncio",
    ]


def test_the_site_comes_before_the_library_that_it_called(site: Site) -> None:
    """Where a library has raised, the line of the site that called it is first, with a line about the place within."""
    text = site.text("""
        import json

        def main():
            json.loads("{")
    """)
    lines = text.splitlines()
    assert lines[0].startswith("json.decoder.JSONDecodeError: Expecting property name")
    assert lines[1] == "  main.py:4 in main"
    assert lines[3].startswith("      raised below it, in 3 frames of json: json/decoder.py:")


def test_what_an_error_has_passed_is_left_out(site: Site) -> None:
    """A context manager of the site that has not stopped the error is no place where it comes from."""
    source = """
        import contextlib

        @contextlib.contextmanager
        def transaction():
            with contextlib.nullcontext():
                yield

        def main():
            with contextlib.ExitStack() as stack:
                stack.enter_context(transaction())
                FAIL
    """
    lines = site.text(source.replace("FAIL", "1 / 0")).splitlines()
    assert lines[1] == "  main.py:11 in main"
    assert "transaction" not in "".join(lines)
    (left,) = site.report(
        source.replace("FAIL", "stack.close(); 1 / 0").replace("yield", "yield; [].pop()")
    ).own_frames[:1]
    assert left.place == "main.py:6"


def test_the_cause_follows(site: Site) -> None:
    """`raise ... from`, and an exception in an `except` block, show the earlier exception below, with its frames."""
    source = """
        def load():
            return {}["count"]

        def main():
            try:
                load()
            except KeyError as error:
                raise ValueError("no count") FROM
    """
    caused = site.text(source.replace("FROM", "from error"))
    assert "\ncaused by KeyError: 'count'\n  main.py:2 in load\n" in caused
    assert "\nraised while handling KeyError: 'count'\n" in site.text(source.replace("FROM", ""))
    assert "KeyError" not in site.text(source.replace("FROM", "from None")).replace("except KeyError as error", "")


def test_groups_show_their_members(site: Site) -> None:
    """Each exception of a group, also of a group within, is shown with its frames, indented."""
    text = site.text("""
        def fail(error):
            raise error

        def made(error):
            try:
                fail(error)
            except Exception as error:
                return error

        def main():
            inner = ExceptionGroup("inner", [made(KeyError("a"))])
            raise ExceptionGroup("both", [made(ValueError("b")), inner])
    """)
    lines = text.splitlines()
    assert lines[0] == "ExceptionGroup: both (2 exceptions)"
    assert "  1 of 2: ValueError: b" in lines
    assert "      main.py:2 in fail" in lines
    assert "  2 of 2: ExceptionGroup: inner (1 exception)" in lines
    assert "      1 of 1: KeyError: 'a'" in lines


def test_notes_stand_below_the_message(site: Site) -> None:
    """What `add_note` has added is below the message, also if it is no list of strings."""
    source = "def main():\n    error = ValueError('no')\n    error.add_note('row 7\\nof data.csv')\n    raise error"
    assert site.text(source).splitlines()[:3] == ["ValueError: no", "  row 7", "  of data.csv"]
    assert site.text("def main():\n    error = ValueError('no')\n    error.__notes__ = 3\n    raise error")


def test_a_syntax_error_shows_its_place(site: Site) -> None:
    """The line of a syntax error comes first, marked at its column."""
    file = site.write("views.py", "def home():\n    return (1,\n")
    text = site.text(f"""
        def main():
            compile({file.read_text()!r}, {str(file)!r}, "exec")
    """)
    assert text.splitlines()[:5] == [
        "SyntaxError: '(' was never closed",
        "  Write the ) that closes it.",
        "  views.py:2",
        "      return (1,",
        "             ^",
    ]


def test_a_syntax_error_of_odd_parts_is_shown(site: Site) -> None:
    """A SyntaxError that is raised by hand, with anything in it, is shown."""
    for arguments in ("", "'no'", "'no', ('x.py', 'one', None, 7)", "'no', (None, 1, 1, 'x')", "None"):
        assert site.text(f"def main():\n    raise SyntaxError({arguments})").startswith("SyntaxError")
    assert "  x.py:1\n      a b\n" in site.text("def main():\n    raise SyntaxError('no', ('x.py', 1, 99, 'a b'))")


@pytest.mark.parametrize("depth", [30, 5000])
def test_a_recursion_is_shown_once(site: Site, depth: int) -> None:
    """Frames that repeat, also of functions that call each other in turn, are shown once, with their number."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        text = site.text(
            """
            def odd(n):
                return even(n - 1)

            def even(n):
                if n <= 0:
                    raise ValueError("end")
                return odd(n - 1)

            def main():
                odd(DEPTH)
            """,
            DEPTH=depth,
        )
    finally:
        sys.setrecursionlimit(before)
    assert f"  the 2 frames above are repeated {depth // 2 - 1} more times" in text
    assert len(text.splitlines()) < 30


def test_endless_recursion_is_short(site: Site) -> None:
    """A RecursionError takes a few lines."""
    text = site.text("def main():\n    return main()")
    assert text.startswith("RecursionError: ")
    assert " more times" in text
    assert len(text.splitlines()) < 12


def test_the_middle_of_a_long_traceback_is_left_out(site: Site) -> None:
    """Of many different frames the newest and the oldest are shown."""
    calls = "".join(f"\ndef f{n}():\n    f{n + 1}()\n" for n in range(200))
    lines = site.text(f"{calls}\ndef f200():\n    raise ValueError\n\ndef main():\n    f0()").splitlines()
    assert lines[1].endswith(" in f200")
    assert lines[-2].endswith(" in main")
    assert "  162 more frames" in lines
    assert len(lines) < 150


def test_an_exception_whose_text_fails_is_shown(site: Site) -> None:
    """Whatever `__str__` raises, the kind of the exception and its frames are shown."""
    for failure in ("raise KeyError", "raise SystemExit", "return 7", "return self.missing"):
        text = site.text(f"""
            class Odd(Exception):
                def __str__(self):
                    {failure}

            def main():
                raise Odd
        """)
        assert text.startswith("main.Odd: <its text can't be made: ")
        assert "  main.py:6 in main" in text


def test_what_is_enormous_is_cut(site: Site) -> None:
    """A message of megabytes, a chain of hundreds, a large group: each is shown in part."""
    text = site.text("def main():\n    raise ValueError('x' * 5_000_000)")
    assert "x... (5,000,000 characters)\n" in text
    assert len(text) < MAX_MESSAGE + 500
    text = site.text("""
        def main():
            error = None
            for number in range(500):
                try:
                    raise ValueError(number) from error
                except ValueError as caught:
                    error = caught
            raise error
    """)
    assert text.count("ValueError: ") == MAX_REPORTS
    text = site.text("def main():\n    raise ExceptionGroup('many', [ValueError(n) for n in range(1000)])")
    assert text.splitlines()[-1] == f"  {1001 - MAX_REPORTS} more exceptions"


def test_a_circle_of_causes_ends(site: Site) -> None:
    """Exceptions that are each other's cause are shown once."""
    text = site.text("""
        def main():
            first, second = ValueError("first"), ValueError("second")
            first.__cause__, second.__cause__ = second, first
            raise first
    """)
    assert text.count("ValueError: first") == text.count("ValueError: second") == 1


def test_frames_without_source_are_shown(site: Site) -> None:
    """Code that was made by `exec`, and code whose file is gone, have a place without a line."""
    text = site.text("def main():\n    exec('def made():\\n    1 / 0\\nmade()', {})")
    assert "Python: <string>:2 in made" in text
    error = site.error("def main():\n    1 / 0\n")
    (site.folder / "main.py").unlink()
    assert folded_text(error, site.folder) == "ZeroDivisionError: division by zero\n  main.py:2 in main"


def test_the_mark_is_below_wide_characters(site: Site) -> None:
    """The marked part is counted in columns of a terminal, not in bytes or characters."""
    line, mark = site.text('def main():\n    print("東京é", 1 / 0)').splitlines()[2:4]
    assert line == '      print("東京é", 1 / 0)'
    assert mark == " " * (6 + len('print("') + 4 + 1 + len('", ')) + "^^^^^"


@given(text=st.text(), notes=st.lists(st.text(), max_size=3), name=st.text(), is_chained=st.booleans())
def test_any_text_is_shown_in_indented_lines(*, text: str, notes: list[str], name: str, is_chained: bool) -> None:
    """Whatever a message, a note or a class's name contains, only the first line of an exception is not indented."""

    def act() -> None:
        kind = type("Odd", (Exception,), {"__qualname__": name})
        error = kind(text)
        error.__notes__ = notes
        raise error from (ValueError(text) if is_chained else None)

    shown = folded_text(caught(act))
    shown.encode()
    _, *lines = shown.split("\n")
    assert [line for line in lines if not line.startswith(("  ", "caused by ValueError"))] == []
    assert sum(line.startswith("caused by") for line in lines) == is_chained
    assert not set(shown) & set("\x00\x1b\r\x85\u2028\u202e")


def test_no_character_hides_another(site: Site) -> None:
    """Control characters and marks of direction are escaped, in messages and in source; a line end begins no line."""
    text = site.text("def main():\n    raise ValueError('a\\n\\x1b[31mb\\r\\u202ec\\ud800')  # \x1b \u202e")
    assert text.splitlines()[:2] == ["ValueError: a", "  \\x1b[31mb\\x0d\\u202ec\\ud800"]
    assert not set("\x1b\r\u202e\ud800") & set(text)


@pytest.mark.parametrize(
    ("template", "context", "first", "frame"),
    [
        (
            "<p>\n{{ titel }}",
            {"title": 1},
            "TemplateError: templates/home.html:2: there is no `titel` here; did you mean `title`?",
            "  templates/home.html:2 in top-level template code\n      {{ titel }}\n",
        ),
        (
            "<p>\n\n{% if %}",
            {},
            "TemplateError: templates/home.html:3: Expected an expression, got 'end of statement block'",
            "  templates/home.html:3 in template\n      {% if %}\n",
        ),
        (
            "{% extends 'frame.html' %}\n{% block body %}\n{{ act() }}{% endblock %}",
            {"act": lambda: 1 / 0},
            "TemplateError: templates/home.html:3: ZeroDivisionError: division by zero",
            "  templates/home.html:3 in block 'body'\n      {{ act() }}{% endblock %}\n  templates/frame.html:1 in",
        ),
    ],
    ids=["a missing name", "syntax", "an exception of the site's"],
)
def test_a_template_has_frames_of_its_own(
    site: Site, template: str, context: dict[str, object], first: str, frame: str
) -> None:
    """The error of a template shows the template's own line, and the frames from there to the view in one way."""
    site.write("templates/frame.html", "{% block body %}{% endblock %}")
    app = App({"/": lambda: "x"}, file=site.write("app.py", ""))
    site.write("templates/home.html", template)
    text = site.text("def main():\n    pages.render(page)", pages=app.pages, page=render("home.html", **context))
    assert text.splitlines()[0] == first
    assert frame in text
    assert "frames of fanlight, jinja2\n  main.py:2 in main\n" in text
    assert "caused by" not in text


def test_an_error_that_is_only_in_a_template_names_its_line(site: Site) -> None:
    """A template that does not compile when it is first used has its line, although no frame is there."""
    app = App({"/": lambda: "x"}, file=site.write("app.py", ""))
    site.write("templates/home.html", "<p>\n{% for %}")
    text = site.text("def main():\n    pages._environment.load('home.html')", pages=app.pages)
    assert "\n  templates/home.html:2" in text
    assert "\n      {% for %}\n" in text


def test_without_a_frame_of_the_site_the_newest_of_the_others_are_shown() -> None:
    """A mistake of Fanlight's, or of a library in a thread of its own, has its lines in the log."""
    error = caught(lambda: json.loads("{"))
    trace = error.__traceback__
    assert trace is not None
    assert trace.tb_next is not None
    lines = folded_text(error.with_traceback(trace.tb_next)).splitlines()
    assert lines[1].startswith("  json/decoder.py:")
    assert [line for line in lines if "frames of" in line] == []


def test_a_mistake_that_fanlight_names_has_no_frames_of_fanlight(site: Site) -> None:
    """The message of an AppError says what to do, so the frames in which it was found are folded."""
    app = App({"/": lambda: "x"}, file=site.write("app.py", ""))
    error = caught(lambda: app.url_for("missing"))
    assert error.__traceback__ is not None
    text = folded_text(error.with_traceback(error.__traceback__.tb_next), site.folder)
    assert text.splitlines()[1:] == ["  4 frames of fanlight"]
