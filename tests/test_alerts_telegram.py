"""The real client against a Bot API on the loopback address, with everything it may answer."""

import logging
import sys
import warnings
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from mytrader.alerts.messenger import Alerts
from mytrader.alerts.outbox import Failed, Later, Rejected
from mytrader.alerts.telegram import make_bot, open_alerts, outcome_of, send_test
from mytrader.alerts.wording import Veil
from mytrader.config import load_settings
from mytrader.domain.commands import AlertLevel, RaiseAlert
from mytrader.domain.events import TimeReached
from mytrader.domain.limits import Limits
from mytrader.domain.trader import TraderState
from mytrader.errors import BadInput
from mytrader.settings import Settings
from mytrader.simulator import telegram_server as api
from mytrader.simulator.telegram_server import Answer, TelegramServer

error = pytest.importorskip("telegram.error", reason="the extra telegram is not installed")

NOON = datetime(2025, 11, 12, 18, tzinfo=UTC)
STATE = TraderState(limits=Limits())


def settings_for(server: TelegramServer, **changes: str) -> Settings:
    """Settings that reach the server."""
    given = {
        "enabled": "true",
        "token": api.TOKEN,
        "chat_id": api.CHAT,
        "base_url": server.url,
        "timeout": "500 ms",
        **changes,
    }
    return load_settings(
        environ={f"MYTRADER__TELEGRAM__{k.upper()}": v for k, v in given.items() if v}
    )


def opened(settings: Settings) -> Alerts:
    """The observer, running."""
    alerts = open_alerts(settings, now=lambda: NOON)
    assert alerts is not None
    return alerts


def page(text: str = "an exit hangs", code: str = "EXIT_STUCK") -> RaiseAlert:
    """An alert of the kernel."""
    return RaiseAlert(AlertLevel.PAGE, code, text)


def test_switched_off_there_is_nothing() -> None:
    assert open_alerts(load_settings(environ={}), now=lambda: NOON) is None


@pytest.mark.parametrize("missing", ["token", "chat_id"])
def test_switched_on_without_a_token_or_a_chat_is_one_line(missing: str) -> None:
    with TelegramServer() as server, pytest.raises(BadInput) as caught:
        open_alerts(settings_for(server, **{missing: ""}), now=lambda: NOON)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_messages_arrive_as_written_pages_with_a_sound() -> None:
    with TelegramServer() as server:
        alerts = opened(settings_for(server))
        alerts.seen(TimeReached(), [page("a <b> & 5 > 4 https://x.example")], STATE)
        assert alerts.close(5).complete
        loud = [each for each in server.accepted if not each.silent]
        assert len(loud) == 1
        assert "a <b> & 5 > 4 https://x.example" in loud[0].text
        assert loud[0].parse_mode == "HTML"
        assert any("TRADER_ENDED" in each.text for each in server.accepted if each.silent)
        assert server.requests[0] == "sendMessage", "no question is asked first"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (api.too_many(1), "1 s of silence"),
        (api.BROKEN, "cannot be reached (Internal Server Error)"),
        (api.CUT, "cannot be reached"),
        (api.HANG, "does not answer in time"),
        (Answer(502, "Bad Gateway"), "cannot be reached (Bad Gateway)"),
    ],
)
def test_what_passes_is_tried_again_until_it_is_accepted(trouble: Answer, said: str) -> None:
    with TelegramServer() as server, capture_logs() as logged:
        server.script(trouble)
        alerts = opened(settings_for(server, level="page"))
        alerts.seen(TimeReached(), [page()], STATE)
        ending = alerts.close(8)
        assert ending.complete, ending
        assert said in str(logged)
        assert api.TOKEN not in str(logged)
        assert sum("EXIT_STUCK" in each.text for each in server.accepted) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (api.UNAUTHORIZED, "the token is not valid"),
        (api.BLOCKED, "unblock it"),
        (api.bad_request("chat not found"), "check telegram.chat_id"),
    ],
)
def test_what_will_not_pass_is_told_once_and_nothing_more_is_tried(
    answer: Answer, said: str
) -> None:
    with TelegramServer() as server, capture_logs() as logged:
        server.script(*[answer] * 50)
        alerts = opened(settings_for(server))
        alerts.seen(TimeReached(), [page()], STATE)
        ending = alerts.close(5)
        assert said in ending.why
        assert str(logged).count(said) == 1
        assert len(server.requests) <= 3, "one a level at most"
        assert any(message.code == "EXIT_STUCK" for message in ending.unsent)


