"""What must not harm a gateway: known garbage, and strategies that make up more of it."""

from decimal import Decimal
from typing import Any, Final, Literal, get_origin, get_type_hints

from hypothesis import strategies as st
from msgspec import structs

from mytrader.tws import codec, requests
from mytrader.tws.contracts import WireContract
from mytrader.tws.fields import Message
from mytrader.tws.frames import API_PREFIX, LENGTH_BYTES, ClientHello, encode_client_hello, frame
from mytrader.tws.place_order import PlaceOrder
from tests.virtual_desk import CONTRACT

HELLO: Final = encode_client_hello(ClientHello(157, 178))
STARTED: Final = HELLO + codec.encode(requests.StartApi(666))
LISTED: Final = WireContract(con_id=CONTRACT.con_id, exchange="CME")

ENDING: Final[dict[str, bytes]] = {
    "another protocol": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "encryption": bytes.fromhex("16030100f1010000ed0303") + bytes(range(64)),
    "zeros": bytes(4096),
    "the prefix twice": API_PREFIX + API_PREFIX + frame(b"v157..178"),
    "no prefix": frame(b"v157..178"),
    "the wrong prefix": b"API " + frame(b"v157..178"),
    "a length of 4 GiB as the first": API_PREFIX + b"\xff\xff\xff\xff",
    "an offer that is none": API_PREFIX + frame(b"hello"),
    "an offer without end": API_PREFIX + frame(b"v" + b"1" * 60_000 + b"..178"),
    "an empty offer": API_PREFIX + frame(b""),
    "a version of 2012": API_PREFIX + frame(b"v100..112"),
    "a version below ours": API_PREFIX + frame(b"v100..156"),
    "a version between ours": API_PREFIX + frame(b"v158..177"),
    "a version of tomorrow": API_PREFIX + frame(b"v201..250"),
    "a range the wrong way round": API_PREFIX + frame(b"v178..157"),
    "a client of before 2012": b"63\x00" + b"1\x00",
    "a request before the start": HELLO + codec.encode(requests.RequestPositions()),
    "a start without a number": HELLO + frame(b"71\x002\0seven\0\0"),
    "a start of another version": HELLO + frame(b"71\x009\x001\0\0"),
    "a start that is cut": HELLO + frame(b"71\0"),
    "an empty start": HELLO + frame(b""),
    "a length of 4 GiB": STARTED + b"\xff\xff\xff\xff" + b"61\x001\0",
    "a length of 1 MiB": STARTED + (1 << 20).to_bytes(4, "big"),
    "a client id in use": HELLO + codec.encode(requests.StartApi(7)),
}
"""Each of these ends its connection at once."""

BOUGHT: Final = PlaceOrder(
    1,
    LISTED,
    action="BUY",
    order_type="LMT",
    quantity=Decimal(1),
    limit_price=Decimal(6900),
    tif="GTC",
    account="DU0000001",
    outside_rth=True,
)
"""An order that is accepted, and filled at once."""


def _changed(message: Message, old: bytes, new: bytes) -> bytes:
    """Return a message's frame with a piece of its body replaced, once."""
    body = codec.encode(message)[LENGTH_BYTES:]
    assert old in body
    return frame(body.replace(old, new, 1))


ANSWERED: Final[dict[str, bytes]] = {
    "an unknown message": frame(b"777\x001\0"),
    "a negative message": frame(b"-3\x001\0"),
    "a message without an end": frame(b"61\x001"),
    "no message": frame(b""),
    "one empty field": frame(b"\0"),
    "twenty thousand fields": frame(b"3" + b"\0" * 20_000),
    "an endless field": frame(b"4\x001\x0031\0" + b"x" * 60_000 + b"\0"),
    "an endless number": frame(b"4\x001\0" + b"7" * 60_000 + b"\0\0"),
    "a number after an endless blank": frame(b"4\x001\0" + b" " * 60_000 + b"7\0\0"),
    "a price of ten thousand digits": _changed(
        BOUGHT, b"LMT\x006900\0", b"LMT\0" + b"9" * 10_000 + b"\0"
    ),
    "a price that is no number": _changed(BOUGHT, b"LMT\x006900\0", b"LMT\0NaN\0"),
    "no text": frame(b"\xff\xfe\xfd\0"),
    "half a character": frame(b"4\x001\x001\0\xc3\0"),
    "an answer": frame(b"9\x001\x0055\0"),
    "a message of another version": frame(b"61\x00999\0"),
    "an order with a field too many": _changed(BOUGHT, b"\0O\0", b"\0O\0001\0"),
}
"""Each of these, sent by a client that has started, is answered with an error."""

