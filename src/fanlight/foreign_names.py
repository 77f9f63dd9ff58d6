"""Names that people know from Flask, FastAPI, Starlette and Django, and what to write here instead.

In: a name, and the module or class that it was looked up in. Out: a hint, or "".
"""

from __future__ import annotations

from typing import NoReturn

_TABLE = 'views stand in a table: URLS = {"/": index, "POST /save": save}, app = App(URLS)'
_PARTS = (
    'a part is a table: URLS = {"/": index, "/blog": table(blog.URLS, name="blog")}, or Part(...) with templates, '
    "files and error pages of its own"
)
_MOUNT = 'put another framework\'s app into the table: URLS = {"/old": wsgi(app)}, or asgi(app)'
_HOSTS = 'each host has a table: App(Hosts({"example.org": URLS, "{user}.example.org": USER_URLS}))'
_RUN = "use `fanlight run main.py`; app itself is an ASGI application, and app.wsgi one of WSGI"
_ERROR = "raise an error: raise NotFound(), or another subclass of HTTPError"
_PAGE = 'return render("page.html", name=value)'
_TEMPLATES = "templates have it from App(URLS, templates=Templates(globals=..., filters=..., tests=..., context=...))"
_MIDDLEWARE = "middleware is a generator that yields once: App(URLS, middleware=[timing])"
_ERROR_VIEWS = "error pages stand in a table: App(URLS, errors={404: not_found, OutOfStock: sold_out})"
_LIFESPAN = "start and stop are one generator: App(URLS, lifespan=lifespan)"
_DEPENDENCY = "a dependency is a function in the annotation: def view(db: Annotated[Database, connect])"
_SESSION = 'a view takes it as a parameter: def view(session: Session); session["theme"] = "dark", session.user_id'
_SIGN_IN = "use session.sign_in(user_id) and session.sign_out(): def view(session: Session)"
_FLASH = 'a view takes it as a parameter: def view(flash: Flash); flash("Saved", "success")'
_FLASHES = "in templates: {% for message in flashes() %}{{ message }}{% endfor %}"
_SIGNER = 'a view takes it as a parameter: def view(signer: Signer); signer.sign(value, purpose="reset")'
_JSON = "return a dict, a list or a dataclass; json_response(value, status) sets a status"
_CLIENT = "from fanlight.testing import Client; with Client(app) as client: ..."
_QUERY = "use request.query: request.query.get(name); or a parameter of the view"
_AFTER = "use request.after(function, *arguments)"

