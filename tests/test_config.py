"""Later layers win, everything wrong is told at once and where, and no flag opens a guard."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from mytrader.config import MASK, config_hash, example_yaml, load_settings, show
from mytrader.errors import BadInput
from mytrader.settings import SECTIONS, Settings

EXAMPLE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "config.example.yaml"


def written(folder: Path, text: str) -> Path:
    """Write a settings file."""
    path = folder / "c.yaml"
    path.write_text(text, "utf-8")
    return path


def complaints(folder: Path, text: str = "", **environ: str) -> list[str]:
    """Return the lines of the refusal, the folder's name left out."""
    with pytest.raises(BadInput) as caught:
        load_settings(written(folder, text), environ=environ)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_the_later_layer_wins_and_every_value_knows_its_source(tmp_path: Path) -> None:
    text = "trading: {max_daily_trades: 1, max_loss_streak: 1, max_drawdown: 1}\ndata:\n"
    path = written(tmp_path, text)
    environ = {"MYTRADER__TRADING__MAX_LOSS_STREAK": "2", "MYTRADER__TRADING__MAX_DRAWDOWN": "2"}
    overrides: dict[str, object] = {"trading.max_drawdown": "3.50", "ib.port": None}
    settings = load_settings(path, environ=environ, overrides=overrides)
    trading = settings.trading
    assert (trading.max_daily_trades, trading.max_loss_streak) == (1, 2)
    assert trading.max_drawdown == Decimal("3.5")
    names = ("max_daily_trades", "max_loss_streak", "max_drawdown", "max_daily_loss")
    sources = [settings.source(f"trading.{name}") for name in names]
    assert sources == [str(path), "environment", "command line", "default"]


def test_nothing_given_is_the_defaults() -> None:
    assert load_settings(environ={}) == Settings()


def test_the_process_environment_is_read_when_none_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MYTRADER__IB__PORT", "7497")
    assert load_settings().ib.port == 7497


def test_text_from_the_environment_is_understood() -> None:
    environ = {
        "MYTRADER__TRADING__SYMBOLS": "MES, ES",
        "MYTRADER__SESSION__NO_ENTRY_BEFORE_CLOSE": "20 min",
        "MYTRADER__TRADING__MAX_LOSS_PER_TRADE": "99.50",
        "MYTRADER__AWS_AGENTS__BLOCK_ON_WAIT": "true",
        "UNRELATED": "x",
    }
    settings = load_settings(environ=environ)
    assert settings.trading.symbols == ("MES", "ES")
    assert settings.session.no_entry_before_close == timedelta(minutes=20)
    assert settings.trading.max_loss_per_trade == Decimal("99.5")
    assert settings.ignored_flags == ()


