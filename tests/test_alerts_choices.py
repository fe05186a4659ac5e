"""A token comes from where nobody else reads it, and is never repeated."""

from datetime import timedelta
from pathlib import Path

import pytest

from mytrader.alerts.choices import chat_of, secrets_of, token_of, wanted_of
from mytrader.alerts.message import Kind
from mytrader.config import load_settings
from mytrader.domain.commands import AlertLevel
from mytrader.errors import BadInput
from mytrader.simulator.telegram_server import TOKEN

VARIABLE = "MYTRADER__TELEGRAM__TOKEN"


def secret_file(folder: Path, text: str = f"{TOKEN}\n", mode: int = 0o600) -> dict[str, str]:
    """Write a token to a file and return the environment that names it."""
    path = folder / "token"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return {"MYTRADER__TELEGRAM__TOKEN_FILE": str(path)}


def complaint(environ: dict[str, str], path: Path | None = None) -> str:
    """Return the line of the refusal."""
    with pytest.raises(BadInput) as caught:
        token_of(load_settings(path, environ=environ))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_environment_gives_the_token() -> None:
    assert token_of(load_settings(environ={VARIABLE: f" {TOKEN} "})) == TOKEN


def test_a_file_of_mode_0600_gives_the_token(tmp_path: Path) -> None:
    assert token_of(load_settings(environ=secret_file(tmp_path))) == TOKEN


def test_without_a_token_one_line_says_what_to_do() -> None:
    assert VARIABLE in complaint({})
    assert "docs/runbooks/alerts.md" in complaint({})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_file_that_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    assert "others can read it: chmod 600" in complaint(secret_file(tmp_path, mode=mode))


def test_a_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    gone = {"MYTRADER__TELEGRAM__TOKEN_FILE": str(tmp_path / "gone")}
    assert "cannot be read: No such file" in complaint(gone)
    folder = {"MYTRADER__TELEGRAM__TOKEN_FILE": str(tmp_path)}
    assert "cannot be read" in complaint(folder)
    assert "is not a file" in complaint({"MYTRADER__TELEGRAM__TOKEN_FILE": "/dev/null"})


@pytest.mark.parametrize("token", ["", "123456:short", "bot" + TOKEN, "é" * 40, TOKEN + "!"])
def test_what_is_no_token_is_refused_and_not_repeated(token: str, tmp_path: Path) -> None:
    line = complaint(secret_file(tmp_path, token))
    assert "is not a bot's token" in line
    assert not token or token not in line


def test_a_token_in_a_settings_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"telegram:\n  token: '{TOKEN}'\n", "utf-8")
    line = complaint({}, path)
    assert line.startswith(f"{path}: telegram.token: a token has no place in a settings file")
    assert TOKEN not in line


def test_of_two_tokens_none_is_taken(tmp_path: Path) -> None:
    assert "keep one of them" in complaint({VARIABLE: TOKEN, **secret_file(tmp_path)})


def test_without_a_chat_one_line_says_what_to_do() -> None:
    with pytest.raises(BadInput, match="write to your bot once"):
        chat_of(load_settings(environ={}))
    assert chat_of(load_settings(environ={"MYTRADER__TELEGRAM__CHAT_ID": "-100123"})) == "-100123"


def test_accounts_and_the_token_are_secrets() -> None:
    settings = load_settings(environ={"MYTRADER__IB__ACCOUNT": "DU1"})
    assert secrets_of(settings) == ("DU1",)
    assert secrets_of(settings, TOKEN) == (TOKEN, "DU1")


def test_what_is_wanted_comes_from_the_settings() -> None:
    environ = {
        "MYTRADER__TELEGRAM__LEVEL": "warning",
        "MYTRADER__TELEGRAM__MUTED": "entry exit",
        "MYTRADER__TELEGRAM__REFUSALS_EVERY": "1 h",
    }
    wanted = wanted_of(load_settings(environ=environ).telegram)
    assert wanted.level is AlertLevel.WARNING
    assert wanted.muted == {Kind.ENTRY, Kind.EXIT}
    assert wanted.refusals_every == timedelta(hours=1)
