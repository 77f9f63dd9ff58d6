"""Fanlight: a small web framework that carries its own HTTP server.

Everything that a site imports is here. A name is loaded when it is first used, so a short script does not pay for
the parts that it leaves alone.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fanlight.bootstrap import is_command as _is_command  # noqa: F401 - before all that takes time to load

if TYPE_CHECKING:
    from fanlight.binding.credentials import BasicCredentials, BearerToken, NameAndPassword, api_key
    from fanlight.binding.markers import Body, Cookie, CookieName, Field, FieldName, Header, HeaderName
    from fanlight.compression.compression_settings import Compression, uncompressed
    from fanlight.errors import (
        AddressUnavailable,
        AppError,
        BadField,
        BadRequest,
        BadSignature,
        BusUnavailable,
        Conflict,
        ContentTooLarge,
        FanlightError,
        Forbidden,
        Gone,
        HTTPError,
        InsufficientStorage,
        InternalServerError,
        InvalidResponse,
        InvalidSetting,
        LengthRequired,
        MethodNotAllowed,
        MisdirectedRequest,
        MissedMessages,
        NoSuchURL,
        NotAcceptable,
        NotFound,
        NotImplementedByServer,
        PreconditionFailed,
        ServerError,
        ServiceUnavailable,
        SetupError,
        SignatureExpired,
        StoreUnavailable,
        TemplateError,
        TooManyRequests,
        Unauthorized,
        UnprocessableContent,
        UnsupportedMediaType,
        UpgradeRequired,
    )
    from fanlight.foreign.guest import asgi, wsgi
    from fanlight.message.app_state import State
    from fanlight.message.body_policy import FormLimits, limits
    from fanlight.message.client_cert import ClientCert
    from fanlight.message.conditional import check_preconditions
    from fanlight.message.content import ContentStream
    from fanlight.message.early_hints import EarlyHints
    from fanlight.message.events import Event, EventStream
    from fanlight.message.file_response import FileResponse, file_response
    from fanlight.message.form import FormErrors, Query
    from fanlight.message.headers import Headers, MutableHeaders
    from fanlight.message.hosts import Hosts
    from fanlight.message.image_check import Image
    from fanlight.message.image_facts import ImageFacts
    from fanlight.message.lane import lane
    from fanlight.message.multipart import Form
    from fanlight.message.nested_table import table
    from fanlight.message.part import Part
    from fanlight.message.request import Request
    from fanlight.message.response import Response, json_response, redirect
    from fanlight.message.safe_targets import redirect_back, safe_target
    from fanlight.message.security_scheme import security_scheme
    from fanlight.message.upload import Upload
    from fanlight.message.websocket import BlockingWebSocket, InvalidMessage, WebSocket, WebSocketClosed
    from fanlight.message.with_middleware import middleware
    from fanlight.openapi.openapi_mark import in_openapi
    from fanlight.openapi.openapi_settings import OpenAPI
    from fanlight.pages.page import render
    from fanlight.pages.static.static import Static
    from fanlight.pages.templates import Templates
    from fanlight.passwords.passwords import hash_password, needs_rehash, verify_password
    from fanlight.protection.content_security_policy import ContentSecurityPolicy
    from fanlight.protection.cors import CORS
    from fanlight.protection.cross_site import cross_site
    from fanlight.protection.rate_limits import rate_limit
    from fanlight.protection.security import Security
    from fanlight.sessions.flash import Flash
    from fanlight.sessions.session import Session
    from fanlight.sessions.session_settings import Sessions
    from fanlight.sessions.signer import Signer
    from fanlight.settings.limits import Limits
    from fanlight.site.app import App
    from fanlight.topics.topic import Topic

_MODULES = {
    # The application
    "App": "fanlight.site.app",
    "Compression": "fanlight.compression.compression_settings",
    "Hosts": "fanlight.message.hosts",
    "Limits": "fanlight.settings.limits",
    "Sessions": "fanlight.sessions.session_settings",
    "Static": "fanlight.pages.static.static",
    "Templates": "fanlight.pages.templates",
    "Part": "fanlight.message.part",
    "OpenAPI": "fanlight.openapi.openapi_settings",
    "in_openapi": "fanlight.openapi.openapi_mark",
    "lane": "fanlight.message.lane",
    "limits": "fanlight.message.body_policy",
    "middleware": "fanlight.message.with_middleware",
    "rate_limit": "fanlight.protection.rate_limits",
    "table": "fanlight.message.nested_table",
    "uncompressed": "fanlight.compression.compression_settings",
    # Other frameworks
    "asgi": "fanlight.foreign.guest",
    "wsgi": "fanlight.foreign.guest",
    # Protection
    "CORS": "fanlight.protection.cors",
    "ContentSecurityPolicy": "fanlight.protection.content_security_policy",
    "Security": "fanlight.protection.security",
    "cross_site": "fanlight.protection.cross_site",
    # Requests
    "BasicCredentials": "fanlight.binding.credentials",
    "BearerToken": "fanlight.binding.credentials",
    "Body": "fanlight.binding.markers",
    "ClientCert": "fanlight.message.client_cert",
    "ContentStream": "fanlight.message.content",
    "Cookie": "fanlight.binding.markers",
    "CookieName": "fanlight.binding.markers",
    "Field": "fanlight.binding.markers",
    "FieldName": "fanlight.binding.markers",
    "Form": "fanlight.message.multipart",
    "FormErrors": "fanlight.message.form",
    "FormLimits": "fanlight.message.body_policy",
    "Header": "fanlight.binding.markers",
    "HeaderName": "fanlight.binding.markers",
    "Headers": "fanlight.message.headers",
    "Image": "fanlight.message.image_check",
    "ImageFacts": "fanlight.message.image_facts",
    "NameAndPassword": "fanlight.binding.credentials",
    "Query": "fanlight.message.form",
    "Request": "fanlight.message.request",
    "State": "fanlight.message.app_state",
    "Upload": "fanlight.message.upload",
    "api_key": "fanlight.binding.credentials",
    "security_scheme": "fanlight.message.security_scheme",
    # WebSockets
    "BlockingWebSocket": "fanlight.message.websocket",
    "InvalidMessage": "fanlight.message.websocket",
    "WebSocket": "fanlight.message.websocket",
    "WebSocketClosed": "fanlight.message.websocket",
    # Topics
    "BusUnavailable": "fanlight.errors",
    "MissedMessages": "fanlight.errors",
    "Topic": "fanlight.topics.topic",
    # Sessions
    "Flash": "fanlight.sessions.flash",
    "Session": "fanlight.sessions.session",
    "Signer": "fanlight.sessions.signer",
    # Responses
    "EarlyHints": "fanlight.message.early_hints",
    "Event": "fanlight.message.events",
    "EventStream": "fanlight.message.events",
    "FileResponse": "fanlight.message.file_response",
    "MutableHeaders": "fanlight.message.headers",
    "Response": "fanlight.message.response",
    "check_preconditions": "fanlight.message.conditional",
    "file_response": "fanlight.message.file_response",
    "json_response": "fanlight.message.response",
    "redirect": "fanlight.message.response",
    "redirect_back": "fanlight.message.safe_targets",
    "render": "fanlight.pages.page",
    "safe_target": "fanlight.message.safe_targets",
    # Accounts
    "hash_password": "fanlight.passwords.passwords",
    "needs_rehash": "fanlight.passwords.passwords",
    "verify_password": "fanlight.passwords.passwords",
    # Errors that a view raises: each becomes a response
    "BadField": "fanlight.errors",
    "BadRequest": "fanlight.errors",
    "BadSignature": "fanlight.errors",
    "Conflict": "fanlight.errors",
    "ContentTooLarge": "fanlight.errors",
    "Forbidden": "fanlight.errors",
    "Gone": "fanlight.errors",
    "HTTPError": "fanlight.errors",
    "InsufficientStorage": "fanlight.errors",
    "InternalServerError": "fanlight.errors",
    "LengthRequired": "fanlight.errors",
    "MethodNotAllowed": "fanlight.errors",
    "MisdirectedRequest": "fanlight.errors",
    "NotAcceptable": "fanlight.errors",
    "NotFound": "fanlight.errors",
    "NotImplementedByServer": "fanlight.errors",
    "PreconditionFailed": "fanlight.errors",
    "ServiceUnavailable": "fanlight.errors",
    "SignatureExpired": "fanlight.errors",
    "StoreUnavailable": "fanlight.errors",
    "TooManyRequests": "fanlight.errors",
    "Unauthorized": "fanlight.errors",
    "UnprocessableContent": "fanlight.errors",
    "UnsupportedMediaType": "fanlight.errors",
    "UpgradeRequired": "fanlight.errors",
    # Errors of a site and of a server
    "AddressUnavailable": "fanlight.errors",
    "AppError": "fanlight.errors",
    "FanlightError": "fanlight.errors",
    "InvalidResponse": "fanlight.errors",
    "InvalidSetting": "fanlight.errors",
    "NoSuchURL": "fanlight.errors",
    "ServerError": "fanlight.errors",
    "SetupError": "fanlight.errors",
    "TemplateError": "fanlight.errors",
}

__all__ = [  # noqa: RUF022 - by code point
    "AddressUnavailable",
    "App",
    "AppError",
    "BadField",
    "BadRequest",
    "BadSignature",
    "BasicCredentials",
    "BearerToken",
    "BlockingWebSocket",
    "Body",
    "BusUnavailable",
    "CORS",
    "ClientCert",
    "Compression",
    "Conflict",
    "ContentSecurityPolicy",
    "ContentStream",
    "ContentTooLarge",
    "Cookie",
    "CookieName",
    "EarlyHints",
    "Event",
    "EventStream",
    "FanlightError",
    "Field",
    "FieldName",
    "FileResponse",
    "Flash",
    "Forbidden",
    "Form",
    "FormErrors",
    "FormLimits",
    "Gone",
    "HTTPError",
    "Header",
    "HeaderName",
    "Headers",
    "Hosts",
    "Image",
    "ImageFacts",
    "InsufficientStorage",
    "InternalServerError",
    "InvalidMessage",
    "InvalidResponse",
    "InvalidSetting",
    "LengthRequired",
    "Limits",
    "MethodNotAllowed",
    "MisdirectedRequest",
    "MissedMessages",
    "MutableHeaders",
    "NameAndPassword",
    "NoSuchURL",
    "NotAcceptable",
    "NotFound",
    "NotImplementedByServer",
    "OpenAPI",
    "Part",
    "PreconditionFailed",
    "Query",
    "Request",
    "Response",
    "Security",
    "ServerError",
    "ServiceUnavailable",
    "Session",
    "Sessions",
    "SetupError",
    "SignatureExpired",
    "Signer",
    "State",
    "Static",
    "StoreUnavailable",
    "TemplateError",
    "Templates",
    "TooManyRequests",
    "Topic",
    "Unauthorized",
    "UnprocessableContent",
    "UnsupportedMediaType",
    "UpgradeRequired",
    "Upload",
    "WebSocket",
    "WebSocketClosed",
    "api_key",
    "asgi",
    "check_preconditions",
    "cross_site",
    "file_response",
    "hash_password",
    "in_openapi",
    "json_response",
    "lane",
    "limits",
    "middleware",
    "needs_rehash",
    "rate_limit",
    "redirect",
    "redirect_back",
    "render",
    "safe_target",
    "security_scheme",
    "table",
    "uncompressed",
    "verify_password",
    "wsgi",
]


if not TYPE_CHECKING:  # a type checker reads the imports above

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first used (PEP 562)."""
        module = _MODULES.get(name)
        if module is None:
            from fanlight.foreign_names import missing_name  # noqa: PLC0415 - for a mistake only

            raise missing_name(__name__, name, sys._getframe(1).f_globals["__name__"])  # noqa: SLF001 - the importer
        value = getattr(import_module(module), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