# Each row: names, separated by blanks, and what to write instead.
_MODULE = {
    "Flask FastAPI Starlette Quart Sanic Bottle Litestar Application": "use App: app = App(URLS)",
    "Router Route APIRoute path re_path url route get post": _TABLE,
    "Blueprint APIRouter include include_router": _PARTS,
    "Mount mount WSGIMiddleware DispatcherMiddleware": f"{_PARTS}; {_MOUNT}",
    "Host": _HOSTS,
    "errorhandler exception_handler ExceptionMiddleware handler404 handler500": _ERROR_VIEWS,
    "require_http_methods require_GET require_POST require_safe": (
        'the method is part of the key: URLS = {"POST /save": save, "GET|PUT /notes": notes}'
    ),
    "View MethodView APIView HTTPEndpoint": 'a view is a function: URLS = {"GET /": show, "POST /": save}',
    "jsonify JSONResponse JsonResponse ORJSONResponse UJSONResponse": _JSON,
    "abort HTTPException Http404 PermissionDenied get_object_or_404 get_list_or_404": _ERROR,
    "render_template render_to_string TemplateResponse Jinja2Templates": _PAGE,
    "render_template_string": "write a template file; " + _PAGE,
    "HTMLResponse HttpResponse make_response": "return the HTML as a str; Response(content, status) sets a status",
    "PlainTextResponse": 'use Response("text", media_type="text/plain")',
    "StreamingResponse StreamingHttpResponse stream_with_context": "return Response(pieces()); pieces is a generator",
    "RedirectResponse HttpResponseRedirect": 'use redirect("/path"); permanent=True for 308',
    "EventSourceResponse ServerSentEvent": "use EventStream and Event",
    "send_file send_from_directory StaticFiles": 'use file_response(path); Static("folder") for a folder',
    "request HttpRequest": "a view takes it as a parameter: def view(request: Request)",
    "session SessionMiddleware SessionStore SecureCookieSessionInterface": _SESSION,
    "flash messages": _FLASH,
    "get_flashed_messages get_messages": _FLASHES,
    "login login_user logout logout_user LoginManager": _SIGN_IN,
    "TimestampSigner URLSafeTimedSerializer URLSafeSerializer": _SIGNER,
    "g current_app": "values for one request: request.state; for the site: a module, or the lifespan's `State`",
    "url_for reverse": "use request.url_for(view), app.url_for(view), and url_for(view) in templates",
    "Depends Inject Provide": _DEPENDENCY,
    "BackgroundTasks BackgroundTask": _AFTER,
    "UploadFile File FileStorage": "use Upload: def view(photo: Upload)",
    "Path PathParam": 'a parameter named in the path: "/post/{id}" and def post(id: int)',
    "Param QueryParam QueryParams FormData MultiDict": "use request.query and request.form; or a parameter of the view",
    "WebSocketDisconnect ConnectionClosed": "use WebSocketClosed; or `async for message in socket`, which ends then",
    "CORSMiddleware cors cross_origin": "put CORS around a table or a view: CORS(origins=[...])(API)",
    "csrf csrf_protect CSRFProtect CsrfViewMiddleware CSRFMiddleware generate_csrf": (
        "pages of other sites are refused without tokens; there is nothing to switch on"
    ),
    "csrf_exempt": "put cross_site around the view in URLS, or above it: @cross_site",
    "Talisman SecurityMiddleware SecureHeaders xframe_options_exempt": "use App(URLS, security=Security(...))",
    "TrustedHostMiddleware HTTPSRedirectMiddleware": "these are settings: --hosts, --redirect-from",
    "Middleware BaseHTTPMiddleware GZipMiddleware": _MIDDLEWARE + "; compression is built in",
    "TestClient Client RequestFactory AsyncClient": _CLIENT,
    "status HTTPStatus": "a status is a number: Response(content, 201), or an error: raise NotFound()",
    "model_validator field_validator root_validator validator": (
        "write __post_init__, which may raise ValueError; the bounds of one value are in msgspec's Meta"
    ),
    "forms ModelForm FlaskForm": "fields are parameters of the view; errors: FormErrors has what is wrong with them",
    "models transaction close_old_connections SQLAlchemy": (
        "use any database by its library; a dependency opens it: Database = Annotated[sqlite3.Connection, connect]"
    ),
    "template Library register": _TEMPLATES,
    "AppConfig": _LIFESPAN,
    "get_wsgi_application get_asgi_application": _RUN,
    "execute_from_command_line call_command BaseCommand": "use `fanlight`; for a command of your own write a program",
    "admin": _MOUNT,
    "secure_filename": "use upload.save_in(folder), which chooses a safe name",
    "BaseModel": "use a dataclass or a msgspec.Struct as the type of a parameter",
    "HTTPBearer HTTPAuthorizationCredentials OAuth2PasswordBearer": (
        "a view takes the token as a parameter: def view(token: BearerToken)"
    ),
    "HTTPBasic HTTPBasicCredentials": "a view takes them as a parameter: def view(given: BasicCredentials)",
    "APIKeyHeader APIKeyQuery APIKeyCookie": 'a view takes the key as a parameter: Key = api_key("X-Key")',
    "authenticate": f"use verify_password(password, stored), then session.sign_in(user_id): {_SESSION}",
    "User AbstractUser": "accounts are in a table of yours; " + _SIGN_IN,
    "login_required permission_required user_passes_test current_user LoginRequiredMixin": (
        "write a dependency that raises Unauthorized or Forbidden: User = Annotated[Account, signed_in]"
    ),
    "check_password_hash check_password PasswordHasher CryptContext": (
        "use verify_password(password, stored), which reads what Werkzeug, Django and bcrypt have stored, too"
    ),
    "Limiter limiter ratelimit RateLimiter throttle": 'mark a view or a table: @rate_limit("10/minute")',
    "generate_password_hash make_password": "use hash_password(password)",
    "escape Markup": "from markupsafe; templates escape by themselves",
    "run serve": "use app.run(), or `fanlight dev main.py`",
}
_APP = {
    "route get post put patch delete head options websocket add_url_rule add_route add_api_route api_route"
    " add_api_websocket_route": _TABLE,
    "register_blueprint include_router": _PARTS,
    "mount": f"{_PARTS}; {_MOUNT}",
    "host": _HOSTS,
    "errorhandler exception_handler register_error_handler add_exception_handler": _ERROR_VIEWS,
    "context_processor template_filter template_test template_global jinja_env jinja_options": _TEMPLATES,
    "add_template_filter add_template_test add_template_global app_context_processor": _TEMPLATES,
    "middleware add_middleware before_request after_request teardown_request use": _MIDDLEWARE,
    "on_event before_serving after_serving teardown_appcontext": _LIFESPAN,
    "test_client": _CLIENT,
    "cli shell_context_processor": "write a program with click; `fanlight shell` is included",
    "logger": "use logging.getLogger(__name__)",
    "wsgi_app asgi": _RUN,
    "config secret_key": "keep settings in a module or in os.environ",
    "dependency_overrides": "from fanlight.testing import Client; Client(app, overrides={connect: fake})",
    "listen": "use app.run(), or `fanlight dev main.py`",
}
_REQUEST_NAMES = {
    "args GET query_params query_string values": _QUERY,
    "POST FILES files": "use request.form: request.form.get(name); or a parameter of the view",
    "get_json": "use request.json; or a parameter with a type, which is validated",
    "data body get_data": "use request.content (bytes) or request.text",
    "path_params view_args": "use request.params; or a parameter of the view",
    "META environ user_agent authorization scope": 'use request.headers.get("User-Agent")',
    "COOKIES": "use request.cookies",
    "remote_addr access_route": "use request.client",
    "content_type mimetype": "use request.media_type",
    "content_length": 'use request.headers.get("Content-Length")',
    "is_secure": 'use request.scheme == "https"',
    "get_host host_url": "use request.host",
    "base_url url_root full_path get_full_path build_absolute_uri": "use request.url, or request.target",
    "accept_mimetypes": 'use request.accepts("text/html", "application/json")',
    "stream": "use request.content_stream",
    "session": _SESSION,
    "user": "a view takes the session: def view(session: Session), with session.user_id",
    "app endpoint": "values for one request are in request.state",
    "background": _AFTER,
}
_RESPONSE_NAMES = {
    "status_code status_int": "use response.status",
    "data body text get_data set_data body_iterator streaming_content": "use response.content",
    "mimetype content_type": "use response.media_type",
    "content_length": "use response.length",
    "raw_headers header": "use response.headers",
    "add_header": "use response.headers.add(name, value)",
    "cache_control": 'use response.headers["cache-control"] = "max-age=60"',
    "set_etag": 'use response.headers["etag"] = ...',
    "set_signed_cookie": f"keep it in the session, which is signed: {_SESSION}",
    "background call_on_close": _AFTER,
}
_TESTING = {
    "TestClient AsyncClient RequestFactory FlaskClient": "use Client",
    "Response": "use ClientResponse",
    "LiveServerTestCase": "use LiveServer",
}
_TABLES = {
    "fanlight": _MODULE,
    "fanlight.testing": _TESTING,
    "App": _APP,
    "Request": _REQUEST_NAMES,
    "Response": _RESPONSE_NAMES,
}


