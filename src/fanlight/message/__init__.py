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
from fanlight.message.content import SpooledContent
from fanlight.message.encodings import COMPRESSIBLE, best_encoding, is_compressible
from fanlight.message.form import MultiMapping, Query
from fanlight.message.form_errors import FormErrors
from fanlight.message.handler import Call, Encoding, Handler, Lane, encoding_of
from fanlight.message.headers import Headers, MutableHeaders, Pair
from fanlight.message.identity import id_of
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
from fanlight.message.multipart import Form, FormContent
from fanlight.message.request import Head, Request
from fanlight.message.response import BYTES, HTML, JSON, TEXT, Response, file_response, json_response, redirect
from fanlight.message.sources import Cookie, CookieName, Header, HeaderName
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
    "STREAMED",
    "TEXT",
    "Call",
    "ClientCert",
    "Compression",
    "ContentPlan",
    "ContentStream",
    "Cookie",
    "CookieName",
    "Encoder",
    "Encoding",
    "Form",
    "FormContent",
    "FormErrors",
    "FormLimits",
    "Handler",
    "Head",
    "Header",
    "HeaderName",
    "Headers",
    "Lane",
    "MultiMapping",
    "MutableHeaders",
    "Pair",
    "Query",
    "Request",
    "Response",
    "RouteLimits",
    "SpooledContent",
    "State",
    "Surrounded",
    "Taking",
    "Upload",
    "around",
    "best_encoding",
    "encoding_of",
    "file_response",
    "id_of",
    "is_compressible",
    "is_uncompressed",
    "json_response",
    "lane",
    "limits",
    "plan_of",
    "read_compression",
    "redirect",
    "redirect_back",
    "safe_target",
    "steps_on",
    "uncompressed",
]