NO_DURATION = 'must be a number with its unit, such as "15 min", "2 s" or "500 ms"'


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = """
trading: {max_daily_trade: 3, max_position_size: 50, max_daily_loss: off}
tradng: {x: 1}
data: {max_age: 90}
"""
    lines = complaints(
        tmp_path,
        text,
        MYTRADER__TRADING__MAX_LOSS="5",
        MYTRADER__EXECUTION__PROFILE="loose",
        MYTRADER__TRADING="5",
        MYTRADER__A__B__C="5",
    )
    assert sorted(line.split(" (")[0] for line in lines) == sorted(
        [
            "c.yaml: trading.max_daily_trade: unknown key",
            "c.yaml: trading.max_position_size: must be less than or equal to 10",
            "c.yaml: trading.max_daily_loss: must be a number, not on or off",
            "c.yaml: tradng: unknown section",
            f"c.yaml: data.max_age: {NO_DURATION}",
            "environment: MYTRADER__TRADING__MAX_LOSS: unknown key",
            "environment: MYTRADER__EXECUTION__PROFILE: must be 'strict' or 'bracket'",
            "environment: MYTRADER__TRADING: unknown: settings are named MYTRADER__SECTION__KEY",
            "environment: MYTRADER__A__B__C: unknown: settings are named MYTRADER__SECTION__KEY",
        ]
    )
    assert "c.yaml: tradng: unknown section (did you mean trading?)" in lines
    typo = "c.yaml: trading.max_daily_trade: unknown key (did you mean max_daily_trades?)"
    assert typo in lines


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("trading: [", "c.yaml: line 1: is not YAML"),
        ("a: 1\n\tb: 2", "c.yaml: line 2: is not YAML"),
        ("trading:\n  max_drawdown: 1\n  max_drawdown: 9", "c.yaml: line 3: is not YAML: max_d"),
        ("trading: {}\ntrading: {}", "c.yaml: line 2: is not YAML: trading is given twice"),
        ("- trading", "c.yaml: must hold sections such as `trading:`, not"),
        ("trading", "c.yaml: must hold sections"),
        ("trading: 5", "c.yaml: trading: must hold settings"),
        ("tradng: 5", "c.yaml: tradng: unknown section"),
        ("zzz:", "c.yaml: zzz: unknown section: there are session, data"),
        ("data: {zzz: 1}", "c.yaml: data.zzz: unknown key: there are max_age"),
        ("1: {2: 3}", "c.yaml: 1: unknown section"),
        ("data: {1: 2}", "c.yaml: data.1: unknown key"),
        ("data: {max_age: !!python/object:os.system x}", "c.yaml: line 1: is not YAML"),
        ("data: {max_age: 2025-99-99}", "c.yaml: is not YAML"),
        ("data: {max_age: {a: 1}}", "c.yaml: data.max_age: must be"),
        ("data: {max_age: 1 h}", "c.yaml: data.max_age: must be from 1 s to 5 min (it"),
        ("? {a: 1}\n: 2", "c.yaml: line 1: is not YAML"),
        ("[" * 500 + "]" * 500, "c.yaml: is not YAML"),
        ("a: \x00", "c.yaml: is not YAML"),
        ("execution: {profile: bracket}", "c.yaml: execution.profile: bracket needs"),
        ("execution: {oca_trusted: true}", "c.yaml: execution.oca_trusted: needs the date"),
        ("trading: {symbols: [CL]}", "c.yaml: trading.symbols: CL is not known, only ES, MES, NQ"),
        ("trading: {max_daily_loss: .nan}", "c.yaml: trading.max_daily_loss: must be a finite"),
        ("session: {no_entry_before_close: 2 min}", "default: session.flatten_before_close: must"),
        ("aws_agents: {block_on_wait: maybe}", "c.yaml: aws_agents.block_on_wait: must be"),
        ("features: {no_such_flag: false}", "c.yaml: features.no_such_flag: unknown key"),
    ],
)
def test_a_bad_file_is_one_line(text: str, line: str, tmp_path: Path) -> None:
    (only,) = complaints(tmp_path, text)
    assert only.startswith(line)


def test_a_file_that_is_no_text_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no\.yaml: cannot be read"):
        load_settings(tmp_path / "no.yaml", environ={})
    with pytest.raises(BadInput, match="cannot be read"):
        load_settings(tmp_path, environ={})
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="not text in UTF-8"):
        load_settings(tmp_path / "b.yaml", environ={})


def test_a_bad_override_names_the_command_line() -> None:
    with pytest.raises(BadInput, match=r"^command line: ib.port: must be"):
        load_settings(environ={}, overrides={"ib.port": 0})


def test_a_bad_value_is_told_even_when_a_later_layer_replaces_it(tmp_path: Path) -> None:
    (only,) = complaints(tmp_path, "ib: {port: 0}", MYTRADER__IB__PORT="4002")
    assert only.startswith("c.yaml: ib.port")


def test_a_password_inside_an_address_is_never_repeated(tmp_path: Path) -> None:
    addresses = {
        "MYTRADER__RAG__OPENSEARCH_URL": "https://name:hunter2@search.example:9200",
        "MYTRADER__AWS_AGENTS__ENDPOINT_URL": "https://name:hunter2@vpc.example",
        "MYTRADER__TELEMETRY__OTLP_ENDPOINT": "https://name:hunter2@collector.example",
        "MYTRADER__TELEGRAM__BASE_URL": "http://name:hun@ter2@api.example",
    }
    said = complaints(tmp_path, **addresses)
    assert len(said) == len(addresses)
    assert not [line for line in said if "hun" in line or "ter2" in line], said


def test_an_account_is_never_repeated(tmp_path: Path) -> None:
    (only,) = complaints(tmp_path, "ib: {account: [U7654321]}")
    assert "U7654321" not in only
    settings = load_settings(environ={"MYTRADER__IB__ACCOUNT": "U7654321"})
    assert settings.ib.account == "U7654321"
    assert show(settings)["ib"]["account"] == {"value": MASK, "source": "environment"}
    assert "U7654321" not in str(show(settings))


FLAGS = ["ENTRY_RISK_GUARDS", "WAIT_BLOCKING", "EXIT_GUARDS", "LEARNING_HOOKS"]


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("value", ["false", "0", "off", "No", "", "disabled"])
def test_a_flag_of_the_environment_opens_no_guard(flag: str, value: str) -> None:
    settings = load_settings(environ={f"FF_{flag}": value})
    assert settings.ignored_flags == ((f"FF_{flag}", "environment"),)
    assert settings == Settings().told({}, settings.ignored_flags)


