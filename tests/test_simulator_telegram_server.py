"""It accepts what the real one accepts and rejects what that rejects, in its words."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest

from mytrader.simulator import telegram_server as api
from mytrader.simulator.telegram_server import CHAT, TOKEN, TelegramServer, shown_text

UNMATCHED = 'expected "</i>", found "</b>"'
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(server: TelegramServer, method: str, token: str = TOKEN, **given: str) -> tuple[int, Any]:
    """Call a method; returns the status and what was answered."""
    data = urllib.parse.urlencode(given).encode() if given else None
    try:
        with DIRECT.open(f"{server.url}/bot{token}/{method}", data, 5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_it_says_who_the_bot_is_and_takes_messages() -> None:
    with TelegramServer() as server:
        assert call(server, "getMe")[1]["result"]["username"] == "desk_bot"
        status, said = call(
            server, "sendMessage", chat_id=CHAT, text="a <b>b</b>", parse_mode="HTML"
        )
        assert (status, said["ok"], said["result"]["text"]) == (200, True, "a b")
        assert server.wait_for(1)
        assert server.accepted[0].sent == "a <b>b</b>"
        assert server.requests == ["getMe", "sendMessage"]


def test_it_takes_json_too() -> None:
    with TelegramServer() as server:
        request = urllib.request.Request(  # noqa: S310 - the server of this test
            f"{server.url}/bot{TOKEN}/sendMessage",
            json.dumps({"chat_id": int(CHAT), "text": "x", "disable_notification": True}).encode(),
            {"Content-Type": "application/json"},
        )
        with DIRECT.open(request, timeout=5) as answer:
            assert json.load(answer)["ok"]
        assert server.accepted[0].silent


def test_it_rejects_strangers() -> None:
    with TelegramServer() as server:
        assert call(server, "getMe", token="123456:other")[0] == 401  # noqa: S106 - nobody's
        assert call(server, "dance")[0] == 404
        status, said = call(server, "sendMessage", chat_id="5", text="x")
        assert (status, said["description"]) == (400, "Bad Request: chat not found")
        assert server.accepted == []


def test_it_does_what_the_script_says_and_then_accepts() -> None:
    with TelegramServer() as server:
        server.script(api.too_many(3), api.BROKEN, api.OK)
        status, said = call(server, "sendMessage", chat_id=CHAT, text="x")
        assert (status, said["parameters"]) == (429, {"retry_after": 3})
        assert said["description"] == "Too Many Requests: retry after 3"
        assert call(server, "sendMessage", chat_id=CHAT, text="x")[0] == 500
        assert call(server, "sendMessage", chat_id=CHAT, text="x")[0] == 200
        assert call(server, "sendMessage", chat_id=CHAT, text="x")[0] == 200


def test_it_cuts_and_it_hangs_until_it_is_closed() -> None:
    with TelegramServer() as server:
        server.script(api.CUT)
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            call(server, "sendMessage", chat_id=CHAT, text="x")
        assert not server.wait_for(1, within_s=0.01)


def test_it_names_who_wrote() -> None:
    with TelegramServer() as server:
        server.wrote.append(7)
        assert call(server, "getUpdates")[1]["result"][0]["message"]["chat"]["id"] == 7


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        ("<b>x</b> 5 > 4 & more &amp;", ""),
        ("<b><i>x</i></b> <a href='u'>l</a>", ""),
        ("<b>x", "can't parse entities: Can't find end tag corresponding to start tag \"b\""),
        ("x</b>", "can't parse entities: Unexpected end tag at byte offset 1"),
        (
            "<b><i>x</b></i>",
            f"can't parse entities: Unmatched end tag at byte offset 7, {UNMATCHED}",
        ),
        ("é <x>", 'can\'t parse entities: Unsupported start tag "x" at byte offset 3'),
        ("5 < 6", "can't parse entities: Unclosed start tag at byte offset 2"),
        (" \n ", "message text is empty"),
        ("<b></b>", "message text is empty"),
        ("😀" * 2049, "message is too long"),
        ("x" * 4096 + "<b></b>", ""),
    ],
)
def test_html_is_read_as_the_real_one_reads_it(sent: str, problem: str) -> None:
    assert shown_text(sent, "HTML")[1] == problem


def test_of_parse_modes_it_knows_one() -> None:
    assert shown_text("5 < 6", "") == ("5 < 6", "")
    assert shown_text("x", "MarkdownV2")[1] == "unsupported parse_mode"
