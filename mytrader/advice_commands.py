"""Asking the advisors outside by hand, serving a Bedrock on this machine, trading before one.

What is asked by hand is not recorded: it costs money, and no day's budget knows of it. That of
the asking command is its own.
"""

import asyncio
import sys
import threading
from collections.abc import Callable
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mytrader import advice_demo, logs
from mytrader.advisors.panel import Panel
from mytrader.config import load_settings
from mytrader.domain.decision import AdvisorCall, Counsel, Opinion, Question, Signal
from mytrader.domain.memory import Recall, SimilarTrade
from mytrader.domain.orders import Side
from mytrader.domain.regime import Regime, Trend, Volatility
from mytrader.errors import BadInput, MissingExtra
from mytrader.outputs import print_json
from mytrader.plain_text import one_line, visible_json
from mytrader.progress import RunProgress
from mytrader.run_folder import RUNS, free_journal
from mytrader.runtime import SystemRuntime
from mytrader.service_settings import AwsAgentsSettings
from mytrader.services import open_bedrock
from mytrader.simulator.bedrock_script import DEEDS, Script, load_script
from mytrader.simulator.bedrock_server import BedrockServer

EXIT_FAILED: Final = 2
EXIT_INTERRUPTED: Final = 130

SAMPLE: Final = Question(
    cycle_id="",
    con_id=0,
    symbol="ES",
    signal=Signal(
        strategy="ema-cross",
        side=Side.BUY,
        confidence=0.68,
        entry=Decimal("6800.00"),
        stop=Decimal("6796.00"),
        target=Decimal("6808.00"),
        features={
            "atr": 9.5,
            "efficiency_ratio": 0.41,
            "volatility_ratio": 1.1,
            "volume_minutes": 95.0,
            "volume_ratio": 1.2,
        },
        reason="a sample: the fast average crossed above the slow one",
        regime=Regime(Trend.UPTREND, Volatility.MEDIUM),
    ),
    recall=Recall(
        similar=(
            SimilarTrade("sample-1", 0.4, Decimal(310), 1.6, "Held to the target."),
            SimilarTrade("sample-2", 0.7, Decimal(-195), -1.0, "Entered late.", avoid=True),
        ),
        support=0.5,
        trades=2,
        wins=1,
        mean_r=0.3,
    ),
)
"""What is asked by hand: a plausible trade, from nobody's account."""


class Asked(Struct, frozen=True):
    """What came of one question."""

    opinions: tuple[Opinion, ...]
    calls: tuple[AdvisorCall, ...]


def ask(config: Path | None, *, as_json: bool) -> int:
    """Ask the configured advisors the sample; 2 if one of them failed. Raises `BadInput`."""
    settings = load_settings(config).aws_agents
    if not settings.enabled:
        raise BadInput(
            "aws_agents.enabled is false: nobody outside is asked; set it with a region and the "
            "id of an agent or a model (docs/runbooks/aws.md)"
        )
    asked = asyncio.run(_ask(settings))
    if as_json:
        sys.stdout.write(f"{visible_json(msgspec.json.encode(asked).decode())}\n")
    else:
        _print(asked, Console(highlight=False))
    return EXIT_FAILED if any(each.failure is not None for each in asked.opinions) else 0


async def _ask(settings: AwsAgentsSettings) -> Asked:
    calls: list[AdvisorCall] = []
    # Every task's outcome is looked at by the advisors; nothing is spawned.
    runtime = SystemRuntime(lambda *_: None)
    bedrock = open_bedrock(settings, runtime, lambda _, call: calls.append(call))
    if bedrock is None:
        raise BadInput("aws_agents.enabled is false: nobody outside is asked")
    try:
        await bedrock.start()
        panel = Panel(bedrock.seats, runtime, deadline=settings.timeout)
        counsel: Counsel = await panel.ask(SAMPLE)
    finally:
        bedrock.close()
    return Asked(counsel.opinions, tuple(calls))


def _print(asked: Asked, console: Console) -> None:
    for opinion in asked.opinions:
        binds = (
            "" if opinion.decision == "GO" else ", binding" if opinion.binding else ", advisory"
        )
        told = "" if opinion.confidence is None else f" with confidence {opinion.confidence:g}"
        words = one_line(
            f"{opinion.advisor}: {opinion.decision}{binds}{told}, {opinion.latency_ms:.0f} ms: "
            f"{opinion.rationale}"
        )
        console.print(Text(words), soft_wrap=True)
    for call in asked.calls:
        console.print(
            f"  {call.target}, attempt {call.attempt}: {call.outcome}, {call.latency_ms:.0f} ms, "
            f"tokens {_told(call.tokens_in)} in, {_told(call.tokens_out)} out, "
            f"${_told(call.cost_usd)} of ${call.reserved_usd:f} set aside",
            markup=False,
            soft_wrap=True,
        )


