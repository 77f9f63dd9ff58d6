"""What a view holds: the request, the response, and what they are made of."""

from fanlight.message.client_cert import ClientCert
from fanlight.message.content import SpooledContent
from fanlight.message.form import FormLimits, MultiMapping, Query
from fanlight.message.form_errors import FormErrors
from fanlight.message.handler import Call, Handler, Lane
from fanlight.message.headers import Headers, MutableHeaders
from fanlight.message.identity import id_of
from fanlight.message.lanes import MARK, lane
from fanlight.message.multipart import Form, Upload
from fanlight.message.request import Head, Request
from fanlight.message.response import BYTES, HTML, JSON, TEXT, Response, file_response, json_response, redirect
from fanlight.message.sources import Cookie, CookieName, Header, HeaderName
from fanlight.message.state import State
from fanlight.message.surrounded import Surrounded, around, steps_on

__all__ = [
    "BYTES",
    "HTML",
    "JSON",
    "MARK",
    "TEXT",
    "Call",
    "ClientCert",
    "Cookie",
    "CookieName",
    "Form",
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
    "SpooledContent",
    "State",
    "Surrounded",
    "Upload",
    "around",
    "file_response",
    "id_of",
    "json_response",
    "lane",
    "redirect",
    "steps_on",
]
