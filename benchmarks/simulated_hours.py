"""Simulated hours a second: a whole synthetic session through the real client, in memory.

Everything is on: journal with durable commits, guards, advisors, the gateway. The same run times
the bare market (ticks and matching, no client), so that the ratio says what the line costs.
"""

import argparse
import json
import logging
import tempfile
import time
from datetime import date
from pathlib import Path

import structlog

from mytrader.bootstrap import Plan
from mytrader.config import load_settings
from mytrader.domain.instrument import ES
from mytrader.runs import SimulatedDay, run_embedded
from mytrader.simulator.bar_files import BarFile
from mytrader.simulator.market import bar_ticks
from mytrader.simulator.matching import Matching
from mytrader.simulator.synthetic import synthetic_bars

HOURS = 23


def main() -> dict[str, float]:
    """Return hours a second of both, and the ratio."""
    bars = BarFile(history=[], session=synthetic_bars(1, ES, session=date(2025, 12, 11)))
    settings = load_settings(None, environ={})
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(settings, ("ES",), "ema-cross", Path(folder) / "bench.journal", seed=1)
        began = time.perf_counter()
        outcome = run_embedded(plan, SimulatedDay(("ES",), bars, settings))
        took = time.perf_counter() - began
    began = time.perf_counter()
    matching = Matching()
    for tick in bar_ticks(bars.session):
        matching.advance(tick)
    bare = time.perf_counter() - began
    return {
        "hours_per_second": HOURS / took,
        "market_alone_hours_per_second": HOURS / bare,
        "ratio": bare / took,
        "closed_cycles": len(outcome.book.closed),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    logging.getLogger("ib_async").setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    figures = main()
    if as_json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:32}{value:10.3f}")
