"""Decide where each parameter of a view comes from, once, before the port opens.

In: a view's signature, and the path's parameters with their converters. Out: a `Binding`. Rejects, as mistakes with the
view's location and a hint, every parameter that no request could fill, and every name in the path that no parameter
takes, neither of the view nor of a dependency.

    a name in the path                    that segment; 404 if it can't be converted
    `request`, or annotated `Request`     the request
    annotated `Cookie`, `Header`          a cookie, a header field
    annotated `State`, `FormErrors`       the app's state; the errors of a form
    annotated with a function             a dependency: what the function returns or yields
    a dataclass or msgspec.Struct         the whole body (JSON, or a form); without a body, the whole query
    annotated `EarlyHints`                sends early hints, for what the browser should load meanwhile
    annotated `ContentStream`             the content as a stream; fields beside it come from the query
    `Upload`, `list[Upload]`              a file of a posted form
    any other                             with a body: a field of it; without, or beside a whole body: of the query
    `*names`                              nothing; `**names` takes the remaining path parameters
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from fanlight.binding.annotations import Marker, describe_marker
from fanlight.binding.arguments import Binding
from fanlight.binding.callables import Dependency
from fanlight.binding.convert import identity, path_coercer, text_parser
from fanlight.binding.defaults import RESERVED_NAMES, default_error
from fanlight.binding.describe import annotation_text, type_hint, unused_path_hint
from fanlight.binding.fields import InputField, InputFields, RecordInput, input_field, record_input
from fanlight.binding.form_redisplay import FormRedisplay
from fanlight.binding.kinds import COLLECTIONS, contains_upload, is_mutable, split_optional
from fanlight.binding.markers import CookieName, FieldName, HeaderName, WholeBody
from fanlight.binding.sentinels import MISSING, OMIT
from fanlight.binding.signature import ANNOTATION_ERRORS, Parameter, Signature, annotation_hint
from fanlight.binding.signatures_below import signatures_below
from fanlight.closest_name import closest_name
from fanlight.errors import Mistake, SetupError
from fanlight.message.app_state import State
from fanlight.message.content import ContentStream
from fanlight.message.early_hints import EarlyHints
from fanlight.message.form import FormErrors
from fanlight.message.request import Request

if TYPE_CHECKING:
    from fanlight.binding.body import BodyReader
    from fanlight.binding.input_parameter import InputParameter

BODY_METHODS = frozenset({"POST", "PUT", "PATCH", "QUERY"})
_ONLY_VIEWS: Mapping[Marker, str] = {
    ContentStream: "takes the content as a stream",
    EarlyHints: "sends early hints",
    FormErrors: "takes the errors of a form",
}
_QUERY_TYPES = "a query has strings, numbers, dates and lists of them"


def bind(
    signature: Signature,
    path: Mapping[str, str],
    *,
    has_body: bool,
    has_body_methods: bool = False,
    is_dependency: bool = False,
    host: Collection[str] = (),
) -> Binding:
    """Return where a view's arguments come from. Raises SetupError with all that can't come from anywhere.

    `path` has the converter of each name in the path. `has_body` is whether the methods bring content, and
    `has_body_methods` whether other methods of the route do, so that with these a form is only shown. A dependency
    may ignore the path, and all its fields come from the query. The names in `host`, of `path`, are those of parameters
    of the host, which a view may ignore as well.
    """
    binder = _Binder(signature, path, has_body=has_body, is_dependency=is_dependency, host=host)
    return binder.bind(is_initial=has_body_methods and not has_body)


class _Binder:
    """Binds one view to one path, and collects all mistakes."""

    def __init__(
        self,
        signature: Signature,
        path: Mapping[str, str],
        *,
        has_body: bool,
        is_dependency: bool,
        host: Collection[str] = (),
    ) -> None:
        self._signature, self._host = signature, host
        self._path = path
        self._has_body = has_body
        self._is_dependency = is_dependency
        self._mistakes: list[Mistake] = []
        self._coercers: dict[str, Callable[[Any], object] | None] = {}
        self._requests: list[str] = []
        self._states: list[str] = []
        self._dependencies: dict[str, Dependency] = {}
        self._cookies: list[InputField] = []
        self._headers: list[InputField] = []
        self._taken: dict[Marker, str] = {}  # the parameters for what only a view can take, once
        self._query: InputFields | None = None
        self._query_record: tuple[str, RecordInput] | None = None
        self._body: BodyReader | None = None
        self._shares_path = False

    def _refuse(self, message: str, hint: str = "") -> None:
        self._mistakes.append(self._signature.mistake(message, hint))

    def bind(self, *, is_initial: bool) -> Binding:
        """Return the binding; `is_initial`: a form is only shown. Raises SetupError with all mistakes."""
        found = self._bind_parameters()
        if not self._is_dependency:
            self._check_path([each.name for each in found if not each.has_default and text_parser(each.kind)])
        if not self._mistakes:
            # Where a form is only shown, nothing that needs content can be sent, and it is None, or an empty list.
            sent = [each for each in found if each.can_be_query] if FormErrors in self._taken and is_initial else found
            if sent:
                self._bind_sent(sent)
        if self._mistakes:
            raise SetupError(self._mistakes)
        return Binding(
            path=self._coercers,
            requests=self._requests,
            states=self._states,
            dependencies=self._dependencies,
            headers=InputFields(tuple(self._headers), "header") if self._headers else None,
            cookies=InputFields(tuple(self._cookies), "cookie") if self._cookies else None,
            errors=self._redisplay(found, is_initial=is_initial) if FormErrors in self._taken else None,
            query=self._query,
            query_record=self._query_record,
            body=self._body,
            stream=self._taken.get(ContentStream, ""),
            hints=self._taken.get(EarlyHints, ""),
            mutable_defaults={
                each.name: each.default for each in self._signature.parameters if is_mutable(each.default)
            },
            shares_path=self._shares_path,
        )

    def _bind_parameters(self) -> list[InputParameter]:
        """Bind every parameter that has its own source, and return the others, which a client sends."""
        found: list[InputParameter] = []
        view = self._signature.name
        for parameter in self._signature.parameters:
            marker = parameter.marker
            if self._is_misplaced(parameter):
                continue
            if parameter.name in self._path:
                self._bind_path(parameter, marker)
            elif marker is not None and not isinstance(marker, FieldName | WholeBody):
                self._bind_marked(parameter, marker)
            elif parameter.name == "request":
                self._requests.append("request")
                if parameter.annotation is not MISSING:
                    message = f"request in {view} is {annotation_text(parameter.written)}, and not the request"
                    hint = 'the parameter "request" is the request itself; give this one another name'
                    self._refuse(message, hint)
            elif parameter.name.startswith("__"):
                message = f"{view} takes {parameter.name} from the client"
                hint = f"names with two underscores are reserved for Python: call it {parameter.name.strip('_')}"
                self._refuse(message, hint)
            elif (each := self._read(parameter)) is not None:
                found.append(each)
        return found

    def _is_misplaced(self, parameter: Parameter) -> bool:
        """Reject a parameter whose name or default shows that it is not meant to come from the client."""
        is_bare = parameter.annotation is MISSING is parameter.default
        text = "str" if parameter.annotation is MISSING else annotation_text(parameter.written)
        if is_bare and parameter.name not in self._path and parameter.name in RESERVED_NAMES:
            error: tuple[str, str] | None = "is not something that a client sends", RESERVED_NAMES[parameter.name]
        else:
            error = default_error(parameter.name, parameter.default, parameter.annotation, text)
        if error is not None:
            self._refuse(f"{parameter.name} in {self._signature.name} {error[0]}", error[1])
        return error is not None

    # --- the path, the request, marked parameters ----------------------------------------------

    def _bind_path(self, parameter: Parameter, marker: Marker | None) -> None:
        name, converter, view = parameter.name, self._path[parameter.name], self._signature.name
        if marker is not None:
            self._refuse(f'"{name}" is {describe_marker(marker)} in {view}, and a part of the path', "rename one")
            return
        found = self._read(parameter, otherwise=object)
        if found is None:
            return
        is_text = converter in ("str", "path")
        coerce = text_parser(found.kind) if is_text else path_coercer(found.kind, converter)
        if coerce is not None:
            self._coercers[name] = None if coerce is identity else coerce
        elif is_text:
            message = f"{name}: {found.written} in {view} can't come from the path"
            self._refuse(message, "a part of a path is one string, number, date, UUID, Enum or Literal")
        else:
            python_type = "UUID" if converter == "uuid" else converter
            message = f"the path converts {name} to {converter}, but {view} takes {found.written}"
            self._refuse(message, f'write "{{{name}}}" in the key, or {name}: {python_type} in the view')

    def _bind_marked(self, parameter: Parameter, marker: Marker) -> None:
        name, view = parameter.name, self._signature.name
        if marker is Request:
            self._requests.append(name)
        elif marker is State:
            self._states.append(name)
        elif isinstance(marker, CookieName | HeaderName):
            self._bind_named(parameter, marker)
        elif (action := _ONLY_VIEWS.get(marker)) is not None:
            if self._is_dependency:
                self._refuse(f"{view} {action}", "only a view can")
            if marker in self._taken:
                self._refuse(f"{view} {action} twice", f"remove {self._taken[marker]} or {name}")
            self._taken[marker] = name
        else:
            assert not isinstance(marker, FieldName | WholeBody), "fields are bound together"
            self._dependencies[name] = marker

    def _bind_named(self, parameter: Parameter, marker: CookieName | HeaderName) -> None:
        found = self._read(parameter)
        if found is None:
            return
        is_header = isinstance(marker, HeaderName)
        sent_as = marker.name or parameter.name
        sent_as = sent_as.replace("_", "-" if not marker.name else "_").lower() if is_header else sent_as
        field = input_field(found.name, found.kind, has_default=found.has_default, sent_as=sent_as)
        if field is None or field.is_file or (field.collect is not None and not is_header):
            message = (
                f"{found.name}: {found.written} in {self._signature.name} can't come from {describe_marker(marker)}"
            )
            self._refuse(message, "a cookie or a header field is one string, number, date, UUID, Enum or Literal")
        else:
            (self._headers if is_header else self._cookies).append(field)

    def _redisplay(self, found: list[InputParameter], *, is_initial: bool) -> FormRedisplay:
        query = self._query.names if self._query is not None else frozenset()
        if self._query_record is not None:
            query |= self._query_record[1].fields.names
        return FormRedisplay(
            name=self._taken[FormErrors],
            needed=tuple(each.name for each in found if not each.has_default),
            lists={
                each.name: COLLECTIONS[type(each.kind)]
                for each in found
                if each.is_file and type(each.kind) in COLLECTIONS
            },
            posted=self._body.posted if self._body is not None else None,
            query=query,
            is_initial=is_initial,
        )

    def _check_path(self, required: list[str]) -> None:
        """Reject the names in the path that nothing takes; the view's `required` parameters may be meant by them."""
        names, view = [parameter.name for parameter in self._signature.parameters], self._signature.name
        unused = []
        for name in self._path:
            if name in names:
                continue
            if name in self._signature.preset:
                self._refuse(f"the path has {{{name}}}, which is set already in {view}", "remove it from one of them")
            elif self._signature.has_kwargs:
                self._coercers[name] = None
            else:
                unused.append(name)
        if unused:
            below = {
                each.name
                for other in signatures_below(self._signature)
                for each in other.parameters
                if each.marker is None
            }
            self._shares_path = not below.union(self._host).isdisjoint(unused)
            unused = [each for each in unused if each not in below and each not in self._host]
        free = [each for each in names if each not in self._path]
        for name in unused:
            close = closest_name(name, free)
            hint = f'did you mean "{close}"?' if close else unused_path_hint(view, names, required, unused)
            self._refuse(f"the path has {{{name}}}, but {view} takes no {name}", hint)

    # --- query and body --------------------------------------------------------------------------

    def _read(self, parameter: Parameter, otherwise: type = str) -> InputParameter | None:
        # What reads JSON and classes is for a view that takes something from its client.
        from fanlight.binding.input_parameter import annotation_of, read_parameter  # noqa: PLC0415 - see above

        annotation = annotation_of(parameter, otherwise)
        try:
            return read_parameter(parameter, annotation)
        except ANNOTATION_ERRORS as error:
            text = annotation_text(annotation if parameter.written is MISSING else parameter.written)
            message = f"{parameter.name}: {text} in {self._signature.name} can't be read: {error}"
            self._refuse(message, annotation_hint(error) or type_hint(annotation, error))
            return None

    def _bind_sent(self, found: list[InputParameter]) -> None:
        from fanlight.binding.input_parameter import duplicate_names  # noqa: PLC0415 - see `_read`

        view, stream = self._signature.name, self._taken.get(ContentStream)
        for names, sent_as in duplicate_names(found):
            self._refuse(f'{names} in {view} are both sent as "{sent_as}"', "give them different names")
        if self._mistakes:
            return
        whole = [each for each in found if each.is_whole]
        files = [each for each in found if each.is_file]
        fields = [each for each in found if each not in whole and each not in files]
        if len(whole) > 1:
            names = " and ".join(each.name for each in whole)
            hint = f"put them into one class: class Body with a field for each of {names}"
            self._refuse(f"{view} takes the whole body twice, as {names}", hint)
        elif stream and (whole or files):
            message = f"{view} takes the content twice, as the stream {stream} and as {(whole or files)[0].name}"
            self._refuse(message, "remove one of them; strings and numbers beside a stream come from the query")
        elif not self._has_body or stream:
            self._bind_query(fields, whole, files)
        elif whole:
            self._bind_whole(whole[0], files)
            self._bind_query(fields, [], [])
        else:
            self._bind_fields(found, files)

    def _bind_query(
        self, found: list[InputParameter], whole: list[InputParameter], files: list[InputParameter]
    ) -> None:
        for each in files:
            message = f"{self._signature.name} takes the file {each.name}, but its methods have no body"
            hint = 'write "POST /path" as its key'
            if self._is_dependency:
                message = f"{self._signature.name} takes the file {each.name}, but a dependency can't read a form"
                hint = "take it in the view, or take the request here"
            self._refuse(message, hint)
        fields = [field for each in found if (field := self._query_field(each)) is not None]
        if fields:
            self._query = InputFields(tuple(fields), "query")
        for each in whole:
            record = record_input(split_optional(each.kind)[0], "query", each.plan.build)
            if record is None:
                self._refuse_query(each, f"{_QUERY_TYPES}; nested ones need a POST")
            else:
                self._query_record = each.name, record

    def _query_field(self, found: InputParameter) -> InputField | None:
        field = found.field()
        if field is None:
            beside = "parameters beside a whole body come from the query: put all into one class"
            self._refuse_query(found, beside if self._has_body else _QUERY_TYPES)
        return field

    def _refuse_query(self, found: InputParameter, hint: str) -> None:
        self._refuse(f"{found.name}: {found.written} in {self._signature.name} can't come from a query", hint)

    def _bind_whole(self, whole: InputParameter, files: list[InputParameter]) -> None:
        from fanlight.binding.body import BodyReader  # noqa: PLC0415 - see `_read`
        from fanlight.binding.input_parameter import json_whole  # noqa: PLC0415 - as above

        kind, is_optional = split_optional(whole.kind)
        record = record_input(kind, "form", whole.plan.build)
        uploads = [field for each in files if (field := self._query_field(each)) is not None]
        has_files = bool(files) or contains_upload(kind)
        if has_files and record is None:
            message = f"{whole.name}: {whole.written} in {self._signature.name} can't come from a form"
            self._refuse(
                message, "files come in a form, whose other fields are strings, numbers, dates and lists of them"
            )
            return
        self._body = BodyReader(
            json=None if has_files else json_whole(whole),
            form=InputFields(tuple(uploads), "form") if uploads else None,
            whole=whole.name,
            record=record,
            missing=OMIT if whole.has_default else None if is_optional else MISSING,
        )

    def _bind_fields(self, found: list[InputParameter], files: list[InputParameter]) -> None:
        from fanlight.binding.body import BodyReader  # noqa: PLC0415 - see `_read`
        from fanlight.binding.input_parameter import json_fields  # noqa: PLC0415 - as above

        fields = [each.field() for each in found]
        nested = next((each for each, field in zip(found, fields, strict=True) if field is None), None)
        if nested is not None and files:
            message = f"{nested.name}: {nested.written} in {self._signature.name} needs JSON"
            self._refuse(message, f"{files[0].name} is a file, which needs a form: split the view in two")
            return
        self._body = BodyReader(
            json=None if files else json_fields(found),
            form=InputFields(tuple(each for each in fields if each is not None), "form") if nested is None else None,
        )
