"""Messages to frames and back, for both directions, from the declarations alone.

`version` is what both sides agreed on: `SERVER_VERSION` unless a client is older.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from mytrader.tws import answers, order_answers, requests
from mytrader.tws.errors import NO_SUBJECT, WireError
from mytrader.tws.fields import Layout, Message, parse_integer
from mytrader.tws.frames import SERVER_VERSION, frame
from mytrader.tws.place_order import PlaceOrder
from mytrader.tws.versions import CHANGED, OlderLayout, is_older

SUBJECT_NAMES: Final = ("req_id", "order_id")


class _Form:
    """One message type on the wire: its head, its layout, and where its subject stands."""

    def __init__(
        self, message: type[Message], layout: Layout[Message] | OlderLayout | None = None
    ) -> None:
        self.name = message.__name__
        self.layout = Layout(message) if layout is None else layout
        self.version = message.VERSION
        head = [str(message.ID)] if self.version is None else [str(message.ID), str(self.version)]
        self.head = "\0".join(head)
        self.head_length = len(head)
        named = [name for name in self.layout.names if name]
        self.subject_at = self.head_length + (self.layout.names.index(named[0]) if named else 0)
        self.has_subject = bool(named) and named[0] in SUBJECT_NAMES

    def subject(self, fields: list[str]) -> int:
        """Return the id of the request or order that the message is about, if it can be read."""
        if not self.has_subject or len(fields) <= self.subject_at:
            return NO_SUBJECT
        try:
            return parse_integer(fields[self.subject_at])
        except WireError:
            return NO_SUBJECT


def _types(*modules: object) -> Iterable[type[Message]]:
    for module in modules:
        for each in vars(module).values():
            if isinstance(each, type) and issubclass(each, Message) and each is not Message:
                yield each


_REQUEST_TYPES: Final[list[type[Message]]] = [*_types(requests), PlaceOrder]
_ANSWER_TYPES: Final[list[type[Message]]] = [*_types(answers, order_answers)]
_FORMS: Final = {each: _Form(each) for each in [*_REQUEST_TYPES, *_ANSWER_TYPES]}
_OLDER_FORMS: Final = {
    each: _Form(each, OlderLayout(each)) if each in CHANGED else form
    for each, form in _FORMS.items()
}
_Known = dict[int, list[type[Message]]]
_Forms = dict[type[Message], _Form]


def _by_id(types: list[type[Message]]) -> _Known:
    known: _Known = {}
    for each in types:
        known.setdefault(each.ID, []).append(each)
    return known


_REQUESTS: Final = _by_id(_REQUEST_TYPES)
_ANSWERS: Final = _by_id(_ANSWER_TYPES)
REQUEST_NAMES: Final = {each.__name__: each for each in _REQUEST_TYPES}
ANSWER_NAMES: Final = {each.__name__: each for each in _ANSWER_TYPES}


def encode(message: Message, version: int = SERVER_VERSION) -> bytes:
    """Return `message` as one frame. Raises `WireError` for a value the wire cannot carry."""
    form = _forms(version)[type(message)]
    body = form.layout.write(message)
    text = f"{form.head}\0{body}\0" if form.layout.names else f"{form.head}\0"
    try:
        return frame(text.encode())
    except UnicodeEncodeError as error:
        raise WireError(f"{form.name} holds text that is not Unicode: {error.reason}") from None


def decode_request(body: bytes, version: int = SERVER_VERSION) -> Message:
    """Return the request in a frame's body. Raises `WireError`, naming the subject if it can."""
    return _decode(body, _REQUESTS, forms=_forms(version))


def decode_answer(body: bytes, version: int = SERVER_VERSION) -> Message:
    """Return the server's message in a frame's body. Raises `WireError`.

    A message's own version that differs is read past, as clients do; the layout decides.
    """
    return _decode(body, _ANSWERS, forms=_forms(version))


def _forms(version: int) -> _Forms:
    return _OLDER_FORMS if is_older(version) else _FORMS


def split(body: bytes) -> list[str]:
    """Return the text fields of a frame's body. Raises `WireError`."""
    if not body.endswith(b"\0"):
        raise WireError("the last byte of a message is not NUL")
    try:
        return body[:-1].decode().split("\0")
    except UnicodeDecodeError:
        raise WireError("a message is not UTF-8 text") from None


def _decode(body: bytes, known: _Known, *, forms: _Forms) -> Message:
    fields = split(body)
    message_id = parse_integer(fields[0])
    candidates = known.get(message_id)
    if candidates is None:
        raise WireError(f"message id {message_id} is not known")
    # Few ids have several layouts; a literal field tells which one it is.
    for message in candidates[:-1]:
        with suppress(WireError):
            return _read(forms[message], fields, exactly=known is _REQUESTS)
    return _read(forms[candidates[-1]], fields, exactly=known is _REQUESTS)


def _read(form: _Form, fields: list[str], *, exactly: bool) -> Message:
    try:
        if form.version is not None:
            _check_version(form, fields, exactly=exactly)
        return form.layout.read(fields[form.head_length :])
    except WireError as error:
        raise WireError(f"{form.name}: {error}", form.subject(fields)) from None


def _check_version(form: _Form, fields: list[str], *, exactly: bool) -> None:
    if len(fields) < form.head_length:
        raise WireError("the message ends before its version")
    version = parse_integer(fields[1])
    if exactly and version != form.version:
        raise WireError(f"version {version} where {form.version} belongs")
