"""What a view knows of a request.

In: a head, as the wire has read it, and the content, as the server has kept it. Out: its parts, each
worked out when it is first asked for. Refuses what the client sent wrong with the status it gets.
Knows nothing of bytes on the wire, of routes and of views.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Any, ClassVar, Protocol, TypeVar
from urllib.parse import unquote

from fanlight.errors import BadRequest, NoSuchURL, UnsupportedMediaType
from fanlight.message.accept import best_match
from fanlight.message.body_policy import DEFAULT_BODY_POLICY, FormLimits
from fanlight.message.charset import decoded
from fanlight.message.client_cert import ClientCert
from fanlight.message.content import SpooledContent
from fanlight.message.content_stream import ContentStream
from fanlight.message.cookies import read_cookies
from fanlight.message.form import Query, over, read_query, read_urlencoded
from fanlight.message.headers import Headers
from fanlight.message.json_document import read_json
from fanlight.message.multipart import Form, FormContent, read_multipart
from fanlight.message.request_id import NAME, id_line, id_of
from fanlight.message.upload import Upload

T = TypeVar("T")
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


class Head(Protocol):
    """What a request needs of a parsed head; all of it as it was sent."""

    method: str
    target: str
    path: str
    query: str
    minor: int

    @property
    def authority(self) -> str:
        """Whom the request is for."""
        ...

    def at(self, authority: str, /) -> object:
        """Note whom it is for, where somebody knows that better than the fields: a proxy that is trusted."""
        ...

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Every field, names in lower case."""
        ...

    @property
    def values(self) -> dict[str, str]:
        """Each field's value, those of repeated ones joined."""
        ...


