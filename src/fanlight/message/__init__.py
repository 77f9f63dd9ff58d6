"""What a view holds: the request, the response, and what they are made of."""

from fanlight.message.client_cert import ClientCert
from fanlight.message.codecs import CODECS, CODINGS, Encoder
from fanlight.message.compression import (
    AS_USUAL,
    Compression,
    is_uncompressed,
    read_compression,
    uncompressed,
)
from fanlight.message.conditional import answer_conditionally, check_preconditions, fields_of_304, has_just_this
from fanlight.message.content import RefusedContent, SpooledContent
from fanlight.message.early_hints import NOTED, EarlyHints
from fanlight.message.encodings import COMPRESSIBLE, best_encoding, encodings_for, is_compressible
from fanlight.message.events import Event, EventStream
from fanlight.message.file_content import FileContent, Span
from fanlight.message.file_response import FileResponse, file_response
from fanlight.message.form import MultiMapping, Query
from fanlight.message.form_errors import FormErrors
from fanlight.message.handler import THREADS, Call, Encoding, Handler, Lane, encoding_of
from fanlight.message.headers import Headers, MutableHeaders, Pair
from fanlight.message.http_date import write_date
from fanlight.message.identity import id_line, id_of
from fanlight.message.json_document import (
    TooLong,
    WrittenNumber,
    decoded_json,
    has_long_number,
    read_as_written,
    refuse_deep,
    without_mark,
)
from fanlight.message.known_response import KnownResponse
from fanlight.message.lanes import MARK, lane
from fanlight.message.limits import (
    AS_EVER,
    LIMITS_MARK,
    ContentPlan,
    FormLimits,
    RouteLimits,
    Taking,
    limits,
    plan_of,
)
from fanlight.message.media_types import BYTES, media_type_by_name
from fanlight.message.multipart import Form, FormContent
from fanlight.message.request import Head, Request
from fanlight.message.response import HTML, JSON, TEXT, Pulse, Response, check_length, json_response, redirect
from fanlight.message.sources import Body, Cookie, CookieName, Field, FieldName, Header, HeaderName, WholeBody
from fanlight.message.state import State
from fanlight.message.stream import STREAMED, ContentStream
from fanlight.message.surrounded import Surrounded, around, steps_on
from fanlight.message.targets import redirect_back, safe_target
from fanlight.message.upload import Upload

__all__ = [
    "AS_EVER",
    "AS_USUAL",
    "BYTES",
    "CODECS",
    "CODINGS",
    "COMPRESSIBLE",
    "HTML",
    "JSON",
    "LIMITS_MARK",
    "MARK",
    "NOTED",
    "STREAMED",
    "TEXT",
    "THREADS",
    "Body",
    "Call",
    "ClientCert",
    "Compression",
    "ContentPlan",
    "ContentStream",
    "Cookie",
    "CookieName",
    "EarlyHints",
    "Encoder",
    "Encoding",
    "Event",
    "EventStream",
    "Field",
    "FieldName",
    "FileContent",
    "FileResponse",
    "Form",
    "FormContent",
    "FormErrors",
    "FormLimits",
    "Handler",
    "Head",
    "Header",
    "HeaderName",
    "Headers",
    "KnownResponse",
    "Lane",
    "MultiMapping",
    "MutableHeaders",
    "Pair",
    "Pulse",
    "Query",
    "RefusedContent",
    "Request",
    "Response",
    "RouteLimits",
    "Span",
    "SpooledContent",
    "State",
    "Surrounded",
    "Taking",
    "TooLong",
    "Upload",
    "WholeBody",
    "WrittenNumber",
    "answer_conditionally",
    "around",
    "best_encoding",
    "check_length",
    "check_preconditions",
    "decoded_json",
    "encoding_of",
    "encodings_for",
    "fields_of_304",
    "file_response",
    "has_just_this",
    "has_long_number",
    "id_line",
    "id_of",
    "is_compressible",
    "is_uncompressed",
    "json_response",
    "lane",
    "limits",
    "media_type_by_name",
    "plan_of",
    "read_as_written",
    "read_compression",
    "redirect",
    "redirect_back",
    "refuse_deep",
    "safe_target",
    "steps_on",
    "uncompressed",
    "without_mark",
    "write_date",
]