NUMBERS: Final = (
    *("0", "-1", "1", "0.25", "27400.13", "1e300", "1e-300", "-0", "1E+400", "NaN", "sNaN"),
    *("Infinity", "-Infinity", "", " 7", "7_0", "0x10", "٣", "2147483647", "9223372036854775807"),
    *("9223372036854775808", "1.7976931348623157E308", "9" * 64, "9" * 65, "1" * 5000, "1e", "+"),
)
INTEGERS: Final = (0, 1, -1, 2, 7, 31, 100, 2**31 - 2, 2**31, 2**62, 2**63 - 1, -(2**63) + 1)
DECIMALS: Final = tuple(
    map(
        Decimal,
        ("0", "1", "-1", "2", "0.25", "6850", "6850.25", "6850.1", "1e12", "1e300", "1e-300"),
    )
)
TEXTS: Final = (
    *("", "BUY", "SELL", "SSHORT", "LMT", "STP", "STP LMT", "MKT", "TRAIL", "DAY", "GTC", "GTD"),
    *("IOC", "DU0000001", "U1", "ES", "FUT", "BAG", "CME", "USD", "TRADES", "MIDPOINT", "1 min"),
    *("1 D", "-1 D", "999999999 Y", "20251212 09:00:00", "20251212-09:00:00", "99999999 99:99:99"),
    *(
        "20251212 09:00:00 Mars/Base",
        "202512",
        "1 secs",
        "0 S",
        "Last",
        "%s%n",
        "../../etc/passwd",
    ),
    *("\u202e", "x" * 300, "\n", "'; drop table orders", "-1", "1e308"),
)


def _value(annotation: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - a type, of any form
    if get_origin(annotation) is Literal:
        return st.just(annotation.__args__[0])
    if annotation is WireContract:
        return st.one_of(st.just(LISTED), _struct(WireContract))
    known: dict[Any, st.SearchStrategy[Any]] = {
        str: st.sampled_from(TEXTS),
        int: st.sampled_from(INTEGERS),
        bool: st.booleans(),
        Decimal: st.sampled_from(DECIMALS),
        int | None: st.one_of(st.none(), st.sampled_from(INTEGERS)),
        Decimal | None: st.one_of(st.none(), st.sampled_from(DECIMALS)),
    }
    return known[annotation]


def _struct(struct: type[Any]) -> st.SearchStrategy[Any]:
    """Return the struct with defaults, a few fields of it absurd."""
    hints = get_type_hints(struct)
    fields = structs.fields(struct)
    needed = {each.name: _value(hints[each.name]) for each in fields if each.required}
    spare = {each.name: _value(hints[each.name]) for each in fields if not each.required}
    return st.fixed_dictionaries(needed, optional=spare).map(lambda given: struct(**given))


def _absurd_orders() -> st.SearchStrategy[PlaceOrder]:
    """Return orders that would be accepted but for a few fields."""
    hints = get_type_hints(PlaceOrder)
    spare = {name: _value(hints[name]) for name in PlaceOrder.__struct_fields__}
    return st.fixed_dictionaries({}, optional=spare).map(
        lambda given: structs.replace(BOUGHT, **given)
    )


REQUESTS: Final = [
    each
    for each in (*vars(requests).values(), PlaceOrder)
    if isinstance(each, type) and issubclass(each, Message) and each is not Message
]


def absurd_frames() -> st.SearchStrategy[bytes]:
    """Return well-formed requests of every kind with values that nobody meant."""
    any_kind = st.sampled_from(REQUESTS).flatmap(_struct)
    return st.one_of(any_kind, _absurd_orders()).map(codec.encode)


@st.composite
def broken_frames(draw: st.DrawFn) -> bytes:
    """Return a request with a field replaced, missing, twice or out of place."""
    fields = codec.split(draw(absurd_frames())[LENGTH_BYTES:])
    at = draw(st.integers(0, len(fields) - 1))
    field = draw(st.one_of(st.sampled_from(NUMBERS), st.sampled_from(TEXTS)))
    how = draw(st.sampled_from(("replace", "drop", "insert", "cut")))
    if how == "replace":
        fields[at] = field
    elif how == "drop":
        del fields[at]
    elif how == "insert":
        fields.insert(at, field)
    else:
        del fields[at:]
    return frame("".join(f"{each}\0" for each in fields).encode())


def noise() -> st.SearchStrategy[bytes]:
    """Return bytes of no protocol, and frames around them."""
    return st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(frame))


def streams() -> st.SearchStrategy[bytes]:
    """Return what a started client might write that means no good, or means nothing."""
    known = st.sampled_from(sorted(ANSWERED.values()))
    return st.lists(st.one_of(absurd_frames(), broken_frames(), known, noise()), max_size=12).map(
        b"".join
    )
