"""Say for each parameter of a view where its value comes from: decided once, before the port opens.

In: a view's signature, and the path's parameters with their converters. Out: a `Binding`.
Refuses, as mistakes with the view's place and a suggestion, every parameter that no request could
fill and every name in the path that no parameter takes.

    a name in the path                    that segment; one that does not fit is a 404
    `request`, or annotated `Request`     the request
    annotated `Cookie`, `Header`          a cookie, a header field
    annotated `State`, `FormErrors`       the app's state; what is wrong with a form
    annotated with a function             a dependency, which that function opens
    a dataclass or msgspec.Struct         the whole body (JSON, or a form); without a body, the whole query
    annotated `EarlyHints`                a way to tell the browser what to load ahead
    annotated `ContentStream`             the content as it comes; fields beside it come from the query
    `Upload`, `list[Upload]`              a file of a posted form
    any other                             with a body: a field of it; without, or beside a whole body: of the query
    `*names`                              nothing; `**names` takes what is left of the path
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fanlight.binding.annotations import Dependency, Marker
from fanlight.binding.body import Body
from fanlight.binding.body_parameter import (
    InputParameter,
    annotation_of,
    file_lists,
    fits_a_query,
    holds_file,
    is_file,
    json_body_of,
    refuse_buried_files,
    refuse_unseen,
    twins,
    whole_json_body_of,
)
from fanlight.binding.class_builders import decode_plan
from fanlight.binding.convert import identity, path_coercer, text_parser
from fanlight.binding.defaults import misplaced
from fanlight.binding.fields import Field, Fields, Record, field_of, fields_of, record_of
from fanlight.binding.form_redisplay import FormRedisplay
from fanlight.binding.kinds import is_mutable, kind_of, split_optional
from fanlight.binding.markers import CookieName, FieldName, HeaderName, WholeBody
from fanlight.binding.metadata import said
from fanlight.binding.signature import MISSING, OMIT, UNREADABLE, Parameter, Signature, annotation_hint
from fanlight.binding.wording import python_name, type_hint, untaken_hint, written
from fanlight.errors import Mistake, SetupError
from fanlight.message.app_state import State
from fanlight.message.body_policy import BodyMode
from fanlight.message.content_stream import ContentStream
from fanlight.message.early_hints import EarlyHints
from fanlight.message.form_errors import FormErrors
from fanlight.message.request import Request

BODY_METHODS = frozenset({"POST", "PUT", "PATCH", "QUERY"})


@dataclass(slots=True, kw_only=True)
class Binding:
    """Where a view's arguments come from; what it does not need is empty or None."""

    path: dict[str, Callable[[Any], object] | None] = field(default_factory=dict)  # None: as routing gives it
    requests: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    dependencies: dict[str, Dependency] = field(default_factory=dict)
    headers: Fields | None = None
    cookies: Fields | None = None
    errors: FormRedisplay | None = None
    query: Fields | None = None
    query_record: tuple[str, Record] | None = None
    body: Body | None = None
    stream: str = ""  # the parameter that is the content as it comes
    hints: str = ""  # the parameter by which early hints are sent
    fresh: dict[str, object] = field(default_factory=dict)  # defaults that each request is given a copy of

    @property
    def reads_content(self) -> bool:
        """Whether the content must be kept for the view."""
        return self.body is not None or bool(self.requests or self.stream)

    @property
    def body_mode(self) -> BodyMode:
        """How the content is taken."""
        if self.stream:
            return BodyMode.STREAM
        return BodyMode.FORM if self.body is not None and self.body.takes_forms else BodyMode.BUFFERED


def bind(signature: Signature, path: Mapping[str, str], *, has_body: bool, is_first: bool = False) -> Binding:
    """Return where a view's arguments come from. Raises SetupError with all that can't come from anywhere.

    `path` has the converter of each name in the path; `has_body` says whether the methods bring content;
    `is_first`, whether others of the same route do, so that with these a form is only shown.
    """
    binder = _Binder(signature, path, has_body=has_body)
    binding = binder.bind(is_first=is_first)
    if binder.mistakes:
        raise SetupError(binder.mistakes)
    return binding


