"""Foreign text does no harm in a chat, and nothing private gets there."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from mytrader.alerts.wording import (
    HIDDEN,
    MESSAGE_UNITS_MAX,
    Veil,
    bold,
    cleaned,
    clock,
    code,
    counted,
    cut,
    dollars,
    joined,
    lasting,
    points,
    units,
    without_tags,
)
from mytrader.domain.limits import Limits
from mytrader.simulator.telegram_server import TOKEN, shown_text

SEED = 20251212


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words", "plain words"),
        ("two\nlines\r\nand\ttabs", "two lines and tabs"),
        ("bell\a and null\0", "bell and null"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("zero\u200bwidth\u2060joined\ufeff", "zerowidthjoined"),
        ("filler\u3164\u115f", "filler"),
        ("line\u2028separator", "line separator"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("private \ue000 use", "private use"),
        ("z" + "\u0301" * 50, "ź\u0301\u0301"),
        ("∆ naïve 東京", "∆ naïve 東京"),
    ],
)
def test_foreign_text_becomes_one_visible_line(text: str, shown: str) -> None:
    assert cleaned(text) == shown


def test_nothing_foreign_can_be_tapped_or_opens_a_tag() -> None:
    """Within code Telegram makes no link, no mention and no command of a text."""
    shown = Veil().foreign('<b>/halt</b> & @boss https://x.example "q"')
    assert shown == '<code>&lt;b&gt;/halt&lt;/b&gt; &amp; @boss https://x.example "q"</code>'
    assert Veil().foreign(" \u200b ") == ""


def test_a_long_text_is_cut_before_it_is_escaped() -> None:
    """A cut within `&amp;` would be rejected, and the alert with it."""
    shown = Veil().foreign("&" * 5000, 50)
    assert shown == f"<code>{'&amp;' * 49}…</code>"
    assert cut("😀" * 30, 20) == "😀" * 9 + "…"
    assert units(cut("😀" * 30, 20)) <= 20
    assert cut("short", 5) == "short"


@pytest.mark.parametrize(
    "secret",
    ["U1234567", "DU7654321", "DF123456", TOKEN, "AKIAIOSFODNN7EXAMPLE", "123456789012"],
)
def test_what_looks_like_a_secret_is_hidden(secret: str) -> None:
    shown = Veil().plain(f"rejected for {secret}, see there")
    assert shown == f"rejected for {HIDDEN}, see there"


def test_a_secret_cannot_hide_behind_what_is_not_shown() -> None:
    assert Veil().plain("U12\u200b34567") == HIDDEN
    assert Veil(["geheim"]).plain("xgeheimx") == f"x{HIDDEN}x"


@pytest.mark.parametrize(
    "spelled", ["1237.5", "1237.50", "1,237.50", "$1,237.50", "1238", "1,238"]
)
def test_limits_are_hidden_however_they_are_written(spelled: str) -> None:
    veil = Veil()
    veil.hide_limits(Limits(loss_usd_trade_max=Decimal("1237.5")))
    assert veil.plain(f"limit {spelled}.").replace("$", "") == f"limit {HIDDEN}."


def test_prices_that_are_no_limits_stay() -> None:
    veil = Veil()
    veil.hide_limits(Limits())
    veil.hide_limits(Limits(loss_usd_trade_max=Decimal("NaN")))
    text = "SELL 1 ES at 6,912.50, cycle 01JCXW5M7Q0000000000000000, 12000.25, 2000.5"
    assert veil.plain(text) == text


def test_ids_of_ours_are_no_secrets() -> None:
    ref = "mt/01JCXW5M7Q0000000000000000/S1"
    assert Veil().plain(ref) == ref


def test_lines_that_do_not_fit_are_left_out_whole() -> None:
    line = code("x" * 100)
    text = joined([line] * 100)
    assert text.endswith("</code>\n…")
    assert units(text) <= MESSAGE_UNITS_MAX
    assert shown_text(text, "HTML")[1] == ""
    assert joined(["a", "", "b"]) == "a\nb"
    assert joined(["ab", "cd"], most=5) == "ab\ncd"
    assert joined(["ab", "cde"], most=5) == "ab\n…"


def test_random_text_is_always_accepted() -> None:
    """Whatever an advisor or a broker writes, the API can read what comes of it."""
    draw = random.Random(SEED)  # noqa: S311 - a seed makes the test repeatable
    hard = "<>&\"'`_*[]()~#+-=|{}.!/@\\\n\t\u202e\u200b😀é&amp;</code><b>"
    for _ in range(60):
        text = "".join(draw.choice(hard) for _ in range(draw.randrange(400)))
        text += "".join(chr(draw.randrange(0x11_0000)) for _ in range(20))
        html = joined([bold(text[:50]), Veil().foreign(text), "ours"])
        shown, problem = shown_text(html, "HTML")
        assert problem == "", f"seed {SEED}: {text!r}"
        assert shown == without_tags(html).strip(), f"seed {SEED}"


def test_amounts_and_times_are_written_as_a_desk_does() -> None:
    assert dollars(Decimal("-1234.5")) == "-$1,234.50"
    assert dollars(Decimal(50), signed=True) == "+$50.00"
    assert points(Decimal("6900.25")) == "6,900.25"
    assert clock(datetime(2025, 7, 1, 13, 30, tzinfo=UTC)) == "08:30:00 CT"
    assert clock(datetime(2025, 12, 1, 14, 30, tzinfo=UTC)) == "08:30:00 CT"
    assert [counted(1, "trade"), counted(2, "more entry"), counted(0, "page")] == [
        "1 trade",
        "2 more entries",
        "0 pages",
    ]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (59.6, "1 min"),
        (3661, "1 h 1 min"),
        (90_000, "1 d 1 h"),
        (-5, "0 s"),
        (61, "1 min 1 s"),
    ],
)
def test_a_length_of_time_is_short(seconds: float, shown: str) -> None:
    assert lasting(timedelta(seconds=seconds)) == shown
