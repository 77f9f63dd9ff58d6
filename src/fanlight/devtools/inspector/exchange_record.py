"""What is kept of one exchange: a request, its way through the house, and its response.

The recorder makes these records, the store keeps them (as msgpack), the pages, the exports and the replay read them.
All times are seconds since the exchange began, `began_at` excepted. What is too big is cut, and the record says so.
`gc=False`: they refer to nothing that refers to them, so the collector need not look at the thousands of them.
Nothing is masked here: the record never leaves the process but through a view that masks (`secrets.py`).
"""

from __future__ import annotations

from msgspec import Struct


class Piece(Struct, array_like=True, gc=False):
    """Bytes that were received or sent together."""

    at: float
    data: bytes  # at most what the recorder keeps; `size` has the true length
    size: int
    wanted: int = 0  # sent pieces: how many bytes were offered; more than `size` means that the client was slow


class ConnectionInfo(Struct):
    """The connection of an exchange."""

    number: int  # of the connection, since the development server started
    client: str  # its address, "" for a unix socket
    earlier: int  # requests on this connection before this one
    tls: str = ""  # "TLSv1.3, TLS_AES_256_GCM_SHA384", "" without TLS
    age: float = 0.0  # seconds from its accept to the beginning of this exchange


class Refusal(Struct):
    """Why a message was refused before any view ran."""

    status: int
    rule: str  # the whole message of the ProtocolError
    source: str = ""  # "RFC 9112 section 3.2", where the message names one
    offset: int = -1  # of the first byte at fault, in the received bytes; -1 if that is not one byte
    end: int = -1


class Candidate(Struct):
    """A route that was considered."""

    methods: str
    pattern: str
    view: str
    place: str  # "main.py:12"
    reason: str  # why it matched or did not
    is_chosen: bool = False


class Parameter(Struct, gc=False):
    """A parameter of the view, and where its value came from."""

    name: str
    source: str  # "path", "query", "form", "JSON body", "header", "cookie", "dependency", "request", "default" ...
    annotation: str
    raw: str | None  # as it was sent; None: it was not
    value: str  # repr of what the view got, cut; "" if it got nothing
    complaint: str = ""

    def fill(self, value: str) -> None:
        """Set what the view got, where that is known only when it is called."""
        self.value = value


class Span(Struct, gc=False):
    """A stretch of work on the way: spans nest by their times."""

    kind: str  # "middleware", "dependency", "arguments", "view", "error view", "response", "template", "query" ...
    name: str
    begin: float
    end: float  # -1 while it runs
    inner: tuple[float, float] | None = None  # middleware: when the rest of the way began and ended in it
    place: str = ""  # where it is written
    detail: dict[str, str] = {}  # queries: "sql", "rows"; templates: "context" entries as name -> "type, size"
    error: str = ""  # the exception that left it

    def enclose(self, begin: float, end: float) -> None:
        """Note when what it encloses has run."""
        self.inner = begin, end

    def describe(self, detail: dict[str, str]) -> None:
        """Add details."""
        self.detail = {**self.detail, **detail}

    def end_now(self, now: float, error: BaseException | None = None) -> None:
        """End it; `error` has left it."""
        self.end = now
        if error is not None:
            self.error = type(error).__name__


class LogLine(Struct, gc=False):
    """A log record made during the exchange."""

    at: float
    level: str
    logger: str
    text: str


class Frame(Struct, gc=False):
    """A frame of a WebSocket."""

    at: float
    is_received: bool
    kind: str  # "text", "bytes", "ping", "pong", "close", "continuation", with what is unusual of it
    size: int  # of its payload, as it was sent
    start: str  # text, decompressed; of bytes in hexadecimal; of a close frame its code and reason


class FieldOrigin(Struct, gc=False):
    """A field of the response, and what set it."""

    name: str
    value: str
    origin: str  # "view", "error view lost", "middleware timing", "Fanlight: media type of the page", "wire" ...


class ErrorReport(Struct):
    """The exception of a view, for the inspector; the debug page has more."""

    kind: str
    message: str
    text: str  # the folded traceback, as in the terminal


class Run(Struct):
    """Where and how the call ran."""

    lane: str  # "inline", "thread", "task"
    reason: str  # why this lane: "a plain view, fast so far", "pinned by @lane" ...
    thread: str = ""
    waited: float = 0.0  # from the complete request to the beginning of the call
    began: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0  # 0: not measured, as too many requests came at once
    stacks: list[str] = []  # samples of a view that blocked


class Exchange(Struct):
    """One request and its response, or a message that never became a request."""

    id: str  # unique for the development server: "003-00017", generation and number; sorts by time in a generation
    began_at: float  # wall clock, seconds since 1970, of its first byte
    connection: ConnectionInfo
    outcome: str = "open"  # "done", "refused", "cut off" (by the client), "timed out", "failed" (by us, or a handshake)
    method: str = ""
    target: str = ""
    version: str = ""
    status: int = 0
    route: str = ""  # "GET /posts/{slug}", "" if none matched
    view: str = ""  # "main.post"
    view_place: str = ""  # "main.py:12"
    request_id: str = ""
    generation: int = 0  # of the code that served it
    seconds: float = 0.0  # from the first byte to the last byte sent
    received: list[Piece] = []
    received_bytes: int = 0
    sent: list[Piece] = []  # as they left, head included
    sent_bytes: int = 0
    head_end: int = 0  # offset in `received` behind the head; 0 if it never was complete
    request_content: bytes = b""  # decoded from its framing, cut
    response_fields: list[FieldOrigin] = []
    response_content: bytes = b""  # before compression, cut; of a stream what came first
    content_bytes: int = 0  # of the response before compression
    encoded_bytes: int = 0  # after it; 0 if it was not compressed
    head_at: float = 0.0  # the head was complete
    content_at: float = 0.0  # the content was complete
    response_at: float = 0.0  # the response was made
    refusal: Refusal | None = None
    candidates: list[Candidate] = []
    parameters: list[Parameter] = []
    run: Run | None = None
    spans: list[Span] = []
    logs: list[LogLine] = []
    frames: list[Frame] = []  # of a WebSocket
    error: ErrorReport | None = None
    note: str = ""  # a line for people: why it was refused, what to change
    is_cut: bool = False  # something of it was too big to be kept