@pytest.mark.parametrize("flag", FLAGS)
def test_a_flag_of_the_file_opens_no_guard(flag: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"features:\n  {flag.lower()}: false\n  FF_{flag}: 0\n")
    settings = load_settings(path, environ={})
    assert [name for name, _source in settings.ignored_flags] == [
        f"features.{flag.lower()}",
        f"features.FF_{flag}",
    ]
    assert {source for _name, source in settings.ignored_flags} == {str(path)}
    assert getattr(settings.features, flag.lower()) is True


@pytest.mark.parametrize("value", ["true", "1", "on"])
def test_a_flag_that_asks_for_what_is_so_is_not_mentioned(value: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"features: {{wait_blocking: {value}}}")
    environ = {"FF_WAIT_BLOCKING": value, "FF_OF_ANOTHER_PROGRAM": "0"}
    assert load_settings(path, environ=environ).ignored_flags == ()


@pytest.mark.parametrize("value", ["false", "0", "off", "null", "'no'"])
def test_wait_always_blocks(value: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"aws_agents: {{block_on_wait: {value}}}")
    environ = {"MYTRADER__AWS_AGENTS__BLOCK_ON_WAIT": "off"}
    overrides = {"aws_agents.block_on_wait": False}
    settings = load_settings(path, environ=environ, overrides=overrides)
    assert settings.aws_agents.block_on_wait is True
    assert settings.ignored_flags == (
        ("aws_agents.block_on_wait", str(path)),
        ("MYTRADER__AWS_AGENTS__BLOCK_ON_WAIT", "environment"),
        ("aws_agents.block_on_wait", "command line"),
    )


def test_equal_settings_have_equal_hashes_however_they_are_written(tmp_path: Path) -> None:
    path = written(tmp_path, "trading: {max_daily_loss: 2000.00}\nrag: {cache_ttl: 2 min}")
    there = {"MYTRADER__JOURNAL__PATH": "/elsewhere", "MYTRADER__IB__ACCOUNT": "U7654321"}
    assert config_hash(load_settings(path, environ=there)) == config_hash(Settings())
    path = written(tmp_path, "trading: {no_entry_hours: [10, 9, 9], no_entry_regimes: []}")
    listed = load_settings(environ={"MYTRADER__TRADING__NO_ENTRY_HOURS": "9, 10"})
    assert config_hash(load_settings(path, environ={})) == config_hash(listed)


def test_every_setting_that_decides_is_in_the_hash() -> None:
    plain = config_hash(Settings())
    for name, value in (
        ("trading.max_daily_loss", "2000.01"),
        ("aws_agents.wait_override_confidence", 0.76),
        ("execution.query_interval", "501 ms"),
        ("simulator.seed", 2),
        ("simulator.commission_usd_per_side", 2),
        ("trading.symbols", "ES"),
        ("trading.no_entry_hours", "9"),
        ("trading.no_entry_strategies", "ema-cross"),
        ("trading.no_entry_regimes", "RANGE LOW"),
    ):
        assert config_hash(load_settings(environ={}, overrides={name: value})) != plain, name


def test_who_watches_changes_nothing_of_what_is_watched() -> None:
    """Equal runs have equal journals, whether or not a collector was told of them."""
    watched = {"telemetry.enabled": True, "telemetry.prometheus_port": 9464}
    assert config_hash(load_settings(environ={}, overrides=watched)) == config_hash(Settings())


def test_show_names_every_setting() -> None:
    shown = show(Settings())
    assert {section: set(keys) for section, keys in shown.items()} == {
        section: set(model.model_fields) for section, model in SECTIONS.items()
    }
    assert shown["session"]["no_entry_before_close"] == {"value": "15 min", "source": "default"}
    assert shown["ib"]["account"]["value"] is None


def test_the_example_is_current() -> None:
    """To renew it: python -m tests.test_docs."""
    assert EXAMPLE.read_text("utf-8") == example_yaml()
    assert max(map(len, example_yaml().splitlines())) <= 99


def test_the_example_is_the_defaults() -> None:
    loaded = load_settings(EXAMPLE, environ={})
    assert loaded.model_dump() == Settings().model_dump()
    assert set(yaml.safe_load(EXAMPLE.read_text("utf-8"))) == set(SECTIONS)


def test_who_is_told_what_is_not_in_the_hash() -> None:
    """A token has no place in the record, and a new one makes no other run of it."""
    told = {"MYTRADER__TELEGRAM__TOKEN": "123456:canary", "MYTRADER__TELEGRAM__CHAT_ID": "7"}
    settings = load_settings(environ=told)
    assert config_hash(settings) == config_hash(load_settings(environ={}))
    shown = show(settings)["telegram"]
    assert (shown["token"]["value"], shown["chat_id"]["value"]) == (MASK, MASK)
