"""The request, as a view sees it.

In: a head parsed by the wire, and the content kept by the server. Out: their parts, each parsed on first access.
Refuses what is malformed with an HTTPError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar
from urllib.parse import unquote

from fanlight.errors import BadRequest, NoSuchURL, UnsupportedMediaType
from fanlight.foreign_names import refuse_foreign_names
from fanlight.message.accept import best_match
from fanlight.message.body_policy import DEFAULT_BODY_POLICY, FormLimits, limit_error
from fanlight.message.charset import decode_text
from fanlight.message.content import ContentStream, SpooledContent
from fanlight.message.cookies import read_cookies
from fanlight.message.form import Query, read_query, read_urlencoded
from fanlight.message.headers import Headers
from fanlight.message.json_document import read_json
from fanlight.message.media_types import MULTIPART, URLENCODED, charset_of, essence_of, is_json
from fanlight.message.mount_path import MOUNT_PATH
from fanlight.message.multipart import Form, FormContent, read_multipart
from fanlight.message.request_id import NAME, choose_line, id_of, make_lines, take_line
from fanlight.message.upload import Upload

if TYPE_CHECKING:
    from fanlight.message.client_cert import ClientCert

T = TypeVar("T")


class Head(Protocol):
    """The parsed head of a request; all values are as the client sent them."""

    method: str
    target: str
    path: str
    query: str
    minor: int

    @property
    def authority(self) -> str:
        """The host and port that the request is for."""

    def set_authority(self, authority: str, /) -> object:
        """Replace the host and port, which a trusted proxy has forwarded."""

    @property
    def fields(self) -> list[tuple[str, str]]:
        """All header fields, names in lower case."""

    def find(self, name: str, /) -> str | None:
        """Return the value of a header field, as in `values`; None if it was not sent."""

    @property
    def values(self) -> Mapping[str, str]:
        """The value of each header field; the values of a repeated field are joined."""


class Request:
    """An HTTP request. It is read-only, except for `state`, which is for the app."""

    # PERF: benchmarks/run.py: made for every request, so the constructor only stores its arguments.
    __slots__ = ("cache", "client", "content_source", "context", "head", "identity", "params", "scheme")

    reverse: ClassVar[Callable[..., str] | None] = None  # set in the subclass of each app
    assets: ClassVar[Callable[..., str] | None] = None  # as above
    services: ClassVar[object] = None  # as above; read by `services_of`
    sessions: ClassVar[object] = None  # as above; read by `settings_of` in the room `sessions`
    _form_token_name: ClassVar[str] = ""  # as above; the field of a form that is for a guard, and not for the view
    identity: bytes  # the field line with its id, for the response; set by `choose_id`
    context: Context  # in which all code for this request runs; set by the server when it runs the call

    def __init__(self, head: Head, client: str | None, content: SpooledContent | None) -> None:
        """Make a request; `client` is the client's address, None for a unix socket."""
        self.head = head
        self.client = client
        self.content_source = content
        self.params: dict[str, object]
        self.scheme = "http"
        self.cache: dict[str, Any] | None = None  # values computed on first access, and what the server has attached

    def set_origin(self, *, client: str | None = None, scheme: str | None = None, host: str | None = None) -> None:
        """Set what TLS or a trusted proxy says about the client; None keeps what the connection itself says."""
        if client is not None:
            self.client = client
        if scheme is not None:
            self.scheme = scheme
        if host is not None:
            self.head.set_authority(host)

    def attach_content(self, content: SpooledContent | None) -> None:
        """Set the content, which the server has received or refused after the head."""
        self.content_source = content

    def _cached(self, name: str, make: Callable[[Request], T]) -> T:
        known = self.cache
        if known is None:
            known = self.cache = {}
        elif name in known:
            found: T = known[name]
            return found
        made = known[name] = make(self)
        return made

    @property
    def id(self) -> str:
        """The id of the request in the logs: the client's `X-Request-Id` if it is well-formed, else a generated one."""
        try:
            return id_of(self.identity)
        except AttributeError:
            return id_of(self.choose_id())

    def choose_id(self) -> bytes:
        """Choose the id, and return the field line with it; an observed server calls this once per request."""
        given = self.head.find(NAME)
        try:  # PERF: benchmarks/logs.py: most requests have none, and there is a line for them: no call
            self.identity = line = choose_line(given) if given else take_line()
        except IndexError:
            self.identity = line = make_lines()
        return line

    @property
    def method(self) -> str:
        """GET, POST, ..."""
        return self.head.method

    @property
    def target(self) -> str:
        """The request target, as it was sent."""
        return self.head.target

    @property
    def raw_path(self) -> str:
        """The path, as it was sent: percent-encoded."""
        return self.head.path

    @property
    def path(self) -> str:
        """The path, percent-decoded, for display: routes are matched by the raw path."""
        return unquote(self.head.path)

    @property
    def raw_query(self) -> str:
        """The query string, as it was sent."""
        return self.head.query

    @property
    def query(self) -> Query:
        """The fields of the query string. Raises BadRequest if they are not UTF-8."""
        return self._cached("query", _query_of)

    @property
    def headers(self) -> Headers:
        """The header fields; names in any case."""
        return self._cached("headers", _headers_of)

    @property
    def last_event_id(self) -> str:
        """The id of the last event that a reconnecting `EventSource` received; "" for a new connection."""
        sent = self.head.values.get("last-event-id", "")
        return sent.encode("latin-1").decode(errors="replace")  # HTML, section 9.2.3

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that the client sent."""
        return self._cached("cookies", _cookies_of)

    @property
    def host(self) -> str:
        """The host of the request, with the port if the client sent one."""
        return self.head.authority

    @property
    def url(self) -> str:
        """The complete URL of the request."""
        query = f"?{self.head.query}" if self.head.query else ""
        return f"{self.origin}{MOUNT_PATH.get()}{self.head.path}{query}"

    @property
    def origin(self) -> str:
        """Scheme and host: the part of a complete URL before the path."""
        return f"{self.scheme}://{self.head.authority}"

    def url_for(self, view: object, /, **parameters: object) -> str:
        """Return the path of a view, or of a route's name, as in templates; put `origin` before it for a complete URL.

        `query` (a dict) and `fragment` are added to the path, unless it has parameters of these names. Raises NoSuchURL
        for a view without a route, and for parameters that don't fit its path.
        """
        reverse = self.reverse
        if reverse is None:
            raise NoSuchURL("this request was made without an app, so its views have no addresses")
        return reverse(view, **parameters)

    def asset(self, name: str) -> str:
        """Return the URL of a file in a `Static` folder, as in templates. Raises NoSuchURL if there is no such file."""
        if self.assets is None:
            raise NoSuchURL("this request was made without an app, so its files have no addresses")
        return self.assets(name)

    @property
    def http_version(self) -> str:
        """The HTTP version: "1.1" or "1.0"."""
        return f"1.{self.head.minor}"

    @property
    def client_cert(self) -> ClientCert | None:
        """The certificate that the client sent in the TLS handshake, None without one."""
        certificate: ClientCert | None = self.cached_value("client_cert")
        return certificate

    def cache_value(self, name: str, value: object) -> None:
        """Attach a value, for the server and the app: most requests have none, so there is no attribute for it."""
        if self.cache is None:
            self.cache = {name: value}
        else:
            self.cache.setdefault(name, value)

    def cached_value(self, name: str) -> Any:
        """Return what was attached under a name, None if nothing was."""
        return None if self.cache is None else self.cache.get(name)

    @property
    def state(self) -> dict[str, Any]:
        """A dict for the app, for example for what middleware passes to the view."""
        return self._cached("state", lambda _: {})

    def after(self, function: Callable[..., object], /, *args: object, **kwargs: object) -> None:
        """Run a background task after the response was sent: `request.after(send_mail, to=address)`.

        The function can be sync or async; several run one after the other, whatever the response is. The client does
        not wait for them. A server that shuts down waits up to `drain_seconds`.
        """
        tasks: list[Callable[[], object]] = self._cached("after", lambda _: [])
        tasks.append(partial(function, *args, **kwargs))

    @property
    def has_background_tasks(self) -> bool:
        """Whether there are any, for the server."""
        return self.cache is not None and "after" in self.cache

    def pop_background_tasks(self) -> list[Callable[[], Any]]:
        """Return the background tasks, once, for the server."""
        return self.cache.pop("after", []) if self.cache is not None else []

    # --- content ----------------------------------------------------------------------------

    @property
    def media_type(self) -> str:
        """The media type of the content, in lower case and without parameters; "" if there is none."""
        return essence_of(self.head.values.get("content-type", ""))

    @property
    def content(self) -> bytes:
        """All of the content."""
        return self.content_source.read() if self.content_source is not None else b""

    @property
    def content_stream(self) -> ContentStream:
        """The content as a stream, for a view that takes it as one; for others an empty stream."""
        return self._cached("content_stream", lambda _: ContentStream())

    @property
    def text(self) -> str:
        """The content as text. Raises BadRequest if it is not valid in its charset (UTF-8 if none is given)."""
        return decode_text(self.content, self._charset or "utf-8")

    @property
    def _charset(self) -> str:
        return charset_of(self.head.values.get("content-type", ""))

    @property
    def json(self) -> Any:
        """The content parsed as JSON. Raises UnsupportedMediaType for another type, BadRequest if it is malformed."""
        return self._cached("json", Request._read_json)

    def _read_json(self) -> Any:
        if not self.is_json:
            raise UnsupportedMediaType(
                f"send JSON (content-type: application/json), not {self.media_type or 'nothing'}"
            )
        return read_json(self.json_content)

    @property
    def json_content(self) -> bytes:
        """All of the content, to be parsed as JSON. Raises ContentTooLarge above `FormLimits.json_bytes`."""
        source = self.content_source
        if source is not None and source.size > (max_bytes := source.limits.json_bytes):
            raise limit_error(f"the JSON is over {max_bytes} bytes", "json_bytes")
        return self.content

    @property
    def decoded_size_limit(self) -> str:
        """The name of the `FormLimits` field that limits the content if it is parsed as a whole, "" for none."""
        return "json_bytes" if self.is_json else "text_bytes" if self.media_type == URLENCODED else ""

    @property
    def is_json(self) -> bool:
        """Whether the media type of the content is JSON."""
        return is_json(self.media_type)

    @property
    def form(self) -> Form:
        """The fields of a posted form. Raises UnsupportedMediaType for another type, BadRequest if it is malformed."""
        return self._cached("form", Request._read_form)

    def _read_form(self) -> Form:
        source = self.content_source
        form = self.read_form(DEFAULT_BODY_POLICY.form if source is None else source.limits)
        if self._form_token_name:
            self.cache_value("form_token", form.take_out(self._form_token_name))
        return form

    def read_form(self, limits: FormLimits) -> Form:
        """Return the fields of a posted form, under the given limits."""
        kind, source = self.media_type, self.content_source
        if (source is None or source.size == 0) and kind in ("", URLENCODED, MULTIPART):
            return Form()
        if isinstance(source, FormContent):
            return source.form()
        if kind == URLENCODED:
            if source is not None and source.size > limits.text_bytes:
                raise limit_error(f"the form is over {limits.text_bytes} bytes", "text_bytes")
            try:
                return Form(read_urlencoded(self.content.decode("ascii"), limits, self._charset))
            except UnicodeDecodeError:
                raise BadRequest("an urlencoded form contains a byte that must be percent-encoded") from None
        if kind == MULTIPART and source is not None:
            form = Form(read_multipart(source.open(), self.head.values["content-type"], limits))
            for _, value in form.pairs():
                if isinstance(value, Upload):
                    source.close_later(value.file)
            return form
        raise UnsupportedMediaType(f"send a form ({URLENCODED} or {MULTIPART}), not {kind or 'nothing'}")

    # --- content negotiation ------------------------------------------------------------------

    def accepts(self, *media_types: str) -> str | None:
        """Return the media type that the client prefers, None if it accepts none of them."""
        return best_match(self.head.values.get("accept", ""), media_types)

    def __repr__(self) -> str:
        return f"<Request {self.head.method} {self.head.target}>"


refuse_foreign_names(Request)


def _query_of(request: Request) -> Query:
    return Query(read_query(request.head.query))


def _headers_of(request: Request) -> Headers:
    return Headers(request.head.fields)


def _cookies_of(request: Request) -> dict[str, str]:
    return read_cookies(request.head.values.get("cookie", ""))


__all__ = ["Head", "Request"]
