"""Parameters that a cookie or a header field fills, and the app's state."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from fanlight.binding.convert import ConversionError, text_parser
from fanlight.binding.kinds import kind_of
from fanlight.binding.markers import Cookie, CookieName, Header, HeaderName
from fanlight.errors import Mistake
from fanlight.message.app_state import State
from fanlight.message.request import Request
from fanlight.message.upload import Upload
from fanlight.testing import LiveServer

Make = Callable[..., Any]
Find = Callable[..., list[Mistake]]


def themed(theme: Cookie[str] = "light") -> str:
    return theme


def session(key: Annotated[UUID, Cookie("__Host-key")], seen: Cookie[date | None]) -> str:
    return f"{key} {seen}"


def agent(user_agent: Header[str], dnt: Header[bool] = False) -> str:
    return f"{user_agent} {dnt}"


def keyed(key: Annotated[int, Header("X-Key"), Meta(ge=1)]) -> str:
    return str(key)


def repeated(x_tag: Header[list[int]]) -> str:
    return str(x_tag)


def test_a_cookie_fills_a_parameter(site: Make) -> None:
    """`Cookie[...]` is the cookie with the parameter's name, converted; a default makes it optional."""
    client = site({"/": themed, "/s": session})
    assert client.get("/").text == "light"
    assert client.get("/", fields={"cookie": "a=b; theme=dark"}).text == "dark"
    key = "0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d"
    assert client.get("/s", fields={"cookie": f"__Host-key={key}; seen=2026-01-31"}).text == f"{key} 2026-01-31"
    assert client.get("/s", fields={"cookie": f"__Host-key={key}"}).text == f"{key} None"


def test_an_invalid_cookie_is_listed_by_its_name(site: Make) -> None:
    """A cookie that is missing or invalid is listed with the other bad fields."""
    bad = site({"/": session}).get("/", fields={"cookie": "seen=x"}).bad
    assert bad == [("cookie", "__Host-key", "is missing"), ("cookie", "seen", "'x' is not a date like 2026-01-31")]


def test_a_header_field_fills_a_parameter(site: Make) -> None:
    """`Header[...]` is the field with hyphens for underscores, or the one that is named."""
    client = site({"/": agent, "/k": keyed})
    assert client.get("/", fields={"user-agent": "curl", "dnt": "1"}).text == "curl True"
    assert client.get("/").bad == [("header", "user-agent", "is missing")]
    assert client.get("/k", fields={"x-key": "7"}).text == "7"
    assert client.get("/k", fields={"x-key": "0"}).bad == [("header", "x-key", "must be at least 1")]


def test_a_list_takes_every_field_of_a_name(site: Make) -> None:
    """A header field that is repeated fills a list."""
    with LiveServer(site({"/": repeated}).app) as server, socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nX-Tag: 1\r\nx-tag: 2\r\nconnection: close\r\n\r\n")
        received = b"".join(iter(lambda: sock.recv(65536), b""))
    assert received.endswith(b"[1, 2]")


def stateful(state: State, request: Request) -> str:
    return f"{state['greeting']} {request.path}"


def test_the_state_of_the_app_is_a_parameter(site: Make) -> None:
    """What a lifespan stores in `app.state` is read through a parameter annotated `State`."""
    client = site({"/": stateful, "/only": lambda_of_state})
    client.app.state["greeting"] = "Hello"
    assert client.get("/").text == "Hello /"
    assert client.get("/only").text == "Hello"


def lambda_of_state(state: State) -> str:
    return str(state["greeting"])


def two_places(x: Annotated[str, Cookie("a"), Header("b")]) -> str:
    return x


def no_name(x: Annotated[str, Header("a b")]) -> str:
    return x


FIELD: Any = HeaderName("a-b")  # what Header("a-b") gives
COOKIE: Any = CookieName()


def as_default(x: int = FIELD) -> str:
    return str(x)


def as_only(x=COOKIE):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - as it may be written
    return str(x)


def cookie_list(x: Cookie[list[str]]) -> str:
    return str(x)


def cookie_file(x: Cookie[Upload]) -> str:
    return str(x)


def header_object(x: Header[dict[str, int]]) -> str:
    return str(x)


def pathed(x: Header[str]) -> str:
    return x


def unfit(x: Annotated[str, Meta(ge=1)]) -> str:
    return x


def unfit_optional(x: Annotated[int | None, Meta(ge=1)]) -> str:
    return str(x)


def contradictory(x: list[Annotated[int, Meta(ge=5, lt=5)]]) -> str:
    return str(x)


def unwritten(x: Annotated[str, Meta(pattern="[")]) -> str:
    return x


@dataclass
class Late:
    name: Annotated[str, Meta(pattern="(")]


class Unknown(msgspec.Struct):
    own: Nowhere  # type: ignore[name-defined]  # noqa: F821 - it is meant to be wrong


def late(x: Late) -> str:
    return ""


def unknown(x: Unknown) -> str:
    return ""


@pytest.mark.parametrize(
    ("key", "view", "said", "hint"),
    [
        ("/", two_places, "two sources", ""),
        ("/", no_name, "'a b' is not a valid name", ""),
        ("/", as_default, "has Header(...) as its default", "write x: Header[int], or Annotated[int, Header("),
        ("/", as_only, "has Cookie(...) as its default", "write x: Cookie[str]"),
        ("/", cookie_list, "can't come from a cookie", "is one string"),
        ("/", cookie_file, "can't come from a cookie", "is one string"),
        ("/", header_object, "can't come from a header field", "is one string"),
        ("/{x}", pathed, '"x" is a header field in', "rename one"),
        ("/", unfit, "Can only set `ge` on a numeric type", "remove the bound"),
        ("/", unfit_optional, "Can only set `ge`", "write Annotated[X, Meta(...)] | None"),
        ("/", contradictory, "no value satisfies both ge=5 and lt=5", "swap the bounds"),
        ("/", late, "unterminated subpattern", ""),
        ("/", unknown, "'Nowhere' is not defined", ""),
        ("/", unwritten, "unterminated character set", "regular expression"),
    ],
)
def test_unsupported_cookies_and_headers_are_refused(mistakes: Find, key: str, view: Any, said: str, hint: str) -> None:
    """Each mistake has its message, its file and line, and a hint."""
    (mistake,) = mistakes({key: view})
    assert said in mistake.message
    assert hint in mistake.hint
    assert mistake.places[0].endswith(f"test_cookies_and_headers.py:{view.__code__.co_firstlineno}")


BOUNDED = [
    Annotated[int, Meta(ge=-5, le=5, multiple_of=2)],
    Annotated[float, Meta(gt=0, lt=1)],
    Annotated[str, Meta(min_length=2, max_length=4, pattern="^[a-z]+$")],
    date,
    bool,
    UUID,
]


@given(text=st.text(max_size=12) | st.from_regex(r"[-+0-9a-z.]{0,8}", fullmatch=True), number=st.integers(0, 5))
def test_text_is_converted_within_its_constraints_or_rejected(text: str, number: int) -> None:
    """Any text is a value within the constraints, or a ConversionError; never another exception."""
    read = text_parser(kind_of(BOUNDED[number]))
    assert read is not None
    try:
        value = read(text)
    except ConversionError:
        return
    if number == 0:
        assert value in (-4, -2, 0, 2, 4)
    elif number == 1:
        assert isinstance(value, float) and 0 < value < 1  # noqa: PT018
    elif number == 2:
        assert value == text and 2 <= len(text) <= 4  # noqa: PT018
