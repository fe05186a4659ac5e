"""Messages to frames and back, for both directions, from the declarations alone."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from mytrader.tws import answers, order_answers, requests
from mytrader.tws.errors import NO_SUBJECT, WireError
from mytrader.tws.fields import Layout, Message, parse_integer
from mytrader.tws.frames import frame
from mytrader.tws.place_order import PlaceOrder

SUBJECT_NAMES: Final = ("req_id", "order_id")


class _Form:
    """One message type on the wire: its head, its layout, and where its subject stands."""

    def __init__(self, message: type[Message]) -> None:
        self.name = message.__name__
        self.layout = Layout(message)
        self.version = message.VERSION
        head = [str(message.ID)] if self.version is None else [str(message.ID), str(self.version)]
        self.head = "\0".join(head)
        self.head_length = len(head)
        first = self.layout.names[0] if self.layout.names else ""
        self.has_subject = first in SUBJECT_NAMES

    def subject(self, fields: list[str]) -> int:
        """Return the id of the request or order that the message is about, if it can be read."""
        if not self.has_subject or len(fields) <= self.head_length:
            return NO_SUBJECT
        try:
            return parse_integer(fields[self.head_length])
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
_Known = dict[int, list[type[Message]]]


def _by_id(types: list[type[Message]]) -> _Known:
    known: _Known = {}
    for each in types:
        known.setdefault(each.ID, []).append(each)
    return known


_REQUESTS: Final = _by_id(_REQUEST_TYPES)
_ANSWERS: Final = _by_id(_ANSWER_TYPES)
REQUEST_NAMES: Final = {each.__name__: each for each in _REQUEST_TYPES}
ANSWER_NAMES: Final = {each.__name__: each for each in _ANSWER_TYPES}


def encode(message: Message) -> bytes:
    """Return `message` as one frame. Raises `WireError` for a value the wire cannot carry."""
    form = _FORMS[type(message)]
    body = form.layout.write(message)
    text = f"{form.head}\0{body}\0" if form.layout.names else f"{form.head}\0"
    try:
        return frame(text.encode())
    except UnicodeEncodeError as error:
        raise WireError(f"{form.name} holds text that is not Unicode: {error.reason}") from None


def decode_request(body: bytes) -> Message:
    """Return the request in a frame's body. Raises `WireError`, naming the subject if it can."""
    return _decode(body, _REQUESTS)


def decode_answer(body: bytes) -> Message:
    """Return the server's message in a frame's body. Raises `WireError`.

    A version that differs is read past, as clients do; the layout decides.
    """
    return _decode(body, _ANSWERS)


def split(body: bytes) -> list[str]:
    """Return the text fields of a frame's body. Raises `WireError`."""
    if not body.endswith(b"\0"):
        raise WireError("the last byte of a message is not NUL")
    try:
        return body[:-1].decode().split("\0")
    except UnicodeDecodeError:
        raise WireError("a message is not UTF-8 text") from None


def _decode(body: bytes, known: _Known) -> Message:
    fields = split(body)
    message_id = parse_integer(fields[0])
    candidates = known.get(message_id)
    if candidates is None:
        raise WireError(f"message id {message_id} is not known")
    # Few ids have several layouts; a literal field tells which one it is.
    for message in candidates[:-1]:
        with suppress(WireError):
            return _read(message, fields, known)
    return _read(candidates[-1], fields, known)


def _read(message: type[Message], fields: list[str], known: _Known) -> Message:
    form = _FORMS[message]
    try:
        if form.version is not None:
            _check_version(form, fields, exactly=known is _REQUESTS)
        return form.layout.read(fields[form.head_length :])
    except WireError as error:
        raise WireError(f"{form.name}: {error}", form.subject(fields)) from None


def _check_version(form: _Form, fields: list[str], *, exactly: bool) -> None:
    if len(fields) < form.head_length:
        raise WireError("the message ends before its version")
    version = parse_integer(fields[1])
    if exactly and version != form.version:
        raise WireError(f"version {version} where {form.version} belongs")
