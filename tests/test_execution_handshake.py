"""Whom we may trade through, and what a person is told about everyone else."""

import pytest

from mytrader.execution.handshake import (
    account_refusal,
    speaks_another_protocol,
    unreachable,
    version_refusal,
)


@pytest.mark.parametrize("managed", [["DU0000001"], ["DF7"]])
def test_a_paper_account_is_accepted(managed: list[str]) -> None:
    assert account_refusal(managed, "") == ""
    assert account_refusal(managed, managed[0]) == ""


@pytest.mark.parametrize("managed", [["U1234567"], ["DU1", "U1234567"], ["F1234567"]])
def test_a_live_account_is_refused_without_its_number(managed: list[str]) -> None:
    said = account_refusal(managed, managed[0])
    assert "live account; live trading is not built" in said
    assert "1234567" not in said


def test_several_accounts_need_a_choice_among_them() -> None:
    assert "choose one with ib.account" in account_refusal(["DU1", "DU2"], "")
    assert account_refusal(["DU1", "DU2"], "DU2") == ""
    assert "not an account of the gateway" in account_refusal(["DU1"], "DU2")


@pytest.mark.parametrize("text", [b"HTTP/1.1 400 Bad Request", b"SSH-2.0-OpenSSH_9.2p1\r\n"])
def test_text_is_no_beginning_of_a_message(text: bytes) -> None:
    assert speaks_another_protocol(text)


@pytest.mark.parametrize("data", [b"", b"\0\0", b"\0\0\0\x1f178\x0020251212", b"\0\x10\0\0"])
def test_a_plausible_length_may_begin_a_message(data: bytes) -> None:
    assert not speaks_another_protocol(data)


@pytest.mark.parametrize("version", [0, 157, 178])
def test_a_version_that_was_offered_or_is_not_known_yet_is_no_obstacle(version: int) -> None:
    assert version_refusal(version, oldest=157, newest=178) == ""


@pytest.mark.parametrize("version", [-3, 1, 156, 179, 999])
def test_a_version_that_nobody_offered_is_refused(version: int) -> None:
    """The client takes any number above its own, and then reads every message wrongly."""
    said = version_refusal(version, oldest=157, newest=178)
    assert f"version {version} of the TWS API where 157 to 178 were offered" in said


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no complete answer within 10 s"),
        (ConnectionRefusedError(111, "refused"), "nobody listens there"),
        (ConnectionError(["positions request timed out"]), "positions request timed out; check"),
        (OSError(-2, "Name or service not known"), "Name or service not known; check --gateway"),
        (ConnectionError(), "ConnectionError; check --gateway"),
    ],
)
def test_a_failed_connection_says_what_to_do(error: OSError, words: str) -> None:
    said = unreachable(error, timeout_s=10)
    assert words in said
    assert "\n" not in said
