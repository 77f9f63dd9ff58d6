"""Read a page that shows the same app in another framework and in Fanlight: its rows, and what each is asked.

In: a page of docs/how-to. Out: its rows. A row is a section with code:

    ```python    `# app.py` on its first line: a file, `# settings.py, at the end`: more of it. One that is there
                 twice is theirs first, then ours. Files that the row does not have are those of the page's
                 first row, the whole app.
    ```console   a command that serves: theirs first, then ours. It serves port 8000.
    ```text      what both are asked, in order, by one client that keeps cookies; and what they print:

    GET /users/7 -> 200 {"id": 7}
    POST /users name=Ada "city=New York" -> 303 location:/users/1      a form
    POST /users {"name": "Ada"} -> 201                                 JSON
    POST /photos photo@sea.txt X-Key:abc -> 200                        a file whose content is 12345; a field
    GET /old -> 302 location:/new | 303 location:/new                  theirs | ours, where they differ
    prints mail to ada

A line that begins with blanks continues the one above. `...` stands for anything; content that is not given is not
compared.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.docs.conftest import NAMED, Block, matches, read_blocks

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
FRAMEWORKS = ("flask", "fastapi", "django")
THEIRS, OURS = 0, 1
_CODE_OF = {"app.py": THEIRS, "urls.py": THEIRS, "main.py": OURS}  # no other file has only code of one framework
_HEADING = re.compile(r"^#{2,3} +(.*?) *$", re.MULTILINE)
_EXCHANGE = re.compile(r"([A-Z]+) (/\S*)(.*?) -> (.*)", re.DOTALL)
_FIELD = re.compile(r'([a-z-]+):("[^"]*"|\S+) *')
_BOUNDARY = "a-boundary"


@dataclass(frozen=True)
class Expected:
    """What one side responds to a request, as the page has it."""

    status: int
    fields: dict[str, str]
    content: str

    @classmethod
    def read(cls, text: str) -> Expected:
        status, _, rest = text.strip().partition(" ")
        fields = {}
        while found := _FIELD.match(rest):
            fields[found[1]] = found[2].strip('"')
            rest = rest[found.end() :]
        return cls(int(status), fields, rest)

    def mismatch(self, reply: dict[str, Any]) -> str:
        """Return what is different in a reply; "" if nothing is."""
        headers = dict(reversed(reply["headers"]))
        wrong = [] if reply["status"] == self.status else [f"the status is {reply['status']}"]
        for name, value in self.fields.items():
            if not matches(value, headers.get(name, "")):
                wrong.append(f"{name} is {headers.get(name)!r}")
        if not _same_content(self.content, reply["text"]):
            wrong.append(f"the content is {reply['text']!r}")
        return ", ".join(wrong)


def _same_content(expected: str, actual: str) -> bool:
    try:
        return bool(json.loads(expected) == json.loads(actual))
    except ValueError:
        return not expected or matches(" ".join(expected.split()), " ".join(actual.split()))


@dataclass(frozen=True)
class Exchange:
    """One request, and what each side responds."""

    line: str
    request: dict[str, Any]  # method, target, headers, content
    expected: tuple[Expected, Expected]

    @classmethod
    def read(cls, line: str) -> Exchange:
        found = _EXCHANGE.fullmatch(line)
        assert found, f"write METHOD /path -> status content: {line}"
        theirs, _, ours = found[4].partition(" | ")
        headers, content = _content_of(found[3])
        request = {"method": found[1], "target": found[2], "headers": headers, "content": content}
        return cls(line, request, (Expected.read(theirs), Expected.read(ours or theirs)))

    @property
    def is_alike(self) -> bool:
        """Whether both sides respond the same."""
        return self.expected[THEIRS] == self.expected[OURS]


def _content_of(text: str) -> tuple[dict[str, str], str]:
    if found := re.search(r" ([{\[].*[}\]])$", text, re.DOTALL):
        return _content_of(text[: found.start()])[0] | {"content-type": "application/json"}, found[1]
    headers: dict[str, str] = {}
    form: list[tuple[str, str]] = []
    files: list[tuple[str, str]] = []
    for token in shlex.split(text):
        if found := re.match(r"([A-Za-z-]+):(.*)", token):
            headers[found[1].lower()] = found[2]
        elif found := re.match(r"(\w+)@(.*)", token):
            files.append((found[1], found[2]))
        else:
            name, _, value = token.partition("=")
            form.append((name, value))
    if files:
        lines = [
            f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}' for name, value in form
        ]
        lines += [
            f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"; filename="{file}"\r\n'
            "content-type: text/plain\r\n\r\n12345"
            for name, file in files
        ]
        return headers | {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"}, "\r\n".join(
            [*lines, f"--{_BOUNDARY}--\r\n"]
        )
    if form:
        return headers | {"content-type": "application/x-www-form-urlencoded"}, urlencode(form)
    return headers, ""


@dataclass
class Row:
    """A section of a page with the same in both frameworks."""

    title: str
    framework: str
    files: tuple[dict[str, str], dict[str, str]]
    commands: list[str] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    prints: list[str] = field(default_factory=list)
    own: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))  # files that the section itself has

    def __str__(self) -> str:
        return self.title

    def shown(self, side: int) -> str:
        """Return the code of one side that the section shows, and the requests, with single blanks."""
        files = [self.files[side][name] for name in sorted(self.own[side])]
        lines = [exchange.line for exchange in self.exchanges]
        return " ".join(" ".join([*files, *lines, *self.commands[side : side + 1]]).split())

    def take(self, block: Block) -> None:
        """Take one block of the section."""
        if block.language == "text":
            self._ask(block.text)
        elif block.language == "console":
            self.commands.append(block.text.removeprefix("$ ").strip())
        else:
            self._take_file(block)

    def _take_file(self, block: Block) -> None:
        first, _, rest = block.text.partition("\n")
        found = NAMED.match(first) or re.match(r"/\* ([\w./-]+) \*/$", first)
        assert found, f"{self.title}: give the block at line {block.line} the name of a file"
        name = found[1]
        text = block.text if name.endswith(".py") else rest
        for side in [OURS] if name in self.own[THEIRS] else [THEIRS, OURS]:
            more = f"{self.files[side][name]}\n\n" if found.lastindex == 2 else ""
            self.files[side][name] = more + text
            if _CODE_OF.get(name, side) == side:
                self.own[side].add(name)

    def _ask(self, text: str) -> None:
        for line in re.sub(r"\n +", " ", text).splitlines():
            if line.startswith("prints "):
                self.prints.append(line.removeprefix("prints "))
            elif line:
                self.exchanges.append(Exchange.read(line))


def page_text(framework: str) -> str:
    """Return the page that is for people who come from a framework."""
    return (HOW_TO / f"from-{framework}.md").read_text()


def rows_of(framework: str) -> list[Row]:
    """Return the rows of a page; the first is the whole app."""
    rows: list[Row] = []
    pieces = _HEADING.split(page_text(framework))
    for title, section in zip(pieces[1::2], pieces[2::2], strict=True):
        if blocks := read_blocks(section):
            first = rows[0].files if rows else ({}, {})
            rows.append(Row(title, framework, (dict(first[THEIRS]), dict(first[OURS]))))
            for block in blocks:
                rows[-1].take(block)
    return rows


def table_of(framework: str) -> dict[str, tuple[list[str], list[str]]]:
    """Return the rows of a page's table of equivalents: for each title the pieces of code, theirs and ours."""
    table = {}
    for line in page_text(framework).splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 3 and (link := re.fullmatch(r"\[(.*)\]\(#(.*)\)", cells[0])):
            codes = [[code.replace("\\|", "|") for code in re.findall(r"`([^`]+)`", cell)] for cell in cells[1:]]
            table[link[1]] = (codes[0], codes[1])
    return table
