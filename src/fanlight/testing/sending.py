"""Prepare the requests of the test client as a browser would: URL, header fields, forms, files, JSON.

In: plain values. Out: a `PreparedRequest`, and the next one after a redirect. Refuses invalid values and unknown
options, with a hint what to write.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urljoin, urlsplit

import msgspec

from fanlight.closest_name import closest_name
from fanlight.message.headers import is_token
from fanlight.message.media_types import media_type_by_name

Sent = bytes | Iterable[bytes]
File = Any  # a Path, bytes, an open file, (name, any of them) or (name, any of them, media type)
_OPTIONS = ("headers", "query", "content", "form", "files", "json", "follow_redirects")
_ALTERNATIVES = {
    "params": "query={...} (the part after the question mark)",
    "data": "form={...}, or content=b'...'",
    "body": "content=b'...'",
    "cookies": "client.cookies[name] = value, before the request",
    "allow_redirects": "follow_redirects=True",
    "auth": 'headers={"authorization": ...}',
    "timeout": "nothing: a response that takes too long is a TimeoutError",
}
_IN_PATHS = "/%:@!$&'()*+,;=-._~"  # not percent-encoded (RFC 3986 section 3.3)
_OF_CONTENT = ("content-", "transfer-encoding", "digest", "repr-digest", "last-modified")  # RFC 9110 section 15.4


class _Absent(Enum):
    JSON = "no JSON"  # because None is JSON null


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRequest:
    """A request ready to be sent; `fields` are in lower case, without the host and the stored cookies."""

    method: str
    url: SplitResult  # absolute and encoded
    fields: tuple[tuple[str, str], ...]
    body: Sent | None = None

    @property
    def target(self) -> str:
        """The target in the request line."""
        path, query = self.url.path or "/", self.url.query
        return f"{path}?{query}" if query and path != "*" else path

    @property
    def is_chunked(self) -> bool:
        """Whether the body is sent in chunks, because its length is not known."""
        return self.body is not None and not isinstance(self.body, bytes)


def prepare_request(
    base: SplitResult,
    method: str,
    url: str,
    *,
    headers: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
    query: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
    **content: Any,
) -> PreparedRequest:
    """Return a request. Raises TypeError for unknown options, ValueError for invalid values."""
    for name in content:
        if name not in _OPTIONS:
            close = closest_name(name, _OPTIONS)
            hint = _ALTERNATIVES.get(name) or (f"{close}=..." if close else f"one of {', '.join(_OPTIONS)}")
            raise TypeError(f"a request has no option {name}; write {hint}")
    body, kind = body_of(**content)
    written = headers.items() if isinstance(headers, Mapping) else headers or ()
    fields = tuple(_field(name, value) for name, value in written)
    if kind and not any(name == "content-type" for name, _ in fields):
        fields = (("content-type", kind), *fields)
    to = url_of(base, url, urlencode(list(_pairs(query, "query"))) if query else "")
    host = next((value for name, value in fields if name == "host"), to.netloc)
    fields = tuple(field for field in fields if field[0] != "host")
    return PreparedRequest(method=method, url=to._replace(netloc=host), fields=fields, body=body)


def url_of(base: SplitResult, url: str, query: str = "") -> SplitResult:
    """Return the absolute URL for a path or URL; characters that are not allowed are percent-encoded."""
    if url.startswith(("/", "*")):
        # Two slashes at the start are a path: a test never writes a host without a scheme.
        rest, _, fragment = url.partition("#")
        path, _, own_query = rest.partition("?")
        parts = base._replace(path=path, query=own_query, fragment=fragment)
    else:
        parts = urlsplit(urljoin(f"{base.scheme}://{base.netloc}/", url))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not a valid URL; write a path like /blog, or http://host/path")
    return parts._replace(
        netloc=parts.netloc.rpartition("@")[2].lower(),
        path=quote(parts.path, safe=_IN_PATHS) or "/",
        query="&".join(filter(None, (quote(parts.query, safe=f"{_IN_PATHS}?"), query))),
    )


def next_request(request: PreparedRequest, status: int, location: str) -> PreparedRequest | None:
    """Return the request that follows a redirect, None for one to another host, outside the app under test.

    Method, fields and content change as in httpx. Raises ValueError for an invalid location, and for content that
    can't be sent again.
    """
    try:
        url = urlsplit(urljoin(request.url.geturl(), location))
        is_ours = (url.hostname, url.port) == (request.url.hostname, request.url.port)
    except ValueError:
        raise ValueError(f"{request.url.geturl()} redirects to {location!r}, which is not a valid URL") from None
    if not is_ours or url.scheme not in ("http", "https"):
        return None
    url = url_of(request.url, url._replace(fragment=url.fragment or request.url.fragment).geturl())
    method, body = _after(request.method, status), request.body
    fields = [(name, value) for name, value in request.fields if name != "cookie"]  # only stored cookies are sent
    if url.scheme == "http" and request.url.scheme == "https":
        fields = [(name, value) for name, value in fields if name != "authorization"]
    if method != request.method:
        fields = [(name, value) for name, value in fields if not name.startswith(_OF_CONTENT)]
        body = None
    elif isinstance(body, Iterator):
        raise ValueError(
            f"the redirect {status} needs the content again, which an iterator yields only once; give bytes"
        )
    return PreparedRequest(method=method, url=url, fields=tuple(fields), body=body)


def _after(method: str, status: int) -> str:
    becomes_get = status in (302, 303) or (status == 301 and method == "POST")
    return "GET" if becomes_get and method != "HEAD" else method


def _field(name: str, value: object) -> tuple[str, str]:
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    is_writable = isinstance(value, str | bytes | int) and not any(each in text for each in "\r\n\0")
    if not is_token(name) or not is_writable or any(ord(each) > 255 for each in text):
        raise ValueError(f"a header field can't be {name!r}: {value!r}; it must be text in Latin-1, without line ends")
    return name.lower(), text


def body_of(
    *,
    content: str | Sent | None = None,
    form: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None,
    files: Mapping[str, File] | Iterable[tuple[str, File]] | None = None,
    json: Any = _Absent.JSON,
) -> tuple[Sent | None, str]:
    """Return the body and its media type; an iterable of bytes is sent in chunks."""
    kinds = {
        "content": content is not None,
        "form": form is not None or files is not None,
        "json": json is not _Absent.JSON,
    }
    given = [name for name, is_given in kinds.items() if is_given]
    if len(given) > 1:
        raise TypeError(f"a request has one content, and not {' and '.join(given)}; leave out one of them")
    if files is not None:
        return multipart_of(form or {}, files)
    if form is not None:
        return urlencode(list(_pairs(form, "form"))).encode(), "application/x-www-form-urlencoded"
    if kinds["json"]:
        return msgspec.json.encode(json), "application/json"
    if isinstance(content, str):
        return content.encode(), ""
    if isinstance(content, bytearray | memoryview):
        return bytes(content), ""
    if content is not None and not isinstance(content, Iterable):
        raise TypeError(f"content is a {type(content).__name__}; give bytes or text, or write json={content!r}")
    return content, ""


def multipart_of(form: Any, files: Any) -> tuple[bytes, str]:
    """Return a form with files as multipart/form-data; a list or tuple is several values of one name."""
    boundary = f"fanlight-{secrets.token_hex(16)}"
    start = f'--{boundary}\r\ncontent-disposition: form-data; name="'
    parts = []
    for name, value in _pairs(form, "form"):
        data = value if isinstance(value, bytes) else value.encode()
        parts.append(f'{start}{_quoted(name)}"\r\n\r\n'.encode() + data)
    for name, each in _items(files, "files"):
        for value in each if isinstance(each, list) else [each]:
            filename, data, kind = _file(name, value)
            head = f'{start}{_quoted(name)}"; filename="{_quoted(filename)}"\r\ncontent-type: {kind}\r\n\r\n'
            parts.append(head.encode() + data)
    return b"\r\n".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


def _items(values: Any, option: str) -> Iterable[tuple[str, Any]]:
    items = list(values.items() if isinstance(values, Mapping) else values)
    if not all(isinstance(each, tuple) and len(each) == 2 and isinstance(each[0], str) for each in items):
        raise TypeError(f'{option} must be a dict or a list of pairs; write {option}={{"name": value}}')
    return items


def _pairs(values: Any, option: str) -> Iterator[tuple[str, str | bytes]]:
    """Yield the names and texts of a form or a query; a list or tuple is several values of one name."""
    for name, value in _items(values, option):
        for each in value if isinstance(value, list | tuple | set | frozenset) else [value]:
            if each is None or isinstance(each, Mapping | Iterator) or hasattr(each, "read"):
                hint = "use files= for a file" if hasattr(each, "read") else 'leave it out, or write ""'
                raise TypeError(f"{option}[{name!r}] is a {type(each).__name__}, not text; {hint}")
            yield name, each if isinstance(each, bytes) else str(each)


def _file(field: str, value: File) -> tuple[str, bytes, str]:
    """Return the name, the bytes and the media type of a file."""
    name, data, kind = "", value, ""
    if isinstance(value, tuple) and len(value) in (2, 3) and isinstance(value[0], str):
        name, data, *more = value
        kind = more[0] if more else ""
    if isinstance(data, Path):
        name, data = name or data.name, data.read_bytes()
    elif callable(read := getattr(data, "read", None)):
        opened = getattr(data, "name", "")
        name, data = name or (Path(opened).name if isinstance(opened, str) else ""), read()
    if isinstance(data, str) and data is not value:
        data = data.encode()
    if not isinstance(data, bytes | bytearray | memoryview):
        hint = 'b"...", an open file, a Path, (name, b"..."), (name, b"...", media_type), or a list of these'
        raise TypeError(f"files[{field!r}] is {value!r}; a file is {hint}")
    name = name if name or isinstance(value, tuple) else "file"
    return name, bytes(data), kind or media_type_by_name(name).partition(";")[0]


def _quoted(name: str) -> str:
    """Escape a name as browsers do (HTML, multipart/form-data encoding algorithm)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
