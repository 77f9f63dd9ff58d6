"""Write a test of a request and its response, for `fanlight.testing.Client`.

In: a request, two responses to it (one, where it writes), and how the site is imported. Out: the source of a test
function, added to a file. What is asserted is what stays: dates, times and ids, and what differs between the two
responses, are left out. Credentials are never written into a test. Refuses a request that the client can't make:
CannotReplay.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from fanlight.devtools.inspector.replay.differences import DEV_SCRIPT, varies
from fanlight.devtools.inspector.replay.raw_request import CannotReplay, RawRequest
from fanlight.devtools.inspector.replay.response_reader import ReadResponse

FILE_NAME = "test_recorded.py"
_INLINE_CHARACTERS = 400  # a text up to this length is compared as a whole
_MAX_LINES, _MAX_LINE = 40, 300
_MAX_JSON_CHARACTERS = 4000
# Set by the client or the connection, or a description of the browser.
_LEFT_OUT = frozenset(
    "host connection content-length transfer-encoding expect user-agent accept-encoding cookie authorization"
    " proxy-authorization referer dnt priority pragma cache-control upgrade-insecure-requests te".split()
)
_is_of_browser = re.compile(r"text/html,.*\*/\*").match  # an Accept that lists all it can show
_has_text = re.compile(r"(?:<[^>]*>|\s)*[^<\s]").match  # besides tags
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")
_FUNCTION = re.compile(r"^def (test_\w+)\(", re.MULTILINE)


class SiteImport(Struct, frozen=True):
    """How a test imports the site: lines of import, and the expression of the app."""

    lines: tuple[str, ...]
    app: str


def site_import(module: str, attribute: str) -> SiteImport:
    """Return the import of a site whose file is `module`, with the app of this name; "" if it only has `URLS`."""
    if attribute.endswith("()"):
        name = attribute[:-2].partition(".")[0]
        return SiteImport((f"from {module} import {name}",), attribute)
    if attribute:
        return SiteImport((f"from {module} import {attribute.partition('.')[0]}",), attribute)
    lines = (f"import {module}",)
    return SiteImport((*lines, "from fanlight import App"), f"App({module}.URLS, file={module}.__file__)")


def fields_for_test(request: RawRequest) -> list[tuple[str, str]]:
    """Return the fields that the request of a test has: without those of a browser, and without credentials."""
    head = request.data.partition(b"\r\n\r\n")[0].decode("latin-1")
    pairs = (line.partition(":") for line in head.split("\r\n")[1:])
    fields = ((name.lower(), value.strip()) for name, _, value in pairs)
    return [
        (name, "text/html" if name == "accept" and _is_of_browser(value) else value)
        for name, value in fields
        if name not in _LEFT_OUT and not name.startswith("sec-")
    ]


def request_of_test(request: RawRequest, content: bytes) -> RawRequest:
    """Return the request as the test will send it. Raises CannotReplay for one that its client can't send."""
    if not request.method or not request.target.startswith("/"):
        raise CannotReplay(
            "this is no request that a client can make; a test of it sends raw bytes: client.send(b'...')"
        )
    fields = [("host", "testserver"), *fields_for_test(request)]
    if content or request.method in ("POST", "PUT", "PATCH"):
        fields.append(("content-length", str(len(content))))
    lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields), "", ""]
    return RawRequest("\r\n".join(lines).encode("latin-1") + content, request.method, request.target)


def write_test(
    request: RawRequest, content: bytes, responses: Sequence[ReadResponse], name: str, site: SiteImport
) -> str:
    """Return the source of a test function with this name."""
    first = responses[0]
    phrase = f"{request.method} {_shown(request.target)} responds with {first.status}."
    lines = [
        f"def {name}():",
        f'    """{phrase}"""',
        f"    with Client({site.app}) as client:",
        f"        response = client.request({_arguments(request, content)})",
        f"    assert response.status == {first.status}",
    ]
    lines += [f"    assert {each}" for each in _assertions(responses)]
    return "\n".join(lines) + "\n"


def add_test(
    file: Path, request: RawRequest, content: bytes, responses: Sequence[ReadResponse], site: SiteImport
) -> str:
    """Add a test to a file, which is made if there is none; return the source of the test. Raises OSError."""
    before = file.read_text(encoding="utf-8") if file.exists() else _new_file(site)
    name = _free_name(request, responses[0].status, _FUNCTION.findall(before))
    source = write_test(request, content, responses, name, site)
    missing = [line for line in _imports(site) if line not in before.splitlines()]
    if missing:
        before = "\n".join(missing) + "\n" + before
    written = f"{before.rstrip()}\n\n\n{source}"
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    temporary.write_text(written, encoding="utf-8")
    temporary.replace(file)
    return source