@pytest.mark.slow
def test_a_message_whose_tags_are_rejected_is_sent_without_them() -> None:
    with TelegramServer() as server, capture_logs():
        server.script(api.bad_request("can't parse entities: x"))
        alerts = opened(settings_for(server, level="page"))
        alerts.seen(TimeReached(), [page("5 < 6 & 7")], STATE)
        assert alerts.close(5).complete
        (sent,) = [each for each in server.accepted if "EXIT_STUCK" in each.text]
        assert (sent.parse_mode, "5 < 6 & 7" in sent.text) == ("", True)


@pytest.mark.slow
def test_the_token_is_in_no_log_whatever_its_level(caplog: pytest.LogCaptureFixture) -> None:
    """The client's own lines hold the address, and the address holds the token."""
    caplog.set_level(logging.DEBUG)
    with TelegramServer() as server, capture_logs() as logged:
        server.script(api.BROKEN, Answer(500, f"broken for bot{api.TOKEN}"), api.CUT, api.BLOCKED)
        alerts = opened(settings_for(server))
        alerts.seen(TimeReached(), [page(f"leak {api.TOKEN}")], STATE)
        alerts.close(6)
        sent = str(server.accepted)
    assert api.TOKEN not in caplog.text + str(logged) + sent
    talking = {record.name.partition(".")[0] for record in caplog.records}
    assert talking <= {"asyncio"}


def test_nobody_at_the_address_does_not_hold_the_end_up() -> None:
    with TelegramServer() as server:
        settings = settings_for(server)
    with capture_logs() as logged:
        alerts = opened(settings)
        alerts.seen(TimeReached(), [page()], STATE)
        ending = alerts.close(0.05)
    assert not ending.complete
    assert "ALERTS_NOT_SENT" in str(logged)


def test_the_library_warns_of_nothing_while_it_is_told_to_wait() -> None:
    """It would otherwise warn of its own future from within the error that it raises."""
    with TelegramServer() as server:
        make_bot(settings_for(server).telegram, api.TOKEN)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert outcome_of(error.RetryAfter(7), Veil()) == Later(7.0)


def test_a_group_that_moved_is_final() -> None:
    outcome = outcome_of(error.ChatMigrated(-1001), Veil())
    assert isinstance(outcome, Rejected)
    assert outcome.final
    assert "supergroup" in outcome.why


def test_an_error_nobody_foresaw_is_tried_again() -> None:
    assert isinstance(outcome_of(error.TelegramError("odd"), Veil()), Failed)


def test_without_the_extra_one_line_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "telegram", None)
    said = r"telegram\.enabled: .*\.\[telegram\]"
    with TelegramServer() as server, pytest.raises(BadInput, match=said):
        open_alerts(settings_for(server), now=lambda: NOON)


# The test message


def test_a_test_message_says_which_bot_and_how_long() -> None:
    with TelegramServer() as server:
        tested = send_test(settings_for(server), "a test <of> it")
        assert tested.bot == "@desk_bot"
        assert 0 < tested.took_ms < 5000
        assert [each.text for each in server.accepted] == ["a test <of> it"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answers", "changes", "said"),
    [
        ([api.BLOCKED], {}, "unblock it"),
        ([api.too_many(9)], {}, "9 s of silence: try again"),
        ([api.BROKEN], {}, "check the network and telegram.base_url"),
        ([api.HANG], {}, "does not answer in time"),
        ([], {"chat_id": "-99"}, "check telegram.chat_id"),
        ([], {"token": f"999999:{'y' * 35}"}, "take the present one from @BotFather"),
    ],
)
def test_a_test_that_fails_says_what_to_mend(
    answers: list[Answer], changes: dict[str, Any], said: str
) -> None:
    with TelegramServer() as server:
        server.script(*answers)
        with pytest.raises(BadInput) as caught:
            send_test(settings_for(server, **changes), "x")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert api.TOKEN not in str(caught.value)


def test_without_a_chat_the_test_names_those_that_wrote() -> None:
    with TelegramServer() as server:
        settings = settings_for(server, chat_id="")
        with pytest.raises(BadInput, match="nobody has written to the bot"):
            send_test(settings, "x")
        server.wrote += [7001, 7002]
        with pytest.raises(BadInput, match=r"set it to one of 7001 \(private\), 7002"):
            send_test(settings, "x")
