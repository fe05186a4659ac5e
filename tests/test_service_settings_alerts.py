"""Alerts: what can be set, and what is refused."""

import pytest
from pydantic import ValidationError

from mytrader.service_settings import TelegramSettings


@pytest.mark.parametrize("chat", [123456789, "-1001234567890", "@desk_alerts"])
def test_a_chat_is_a_number_or_a_name(chat: object) -> None:
    assert TelegramSettings.model_validate({"chat_id": chat}).chat_id == str(chat)


@pytest.mark.parametrize("chat", [True, "me", "12a", "@x", "", "-", 1.5])
def test_what_is_no_chat_is_refused(chat: object) -> None:
    with pytest.raises(ValidationError, match="number of a chat"):
        TelegramSettings.model_validate({"chat_id": chat})


@pytest.mark.parametrize("url", ["https://bots.example.org/", "http://127.0.0.1:8081"])
def test_a_token_goes_by_tls_or_stays_here(url: str) -> None:
    assert TelegramSettings(base_url=url).base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://bots.example.org",
        "http://127.0.0.1.example.org",
        "https://",
        "ftp://localhost",
        "https://user:word@example.org",
        "https://example.org/{token}",
        "https://example.org/?x=1",
    ],
)
def test_an_address_that_would_leak_a_token_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="must be https"):
        TelegramSettings(base_url=url)


def test_a_token_is_not_in_what_is_printed() -> None:
    settings = TelegramSettings.model_validate({"token": "123456:canary"})
    assert "canary" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_pages_and_troubles_cannot_be_muted() -> None:
    assert TelegramSettings.model_validate({"muted": "entry, exit"}).muted == ("entry", "exit")
    with pytest.raises(ValidationError):
        TelegramSettings.model_validate({"muted": ["trouble"]})