# --- the file -----------------------------------------------------------------------------------------


def _imports(site: SiteImport) -> list[str]:
    return [*site.lines, "from fanlight.testing import Client"]


def _new_file(site: SiteImport) -> str:
    ours = [line for line in _imports(site) if line.startswith("from fanlight")]
    theirs = [line for line in site.lines if not line.startswith("from fanlight")]
    return "\n".join(['"""Requests that were saved as tests from the inspector."""', "", *theirs, "", *ours]) + "\n"


def _free_name(request: RawRequest, status: int, taken: Sequence[str]) -> str:
    path = request.target.partition("?")[0]
    words = _NOT_A_WORD.sub("_", f"{request.method} {path}".lower()).strip("_")[:60].strip("_")
    name = f"test_{words}" if path.strip("/") else f"test_{words}_front_page"
    if status >= 400:
        name = f"{name}_{status}"
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


# --- the test -----------------------------------------------------------------------------------------


def _arguments(request: RawRequest, content: bytes) -> str:
    arguments = [_string(request.method), _string(request.target)]
    fields = dict(fields_for_test(request))
    if len(fields) < len(fields_for_test(request)):
        arguments.append(f"headers={fields_for_test(request)!r}")
    elif fields:
        arguments.append(
            f"headers={{{', '.join(f'{_string(key)}: {_string(value)}' for key, value in fields.items())}}}"
        )
    if content:
        arguments.append(f"content={content!r}")
    one_line = ", ".join(arguments)
    if len(one_line) <= 80:
        return one_line
    return "\n" + "".join(f"            {each},\n" for each in arguments) + "        "


def _assertions(responses: Sequence[ReadResponse]) -> Iterator[str]:
    first = responses[0]
    for name in ("content-type", "location"):
        values = {each.get(name) for each in responses}
        if first.get(name) and len(values) == 1 and not varies(first.get(name)):
            yield f"response.headers[{_string(name)}] == {_string(first.get(name))}"
    if not all(each.is_complete for each in responses):
        return
    kind = first.get("content-type")
    try:
        texts = [each.content.decode() for each in responses]
    except UnicodeDecodeError:
        if len({each.content for each in responses}) == 1:
            yield f"len(response.content) == {len(first.content)}"
        return
    if "json" in kind:
        yield from _json_assertions(texts)
    elif texts[0]:
        yield from _text_assertions(texts)


def _json_assertions(texts: Sequence[str]) -> Iterator[str]:
    documents = [json.loads(each) for each in texts]
    written = repr(documents[0])
    if all(each == documents[0] for each in documents) and not varies(texts[0]) and len(written) < _MAX_JSON_CHARACTERS:
        yield f"response.json() == {written}"
    elif isinstance(documents[0], dict):
        for name, value in documents[0].items():
            is_same = all(isinstance(each, dict) and each.get(name) == value for each in documents)
            if is_same and not varies(json.dumps(value)) and len(repr(value)) < _MAX_LINE:
                yield f"response.json()[{_string(name)}] == {value!r}"
    elif isinstance(documents[0], list) and len({len(each) for each in documents}) == 1:
        yield f"len(response.json()) == {len(documents[0])}"


def _text_assertions(texts: Sequence[str]) -> Iterator[str]:
    has_script = any(DEV_SCRIPT.search(each) for each in texts)
    cleaned = [DEV_SCRIPT.sub("", each) for each in texts]
    first = cleaned[0]
    is_stable = all(each == first for each in cleaned) and not varies(first)
    if is_stable and not has_script and len(first) <= _INLINE_CHARACTERS:
        yield f"response.text == {first!r}"
        return
    shared = set(cleaned[0].splitlines()).intersection(*(each.splitlines() for each in cleaned[1:]))
    seen: set[str] = set()
    for line in first.splitlines():
        text = line.strip()
        if line in shared and text and text not in seen and len(text) <= _MAX_LINE and not varies(text):
            if len(seen) == _MAX_LINES:
                return
            seen.add(text)
            if _has_text(text):
                yield f"{_string(text)} in response.text"


def _string(text: str) -> str:
    """Return the literal of a text, in double quotes where that needs no escape, as formatters write it."""
    written = repr(text)
    return f'"{written[1:-1]}"' if written.startswith("'") and '"' not in text and "\\'" not in written else written


def _shown(target: str) -> str:
    text = target.replace("\\", "\\\\").replace('"', "'")
    return text if len(text) <= 80 and text.isprintable() else f"{text[:77].encode('unicode_escape').decode()}..."
