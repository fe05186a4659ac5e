"""The memory: what can be set, and what is refused."""

import pytest
from pydantic import ValidationError

from mytrader.service_settings import RagSettings


@pytest.mark.parametrize(
    "url",
    ["https://search.example:9200", "http://127.0.0.1:9200", "http://localhost", "http://[::1]:9"],
)
def test_an_index_is_spoken_to_encrypted_or_on_this_machine(url: str) -> None:
    assert RagSettings(opensearch_url=url).opensearch_url == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://search.example:9200", "not encrypted"),
        ("http://10.0.0.7:9200", "not encrypted"),
        ("http://127.0.0.1.example", "not encrypted"),
        ("https://someone:hunter2@search.example", "OPENSEARCH_PASSWORD"),
        ("search.example:9200", "no address"),
        ("ftp://127.0.0.1", "no address"),
        ("https://", "no address"),
        ("https://a:99999", "no address"),
        ("http://[::1", "no address"),
        ("https://search.example?q=1", "no address"),
    ],
)
def test_an_address_that_would_leak_is_refused(url: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        RagSettings(opensearch_url=url)


@pytest.mark.parametrize("name", ["Trades", "", "_x", "a" * 101, "a/b", "a*"])
def test_the_name_of_an_index_is_plain(name: str) -> None:
    with pytest.raises(ValidationError):
        RagSettings(opensearch_index=name)


def test_the_memory_is_bounded() -> None:
    assert RagSettings().documents_max == 100_000
    for wrong in ({"documents_max": 1_000_001}, {"documents_max": 99}, {"neighbours": 4}):
        with pytest.raises(ValidationError):
            RagSettings.model_validate(wrong)
