"""What hangs beside the line is off by default where it reaches outside."""

import pytest
from pydantic import ValidationError

from mytrader.service_settings import AwsAgentsSettings, RagSettings, TelegramSettings
from mytrader.settings import Settings


def test_nothing_reaches_outside_unless_asked_for() -> None:
    settings = Settings()
    assert not settings.rag.opensearch_enabled
    assert not settings.telegram.enabled
    assert not settings.telemetry.enabled
    assert TelegramSettings() == settings.telegram


def test_a_wait_cannot_be_switched_off() -> None:
    with pytest.raises(ValidationError, match="no off switch"):
        AwsAgentsSettings(block_on_wait=False)


def test_the_cache_is_bounded() -> None:
    assert (RagSettings().cache_entries, RagSettings().cache_ttl.total_seconds()) == (128, 120)
    with pytest.raises(ValidationError):
        RagSettings(cache_entries=0)
