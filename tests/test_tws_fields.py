"""A struct's declaration is its wire form; what does not fit raises the one error."""

import json
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from mytrader.tws.errors import WireError
from mytrader.tws.fields import INTEGER_MAX, Layout, parse_integer, parse_number

numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
integers = st.integers(-INTEGER_MAX, INTEGER_MAX)


class Inner(Struct, frozen=True):
    """A struct inside another."""

    name: str
    number: int


class Everything(Struct, frozen=True):
    """One attribute of every kind."""

    text: str
    integer: int
    flag: bool
    number: Decimal
    maybe_integer: int | None
    maybe_number: Decimal | None
    inner: Inner
    many: tuple[Inner, ...]
    constant: Literal[0] = 0
    blank: Literal[""] = ""


class Flat(Struct, frozen=True):
    """Plain fields only."""

    text: str
    integer: int


inners = st.builds(Inner, texts, integers)


@pytest.mark.slow
@settings(deadline=None, print_blob=True)
@given(
    value=st.builds(
        Everything,
        text=texts,
        integer=integers,
        flag=st.booleans(),
        number=numbers,
        maybe_integer=st.none() | st.integers(0, 2**31 - 2),
        maybe_number=st.none() | numbers,
        inner=inners,
        many=st.lists(inners, max_size=4).map(tuple),
        constant=st.just(0),
        blank=st.just(""),
    )
)
def test_every_kind_of_field_round_trips(value: Everything) -> None:
    layout = Layout(Everything)
    assert layout.read(layout.write(value).split("\0")) == value


@pytest.mark.slow
@settings(deadline=None, print_blob=True)
@given(fields=st.lists(st.text(max_size=5), max_size=14))
@example(["t", "1", "1", "1.5", "", "", "n", "2", "-3", "0", ""])
@example(["t", "1", "1", "1.5", "", "", "n", "2", "9999999999", "a", "1"])
def test_any_fields_are_read_or_refused_with_the_one_error(fields: list[str]) -> None:
    layout = Layout(Everything)
    try:
        value = layout.read(fields)
    except WireError:
        return
    assert layout.read(layout.write(value).split("\0")) == value


def test_a_number_too_long_is_refused_and_not_remembered() -> None:
    """What is parsed is kept, so that a megabyte of blanks before a 7 would be kept as well."""
    for text in ("7".rjust(65), "0" * 65, "1" * 100_000):
        for parse in (parse_integer, parse_number):
            with pytest.raises(WireError, match=f"{len(text)} characters") as refused:
                parse(text)
            assert len(str(refused.value)) < 100
    assert parse_integer("7".rjust(64)) == 7
    assert parse_number("0" * 63 + "1") == 1


@pytest.mark.parametrize("text", ["", " ", "1.0", "1_000", "x", "٣", "9" * 5000, str(2**63)])
def test_what_is_no_integer_is_refused(text: str) -> None:
    with pytest.raises(WireError, match="integer"):
        parse_integer(text)


@pytest.mark.parametrize("text", ["", "nan", "Infinite", "inf", "1_0", "x", "1e-999", "1e999"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(WireError, match="number"):
        parse_number(text)


@pytest.mark.parametrize("text", ["5000", "5000.25", "1e-05", "-0.25", "0"])
def test_numbers_are_read_as_clients_write_them(text: str) -> None:
    assert parse_number(text) == Decimal(text)


@pytest.mark.parametrize("text", ["", "1.7976931348623157E308", "1.7976931348623157e+308"])
def test_unset_numbers_are_none(text: str) -> None:
    class Holder(Struct, frozen=True):
        value: Decimal | None

    assert Layout(Holder).read([text]) == Holder(None)
    assert Layout(Holder).write(Holder(None)) == ""


@pytest.mark.parametrize("text", ["", "2147483647"])
def test_unset_integers_are_none(text: str) -> None:
    class Holder(Struct, frozen=True):
        value: int | None

    assert Layout(Holder).read([text]) == Holder(None)


def test_constant_refuses_every_other_value_in_both_directions() -> None:
    class Holder(Struct, frozen=True):
        count: Literal[0] = 0

    layout = Layout(Holder)
    with pytest.raises(WireError, match="only '0' is supported"):
        layout.read(["2"])
    unusual = Holder(json.loads("2"))
    with pytest.raises(WireError, match="only '0' is supported"):
        layout.write(unusual)


def test_text_with_a_nul_is_not_written() -> None:
    with pytest.raises(WireError, match="NUL"):
        Layout(Flat).write(Flat("a\0b", 1))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1E+999"])
def test_numbers_that_no_client_can_read_are_not_written(number: str) -> None:
    class Holder(Struct, frozen=True):
        value: Decimal

    with pytest.raises(WireError, match="cannot be sent"):
        Layout(Holder).write(Holder(Decimal(number)))
    assert Layout(Holder).write(Holder(Decimal("1E+5"))) == "1E+5"


@pytest.mark.parametrize("fields", [["a"], ["a", "1", "2"]])
def test_wrong_number_of_fields_is_refused(fields: list[str]) -> None:
    with pytest.raises(WireError, match="fields where 2 belong"):
        Layout(Flat).read(fields)


def test_surplus_and_missing_fields_behind_a_list_are_refused() -> None:
    class Holder(Struct, frozen=True):
        many: tuple[Inner, ...]

    layout = Layout(Holder)
    with pytest.raises(WireError, match="more than the message has"):
        layout.read(["1", "a", "1", "surplus"])
    with pytest.raises(WireError, match="ends too early"):
        layout.read(["2", "a", "1"])


def test_flags_are_one_or_nought() -> None:
    class Holder(Struct, frozen=True):
        flag: bool

    with pytest.raises(WireError, match="neither 1 nor 0"):
        Layout(Holder).read(["true"])


def test_types_without_a_wire_form_are_a_mistake_of_ours() -> None:
    class Holder(Struct, frozen=True):
        value: float

    class Either(Struct, frozen=True):
        value: int | str

    with pytest.raises(TypeError, match="no wire form"):
        Layout(Holder)
    with pytest.raises(TypeError, match="no wire form"):
        Layout(Either)