def names_of(owner: str) -> dict[str, str]:
    """Return the foreign names of a module or class, each with what to write instead."""
    return {name: hint for names, hint in _TABLES[owner].items() for name in names.split()}


def hint_for(owner: str, name: str) -> str:
    """Return what to write instead of a name, to be put behind a message; "" if no other framework has it."""
    hint = names_of(owner).get(name, "")
    return f"; {hint}" if hint else ""


class ForeignName:
    """An attribute that another framework has: reading it raises an AttributeError that says what to write here."""

    __slots__ = ("_message", "_name")

    def __init__(self, owner: str, name: str, hint: str) -> None:
        self._name, self._message = name, f"{'an' if owner == 'App' else 'a'} {owner} has no {name}; {hint}"

    def __get__(self, instance: object, owner: type | None = None) -> NoReturn:
        raise AttributeError(self._message, name=self._name, obj=owner if instance is None else instance)


def refuse_foreign_names(owner: type) -> None:
    """Set a ForeignName for each name in the table of a class.

    PERF: benchmarks/stages.py: with a `__getattr__` instead, Python could not specialize any attribute access.
    """
    for name, hint in names_of(owner.__name__).items():
        setattr(owner, name, ForeignName(owner.__name__, name, hint))


def missing_name(module: str, name: str, importer: str) -> Exception:
    """Return the error for a name that a module does not have, whose `__getattr__` was called from `importer`.

    It is an AttributeError, so that `hasattr` works, but an ImportError in `from fanlight import jsonify`, where Python
    would replace an AttributeError by one of its own, without the hint.
    """
    hint = hint_for(module, name)
    if hint and importer == "importlib._bootstrap":
        return ImportError(f"cannot import name {name!r} from {module!r}{hint}", name=module)
    return AttributeError(f"module {module!r} has no attribute {name!r}{hint}")
