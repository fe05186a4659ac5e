"""Telemetry: what can be set, and what is refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from mytrader.service_settings import (
    TelemetrySettings,
)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:4318",
        "http://localhost:4318/v1/traces",
        "http://[::1]:4318",
        "https://collector.example/otlp?tenant=desk",
    ],
)
def test_a_collector_is_on_this_machine_or_behind_tls(address: str) -> None:
    assert TelemetrySettings(otlp_endpoint=address).otlp_endpoint == address


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://collector.example:4318", "leaves this machine unencrypted"),
        ("http://192.168.0.5:4318", "leaves this machine unencrypted"),
        ("http://127.0.0.1.example:4318", "leaves this machine unencrypted"),
        ("http://2130706433:4318", "leaves this machine unencrypted"),
        ("https://user:word@collector.example", "credentials belong to the collector"),
        ("https://collector.example/#x", "more than host, port and path"),
        ("ftp://127.0.0.1", "is no address"),
        ("127.0.0.1:4318", "is no address"),
        ("http://", "is no address"),
        ("http://127.0.0.1:99999", "is no address"),
        ("http://127.0.0.1:0", "is no address"),
        ("http://[::1", "is no address"),
        ("https://collector.example/a b", "is no address"),
        ("https://collector.example/\r\nX: y", "is no address"),
        ("", "is no address"),
    ],
)
def test_any_other_address_is_refused(address: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        TelemetrySettings(otlp_endpoint=address)


def test_the_rest_of_telemetry_is_bounded(tmp_path: Path) -> None:
    for odd in ({"prometheus_port": 0}, {"prometheus_port": 65_536}, {"service_name": "a b"}):
        with pytest.raises(ValidationError):
            TelemetrySettings.model_validate(odd)
    assert TelemetrySettings(log_file=tmp_path / "x").log_file == tmp_path / "x"
    assert TelemetrySettings.model_validate({"log_file": "~/x"}).log_file == Path.home() / "x"