def _told(number: int | Decimal | None) -> str:
    # What nobody told is no zero.
    return "?" if number is None else f"{number:f}" if isinstance(number, Decimal) else str(number)


def demo(kind: advice_demo.Kind, journal: Path | None, *, as_json: bool) -> int:
    """Trade a session before a Bedrock that does its worst, and show what came of it.

    1 if something was not as promised, 130 if somebody interrupted. Raises `MytraderError`.
    """
    if journal is not None and journal.exists():
        raise BadInput(f"--journal {journal}: is there already: the demo wants a new one")
    if find_spec("boto3") is None:
        # Said before a journal is begun that would be the newest one from then on.
        raise MissingExtra("mytrader advice demo", "boto3", extra="aws")
    logs.set_up(verbose=False)
    path = free_journal(RUNS) if journal is None else journal
    with RunProgress(advice_demo.MINUTES, quiet=as_json) as progress:
        played = advice_demo.play(path, kind, observers=[progress])
    if as_json:
        print_json({"journal": str(path), "cases": [_case_view(seen) for seen in played.seen]})
    else:
        _print_cases(played, path, Console(highlight=False))
    if played.interrupted:
        return EXIT_INTERRUPTED
    return int(not all(seen.as_promised for seen in played.seen))


def _case_view(seen: advice_demo.Seen) -> dict[str, object]:
    return {
        "case": seen.case.told,
        "role": seen.case.role,
        "signal_confidence": seen.case.confidence,
        "advice": seen.heard,
        "reason_codes": seen.codes,
        "entered": seen.entered,
        "as_promised": seen.as_promised,
        "cycle_id": seen.view["cycle_id"],
    }


def _print_cases(played: advice_demo.Played, journal: Path, console: Console) -> None:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("Bedrock answers", "signal", "advice", "reason code", "entry"):
        table.add_column(name, no_wrap=name in ("signal", "reason code", "entry"))
    for seen in played.seen:
        entry = "entered" if seen.entered else "refused"
        code = ", ".join(seen.codes) or "none"
        cells = (seen.case.told, f"{seen.case.confidence:.2f}", seen.heard, code, entry)
        style = "" if seen.as_promised else "bold red"
        table.add_row(*(Text(one_line(cell)) for cell in cells), style=style)
    console.print(table)
    kept = sum(seen.as_promised for seen in played.seen)
    cases = len(advice_demo.CASES)
    words = f"{kept} of {cases} as promised; all of it: mytrader cycles --json --journal {journal}"
    console.print(Text(one_line(words)), soft_wrap=True)


def deeds() -> int:
    """List what a step of a script can do."""
    for deed, words in DEEDS.items():
        sys.stdout.write(f"{deed:<13} {words}\n")
    return 0


def _until_interrupted() -> None:
    threading.Event().wait()


def serve(port: int, script: Path | None, *, wait: Callable[[], None] = _until_interrupted) -> int:
    """Serve until `wait` returns or somebody interrupts. Raises `BadInput`."""
    steps = Script() if script is None else load_script(script)
    with BedrockServer(steps, port=port) as server:
        sys.stdout.write(
            f"bedrock on {server.url}, region and ids as you like; to ask it:\n"
            f"  export MYTRADER__AWS_AGENTS__ENDPOINT_URL={server.url}\n"
            "  export MYTRADER__AWS_AGENTS__ENABLED=true MYTRADER__AWS_AGENTS__REGION=us-east-1\n"
            "  export MYTRADER__AWS_AGENTS__RISK_AGENT_ID=SAMPLE "
            "MYTRADER__AWS_AGENTS__RISK_AGENT_ALIAS_ID=SAMPLE\n"
            "  mytrader advice ask\n"
        )
        sys.stdout.flush()
        try:
            wait()
        except KeyboardInterrupt:
            sys.stdout.write("\n")
        count = len(server.asked)
    sys.stdout.write(f"bedrock closed after {count} {'request' if count == 1 else 'requests'}\n")
    return 0
