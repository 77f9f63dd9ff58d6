"""What a view holds: the request, the response, and what they are made of."""

from fanlight.message.client_cert import ClientCert
from fanlight.message.content import SpooledContent
from fanlight.message.form import FormLimits, MultiMapping, Query
from fanlight.message.handler import Call, Handler, Lane
from fanlight.message.headers import Headers, MutableHeaders
from fanlight.message.identity import id_of
from fanlight.message.lanes import MARK, lane
from fanlight.message.multipart import Form, Upload
from fanlight.message.request import Head, Request
from fanlight.message.response import BYTES, HTML, JSON, TEXT, Response, file_response, json_response, redirect

__all__ = [
    "BYTES",
    "HTML",
    "JSON",
    "MARK",
    "TEXT",
    "Call",
    "ClientCert",
    "Form",
    "FormLimits",
    "Handler",
    "Head",
    "Headers",
    "Lane",
    "MultiMapping",
    "MutableHeaders",
    "Query",
    "Request",
    "Response",
    "SpooledContent",
    "Upload",
    "file_response",
    "id_of",
    "json_response",
    "lane",
    "redirect",
]
