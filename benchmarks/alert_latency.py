"""From an event until the Bot API has accepted its message: calm, in a burst, and asked to wait.

Usage: python benchmarks/alert_latency.py [--alerts N] [--json]

The server stands on the loopback address, so this is our own part of the way: wording, threads,
queue, pauses, retries and the client. The reference is a bare `httpx` post of the same text to
the same server in the same run; the ratio says how many such posts one calm alert takes. SAFETY.md
C23 allows five seconds for 99 of 100. In the troubled burst every tenth request is answered with
429 and a wait of one second, every tenth with 500.
"""

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import structlog

from mytrader.alerts.latency import Latencies, LatencyView
from mytrader.alerts.messenger import Alerts
from mytrader.alerts.telegram import open_alerts
from mytrader.config import load_settings
from mytrader.domain.commands import AlertLevel, RaiseAlert
from mytrader.domain.events import TimeReached
from mytrader.domain.limits import Limits
from mytrader.domain.trader import TraderState
from mytrader.simulator.telegram_server import (
    BROKEN,
    CHAT,
    OK,
    TOKEN,
    TelegramServer,
    too_many,
)

ALLOWED_S = 5.0
AT = datetime(2025, 12, 11, 15, tzinfo=UTC)
STATE = TraderState(limits=Limits())
TEXT = "SELL 1 ES at 27180 ticks: order 7 has no stop that works"


def opened(server: TelegramServer, alerts: int) -> Alerts:
    """Return the observer as a trader has it."""
    given = {
        "enabled": "true",
        "token": TOKEN,
        "chat_id": CHAT,
        "base_url": server.url,
        "queue_max": str(max(2 * alerts, 10)),
    }
    environ = {f"MYTRADER__TELEGRAM__{name.upper()}": value for name, value in given.items()}
    made = open_alerts(load_settings(environ=environ), now=lambda: AT)
    if made is None:
        raise SystemExit("alerts are switched on, and there are none")
    return made


def alert(number: int, level: AlertLevel) -> RaiseAlert:
    """Return an alert like no other."""
    return RaiseAlert(level, "EMERGENCY_STOP_PLACED", f"{TEXT} ({number})", f"{number:026d}")


def bare(server: TelegramServer, posts: int) -> LatencyView:
    """Return how long the same text takes without anything of ours."""
    latencies = Latencies()
    said = {"chat_id": CHAT, "text": TEXT, "parse_mode": "HTML"}
    with httpx.Client(trust_env=False) as client:
        for _ in range(posts):
            began = time.perf_counter()
            client.post(f"{server.url}/bot{TOKEN}/sendMessage", data=said).raise_for_status()
            latencies.add(time.perf_counter() - began)
    return latencies.view()


def calm(server: TelegramServer, alerts: int) -> LatencyView:
    """Return how long pages take that come one after the other."""
    made = opened(server, alerts)
    for number in range(alerts):
        before = len(server.accepted)
        made.seen(TimeReached(), [alert(number, AlertLevel.PAGE)], STATE)
        server.wait_for(before + 1)
    # What tells the end waits for nothing, and is not what is measured.
    view = made.ending().counts.latency
    made.close(10)
    return view


def burst(
    server: TelegramServer, alerts: int, level: Callable[[int], AlertLevel]
) -> tuple[LatencyView, LatencyView, int]:
    """Return how long they take that come all at once, how long `seen` takes, and the requests."""
    seen = Latencies()
    made = opened(server, alerts)
    for number in range(alerts):
        command = alert(number, level(number))
        began = time.perf_counter()
        made.seen(TimeReached(), [command], STATE)
        seen.add(time.perf_counter() - began)
    ending = made.close(60)
    if not ending.complete:
        raise SystemExit(f"not everything was accepted: {ending.counts}")
    return ending.counts.latency, seen.view(), ending.counts.requests


def mixed(number: int) -> AlertLevel:
    """One page among ten, two warnings, the rest quiet."""
    return (
        (AlertLevel.PAGE, AlertLevel.WARNING, AlertLevel.WARNING)[number % 10]
        if (number % 10 < 3)
        else AlertLevel.INFO
    )


def measure(alerts: int) -> dict[str, float | bool]:
    """Return everything that is measured, milliseconds unless the name says otherwise."""
    found: dict[str, float | bool] = {}
    with TelegramServer() as server:
        reference = bare(server, alerts)
        found |= _milliseconds("bare_post", reference)
        one = calm(server, alerts)
        found |= _milliseconds("calm", one)
        together, seen, requests = burst(server, alerts, mixed)
        found |= _milliseconds("burst", together)
        found["burst_requests"] = requests
        found["seen_p99_us"] = round(seen.p99_s * 1e6, 1)
        server.script(*[*[OK] * 4, too_many(1), *[OK] * 4, BROKEN] * alerts)
        troubled, _, requests = burst(server, alerts, lambda _: AlertLevel.PAGE)
        found |= _milliseconds("troubled", troubled)
        found["troubled_requests"] = requests
    found["calm_to_bare_ratio"] = round(one.p50_s / reference.p50_s, 2)
    found["within_5_s"] = max(together.p99_s, troubled.p99_s, one.p99_s) <= ALLOWED_S
    return found


def _milliseconds(name: str, view: LatencyView) -> dict[str, float]:
    named = {"p50": view.p50_s, "p99": view.p99_s, "worst": view.worst_s}
    return {f"{name}_{what}_ms": round(seconds * 1000, 2) for what, seconds in named.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="From an event until its alert is accepted")
    parser.add_argument("--alerts", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    found = measure(given.alerts)
    if given.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:24} {value:>10}")


if __name__ == "__main__":
    main()