class Request:
    """One request. All its parts can be read; only `state` is the app's to write."""

    # PERF: benchmarks/run.py: made for every request, so it only keeps what it is given.
    __slots__ = ("_id_line", "cache", "client", "content_source", "context", "head", "params", "scheme")

    reverse: ClassVar[Callable[..., str] | None] = None  # an app has a class of its own, with its own way back
    assets: ClassVar[Callable[..., str] | None] = None  # and its own files
    _id_line: bytes  # only set once it is asked for
    context: Context  # in which everything runs that is done for it; set by the server when its call begins

    def __init__(self, head: Head, client: str | None, content: SpooledContent | None) -> None:
        """Keep the head, the client's address (None behind a unix socket) and the content."""
        self.head = head
        self.client = client
        self.content_source = content
        self.params: dict[str, object]
        self.scheme = "http"
        self.cache: dict[str, Any] | None = None  # what was worked out of it; the server looks whether there is any

    def _once(self, name: str, make: Callable[[], T]) -> T:
        known = self.cache
        if known is None:
            known = self.cache = {}
        if name not in known:
            known[name] = make()
        value: T = known[name]
        return value

    @property
    def id(self) -> str:
        """What the logs call this request: the client's `X-Request-Id` where it is well-formed, else one of ours."""
        return id_of(self.id_line)

    @property
    def id_line(self) -> bytes:
        """The field line that tells the id."""
        try:
            return self._id_line
        except AttributeError:
            return self.identify()

    def identify(self) -> bytes:
        """Decide the id, and return the field line that tells it: for the server, which does so once."""
        self._id_line = line = id_line(self.head.values.get(NAME))
        return line

    @property
    def method(self) -> str:
        """GET, POST, ..."""
        return self.head.method

    @property
    def target(self) -> str:
        """What stood between method and version, as it was sent."""
        return self.head.target

    @property
    def raw_path(self) -> str:
        """The path as it was sent, percent-encoded."""
        return self.head.path

    @property
    def path(self) -> str:
        """The path, percent-decoded; to be shown, as routes have been matched already."""
        return unquote(self.head.path)

    @property
    def raw_query(self) -> str:
        """What stood behind the question mark, as it was sent."""
        return self.head.query

    @property
    def query(self) -> Query:
        """The fields of the query. Raises BadRequest where they are no UTF-8."""
        return self._once("query", lambda: Query(read_query(self.head.query)))

    @property
    def headers(self) -> Headers:
        """The header fields; names in any case."""
        return self._once("headers", lambda: Headers(self.head.fields))

    @property
    def last_event_id(self) -> str:
        """The id of the last event that an `EventSource` got before it lost us; "" for one that begins."""
        return (
            self.head.values.get("last-event-id", "").encode("latin-1").decode(errors="replace")
        )  # HTML, section 9.2.3

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that the client sent."""
        return self._once("cookies", lambda: read_cookies(self.head.values.get("cookie", "")))

    @property
    def host(self) -> str:
        """Whom the client asked, with the port if it named one."""
        return self.head.authority

    @property
    def url(self) -> str:
        """The whole URL that was asked for."""
        query = f"?{self.head.query}" if self.head.query else ""
        return f"{self.scheme}://{self.host}{self.head.path}{query}"

    @property
    def origin(self) -> str:
        """Scheme and host: what stands before the path in a whole URL of this site."""
        return f"{self.scheme}://{self.head.authority}"

    def url_for(self, view: object, /, **parameters: object) -> str:
        """Return the path of a view, or of its name, as templates do; put `origin` before it for a whole URL.

        Raises NoSuchURL for a view that has no route, and for parameters that don't fit its path.
        """
        reverse = self.reverse
        if reverse is None:
            raise NoSuchURL("this request was made without an app, so nobody knows the addresses of its views")
        return reverse(view, **parameters)

    def asset(self, name: str) -> str:
        """Return the URL of a file of a `Static` folder, as templates do. Raises NoSuchURL if it is not there."""
        if self.assets is None:
            raise NoSuchURL("this request was made without an app, so nobody knows the addresses of its files")
        return self.assets(name)

    @property
    def http_version(self) -> str:
        """1.1 or 1.0."""
        return f"1.{self.head.minor}"

    @property
    def client_cert(self) -> ClientCert | None:
        """The certificate that the client showed in the TLS handshake, None if it showed none."""
        return None if self.cache is None else self.cache.get("client_cert")

    def cache_value(self, name: str, value: object) -> None:
        """Keep what the server knows of a request that has it; one that has not is not burdened."""
        self._once(name, lambda: value)

    @property
    def state(self) -> dict[str, Any]:
        """A place for what middleware wants to tell the view."""
        return self._once("state", dict)

    def after(self, function: Callable[..., object], /, *args: object, **kwargs: object) -> None:
        """Have something done when the answer is out: `request.after(send_mail, to=address)`.

        A function of either kind; several are called one after the other. The client does not wait for them, a
        server that stops does, as long as `drain_seconds`. They are called whatever the answer is.
        """
        work: list[Callable[[], object]] = self._once("after", list)
        work.append(partial(function, *args, **kwargs))

    def pop_background_tasks(self) -> list[Callable[[], Any]]:
        """Return what is to be done after the answer, once: for the server."""
        return self.cache.pop("after", []) if self.cache is not None else []

    # --- content ----------------------------------------------------------------------------

    @property
    def media_type(self) -> str:
        """The media type of the content, in lower case, without parameters; "" if there is none."""
        return self.head.values.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def content(self) -> bytes:
        """All of the content."""
        return self.content_source.read() if self.content_source is not None else b""

    @property
    def content_stream(self) -> ContentStream:
        """The content as it comes, where the view takes it so; else one that has ended."""
        return self._once("content_stream", ContentStream)

    @property
    def text(self) -> str:
        """The content as text. Raises BadRequest where it is not what its charset says (UTF-8 if it says none)."""
        return decoded(self.content, self._charset or "utf-8")

    @property
    def _charset(self) -> str:
        """The charset that the content claims, "" if it claims none."""
        named = self.head.values.get("content-type", "").lower().partition("charset=")[2].partition(";")[0]
        return named.strip('" ')

    @property
    def json(self) -> Any:
        """The content read as JSON. Raises UnsupportedMediaType if it is something else, BadRequest if it is broken."""
        return self._once("json", self._read_json)

    def _read_json(self) -> Any:
        if not self.is_json:
            raise UnsupportedMediaType(
                f"send JSON (content-type: application/json), not {self.media_type or 'nothing'}"
            )
        return read_json(self.json_content)

    @property
    def json_content(self) -> bytes:
        """All of the content, to be decoded as JSON. Raises ContentTooLarge where that would take too long."""
        self._refuse_over("json_bytes", "the JSON")
        return self.content

    def _refuse_over(self, cap: str, what: str) -> None:
        """Refuse content that is over what may be decoded at once."""
        source = self.content_source
        if source is not None and source.size > (most := getattr(source.limits, cap)):
            raise over(f"{what} is over {most} bytes", cap)

    @property
    def decoded_size_limit(self) -> str:
        """Which of `FormLimits` holds for the whole content if it is decoded, "" if none does."""
        return "json_bytes" if self.is_json else "text_bytes" if self.media_type == URLENCODED else ""

    @property
    def is_json(self) -> bool:
        """Whether the content claims to be JSON."""
        kind = self.media_type
        return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))

    @property
    def form(self) -> Form:
        """The fields of a posted form. Raises UnsupportedMediaType if it is none, BadRequest if it is broken."""
        source = self.content_source
        return self._once("form", lambda: self.read_form(DEFAULT_BODY_POLICY.form if source is None else source.limits))

    def read_form(self, limits: FormLimits) -> Form:
        """Return the fields of a posted form, under limits of one's own."""
        kind, source = self.media_type, self.content_source
        if (source is None or source.size == 0) and kind in ("", URLENCODED, MULTIPART):
            return Form()
        if isinstance(source, FormContent):
            return source.form()
        if kind == URLENCODED:
            if source is not None and source.size > limits.text_bytes:
                raise over(f"the form is over {limits.text_bytes} bytes", "text_bytes")
            try:
                return Form(read_urlencoded(self.content.decode("ascii"), limits, self._charset))
            except UnicodeDecodeError:
                raise BadRequest("an urlencoded form has a byte in it that should be percent-encoded") from None
        if kind == MULTIPART and source is not None:
            form = Form(read_multipart(source.open(), self.head.values["content-type"], limits))
            for _, value in form.pairs():
                if isinstance(value, Upload):
                    source.close_later(value.file)
            return form
        raise UnsupportedMediaType(f"send a form ({URLENCODED} or {MULTIPART}), not {kind or 'nothing'}")

    # --- what the client likes ----------------------------------------------------------------

    def accepts(self, *media_types: str) -> str | None:
        """Return which of the media types the client likes best, None if it takes none of them."""
        return best_match(self.head.values.get("accept", ""), media_types)

    def __repr__(self) -> str:
        return f"<Request {self.head.method} {self.head.target}>"


__all__ = ["Head", "Request"]
