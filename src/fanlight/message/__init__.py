"""What a view holds: the request, the response, and what they are made of."""

from fanlight.message.client_cert import ClientCert
from fanlight.message.content import SpooledContent
from fanlight.message.form import MultiMapping, Query
from fanlight.message.form_errors import FormErrors
from fanlight.message.handler import Call, Handler, Lane
from fanlight.message.headers import Headers, MutableHeaders
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
    "BYTES",
    "HTML",
    "JSON",
    "LIMITS_MARK",
    "MARK",
    "STREAMED",
    "TEXT",
    "Call",
    "ClientCert",
    "ContentPlan",
    "ContentStream",
    "Cookie",
    "CookieName",
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
    "file_response",
    "id_of",
    "json_response",
    "lane",
    "limits",
    "plan_of",
    "redirect",
    "redirect_back",
    "safe_target",
    "steps_on",
]