def bind_dependency(signature: Signature, path: Mapping[str, str]) -> Binding:
    """Return where a dependency's arguments come from: as a view's, but all its fields are the query's."""
    binder = _Binder(signature, path, has_body=False, is_dependency=True)
    binding = binder.bind()
    if binder.mistakes:
        raise SetupError(binder.mistakes)
    return binding


class _Binder:
    """Binds one view to one path; what is wrong is collected in `mistakes`."""

    def __init__(
        self, signature: Signature, path: Mapping[str, str], *, has_body: bool, is_dependency: bool = False
    ) -> None:
        self._signature = signature
        self._path = path
        self._has_body = has_body
        self._is_dependency = is_dependency
        self._binding = Binding()
        self._fields: dict[type, list[Field]] = {CookieName: [], HeaderName: []}
        self._errors = ""
        self.mistakes: list[Mistake] = []

    def _refuse(self, message: str, hint: str = "") -> None:
        self.mistakes.append(self._signature.mistake(message, hint))

    def bind(self, *, is_first: bool = False) -> Binding:
        """Go through the parameters, then through the path."""
        asked: list[InputParameter] = []
        for parameter in self._signature.parameters:
            mark = parameter.mark
            if (wrong := misplaced(parameter, is_in_path=parameter.name in self._path)) is not None:
                message, hint = wrong
                self._refuse(f"{parameter.name} in {self._signature.name} {message}", hint)
            elif parameter.name in self._path:
                self._bind_path(parameter, mark)
            elif mark is not None and not isinstance(mark, FieldName | WholeBody):
                self._bind_marked(parameter, mark)
            elif parameter.name == "request":
                self._bind_request(parameter)
            elif parameter.name.startswith("__"):
                message = f"{self._signature.name} takes {parameter.name} from what is sent"
                hint = f"a name with two underscores is Python's own: call it {parameter.name.strip('_')}"
                self._refuse(message, hint)
            elif (found := self._asked(parameter)) is not None:
                asked.append(found)
        if not self._is_dependency:
            self._check_path([each.name for each in asked if not each.has_default and text_parser(each.kind)])
        if self.mistakes:
            return self._binding
        self._binding.cookies = fields_of(self._fields[CookieName], "cookie")
        self._binding.headers = fields_of(self._fields[HeaderName], "header")
        self._binding.fresh = {
            each.name: each.default for each in self._signature.parameters if is_mutable(each.default)
        }
        # Where a form is only shown, nothing that needs content can be sent, and it is None, or an empty list.
        is_shown = bool(self._errors) and is_first and not self._has_body
        sent = [each for each in asked if fits_a_query(each)] if is_shown else asked
        if sent:
            self._bind_sent(sent)
        if self._errors:
            self._bind_errors(asked, is_first=is_first)
        return self._binding

    # --- the path, the request ------------------------------------------------------------

    def _bind_path(self, parameter: Parameter, mark: Marker | None) -> None:
        name, converter = parameter.name, self._path[parameter.name]
        if mark is not None:
            self._refuse(f'"{name}" is {said(mark)} in {self._signature.name}, and a part of the path', "rename one")
            return
        found = self._asked(parameter, otherwise=object)
        if found is None:
            return
        is_text = converter in ("str", "path")
        keep: Callable[[Any], object] | None
        keep = text_parser(found.kind) if is_text else path_coercer(found.kind, converter)
        if keep is not None:
            self._binding.path[name] = None if keep is identity else keep
            return
        annotated = found.written
        if is_text:
            message = f"no part of a path can be {annotated}, which {self._signature.name} wants as {name}"
            self._refuse(message, "a part of a path is one text, number, date, UUID, Enum or Literal")
        else:
            message = f"the path reads {name} as {converter}, but {self._signature.name} wants {annotated}"
            self._refuse(message, f'write "{{{name}}}" in the key, or {name}: {python_name(converter)} in the view')

    def _bind_request(self, parameter: Parameter) -> None:
        if parameter.annotation is not MISSING:
            message = f"{self._signature.name} wants {written(parameter.written)} as request"
            self._refuse(message, 'the name "request" is for the request; call this one something else')
            return
        self._binding.requests.append(parameter.name)

    def _bind_stream(self, parameter: Parameter) -> None:
        if self._is_dependency:
            self._refuse(f"{self._signature.name} takes the content as a stream", "only a view does")
        if self._binding.stream:
            message = f"{self._signature.name} takes the content as a stream twice"
            self._refuse(message, f"leave out {self._binding.stream} or {parameter.name}")
        self._binding.stream = parameter.name

    def _bind_hints(self, parameter: Parameter) -> None:
        if self._is_dependency:
            self._refuse(f"{self._signature.name} sends early hints", "only a view does")
        self._binding.hints = parameter.name

    def _bind_marked(self, parameter: Parameter, mark: Marker) -> None:
        name = parameter.name
        if mark is Request:
            self._binding.requests.append(name)
        elif mark is State:
            self._binding.states.append(name)
        elif mark is ContentStream:
            self._bind_stream(parameter)
        elif mark is EarlyHints:
            self._bind_hints(parameter)
        elif isinstance(mark, CookieName | HeaderName):
            self._bind_named(parameter, mark)
        elif mark is not FormErrors:
            assert not isinstance(mark, FieldName | WholeBody), "fields are bound together"
            self._binding.dependencies[name] = mark
        elif self._is_dependency or self._errors:
            message = f"{self._signature.name} takes the errors of a form as {name}"
            self._refuse(message, "a view takes them, once" if self._errors else "only a view does")
        else:
            self._errors = name

    def _bind_named(self, parameter: Parameter, mark: CookieName | HeaderName) -> None:
        """Bind a cookie or a header field."""
        asked = self._asked(parameter)
        if asked is None:
            return
        is_header = isinstance(mark, HeaderName)
        sent_as = mark.name or parameter.name
        sent_as = sent_as.replace("_", "-" if not mark.name else "_").lower() if is_header else sent_as
        found = field_of(asked.name, asked.kind, has_default=asked.has_default, sent_as=sent_as)
        if found is None or found.is_file or (found.series is not None and not is_header):
            message = f"{asked.name}: {asked.written} in {self._signature.name} can't come from {said(mark)}"
            self._refuse(message, "it has one text, number, date, UUID, Enum or Literal")
        else:
            self._fields[type(mark)].append(found)

    def _bind_errors(self, asked: list[InputParameter], *, is_first: bool) -> None:
        binding = self._binding
        query = binding.query.names if binding.query is not None else frozenset()
        if binding.query_record is not None:
            query |= binding.query_record[1].fields.names
        needed = tuple(each.name for each in asked if not each.has_default)
        binding.errors = FormRedisplay(
            name=self._errors,
            needed=needed,
            lists=file_lists(asked),
            body=binding.body,
            query=query,
            is_first=is_first and not self._has_body,
        )

    def _check_path(self, required: list[str]) -> None:
        """Find the names of the path that nobody takes; `required` could be parts of a path, by other names."""
        names, view = [parameter.name for parameter in self._signature.parameters], self._signature.name
        untaken = []
        for name in self._path:
            if name in names:
                continue
            if name in self._signature.fixed:
                self._refuse(f"the path has {{{name}}}, which is set already in {view}", "take it out of one of them")
            elif self._signature.takes_more:
                self._binding.path[name] = None
            else:
                untaken.append(name)
        free = [each for each in names if each not in self._path]
        for name in untaken:
            close = difflib.get_close_matches(name, free, n=1)
            hint = f'did you mean "{close[0]}"?' if close else untaken_hint(view, names, required, untaken)
            self._refuse(f"the path has {{{name}}}, but {view} takes no {name}", hint)

    # --- query and body --------------------------------------------------------------------

    def _asked(self, parameter: Parameter, otherwise: type = str) -> InputParameter | None:
        annotation = annotation_of(parameter, otherwise)
        try:
            shape = decode_plan(annotation)
            asked = InputParameter(parameter=parameter, shape=shape, kind=kind_of(shape.annotation))
            refuse_unseen(asked.kind, shape)
            refuse_buried_files(asked)
        except UNREADABLE as error:
            short_repr = written(annotation if parameter.written is MISSING else parameter.written)
            message = f"{parameter.name}: {short_repr} in {self._signature.name} can't be read: {error}"
            self._refuse(message, annotation_hint(error) or type_hint(annotation, error))
            return None
        return asked

    def _bind_sent(self, asked: list[InputParameter]) -> None:
        for names, sent_as in twins(asked):
            self._refuse(f'{names} in {self._signature.name} are both sent as "{sent_as}"', "give them different names")
        whole = [each for each in asked if each.is_whole]
        files = [each for each in asked if is_file(each.kind)]
        fields = [each for each in asked if each not in whole and each not in files]
        if self.mistakes:
            return
        if len(whole) > 1:
            names = " and ".join(each.name for each in whole)
            hint = f"put them into one class: class Body with a field for each of {names}"
            self._refuse(f"{self._signature.name} takes the whole body twice, as {names}", hint)
        elif self._binding.stream and (whole or files):
            other = (whole or files)[0].name
            message = (
                f"{self._signature.name} takes the content twice, as the stream {self._binding.stream} and as {other}"
            )
            self._refuse(message, "leave out one of them; texts and numbers beside a stream come from the query")
        elif not self._has_body or self._binding.stream:
            self._bind_query(fields, whole, files)
        elif whole:
            self._bind_whole(whole[0], files)
            self._bind_query(fields, [], [])
        else:
            self._bind_fields(asked, files)

    def _bind_query(
        self, asked: list[InputParameter], whole: list[InputParameter], files: list[InputParameter]
    ) -> None:
        for each in files:
            message = f"{self._signature.name} takes the file {each.name}, but is asked with a method without content"
            hint = 'write "POST /path" as its key'
            if self._is_dependency:
                message = f"{self._signature.name} takes the file {each.name}, but a dependency has no form"
                hint = "let the view take it, or take the request here"
            self._refuse(message, hint)
        fields = [field for each in asked if (field := self._text_field(each)) is not None]
        if fields:
            self._binding.query = Fields(tuple(fields), "query")
        for each in whole:
            record = record_of(split_optional(each.kind)[0], "query", each.shape.restore)
            if record is None:
                message = f"{each.name}: {each.written} in {self._signature.name} can't come from a query"
                self._refuse(message, "a query has texts, numbers, dates and lists of them; nested ones need a POST")
            else:
                self._binding.query_record = each.name, record

    def _text_field(self, asked: InputParameter) -> Field | None:
        found = field_of(asked.name, asked.kind, has_default=asked.has_default, sent_as=asked.sent_as)
        if found is None:
            message = f"{asked.name}: {asked.written} in {self._signature.name} can't come from a query"
            beside = "what stands beside a whole body comes from the query: put all into one class"
            self._refuse(message, beside if self._has_body else "a query has texts, numbers, dates and lists of them")
        return found

    def _bind_whole(self, whole: InputParameter, files: list[InputParameter]) -> None:
        kind, is_optional = split_optional(whole.kind)
        record = record_of(kind, "form", whole.shape.restore)
        missing: object = OMIT if whole.has_default else None if is_optional else MISSING
        uploads = [found for each in files if (found := self._text_field(each)) is not None]
        has_files = bool(files) or holds_file(kind)
        if has_files and record is None:
            message = f"{whole.name}: {whole.written} in {self._signature.name} can't come from a form"
            self._refuse(message, "beside files there is only a form: of texts, numbers, dates and lists of them")
            return
        json = None if has_files else whole_json_body_of(whole)
        form = Fields(tuple(uploads), "form") if uploads else None
        self._binding.body = Body(json=json, form=form, whole=whole.name, record=record, missing=missing)

    def _bind_fields(self, asked: list[InputParameter], files: list[InputParameter]) -> None:
        found = {
            each.name: field_of(each.name, each.kind, has_default=each.has_default, sent_as=each.sent_as)
            for each in asked
        }
        jsons = [each for each in asked if found[each.name] is None]
        fields = tuple(each for each in found.values() if each is not None)
        if jsons and files:
            message = f"{jsons[0].name}: {jsons[0].written} in {self._signature.name} needs JSON"
            self._refuse(message, f"{files[0].name} is a file, which only a form has: split the view in two")
            return
        json = None if files else json_body_of(asked)
        form = None if jsons else Fields(fields, "form")
        self._binding.body = Body(json=json, form=form)
