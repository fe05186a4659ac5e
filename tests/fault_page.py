"""The page about faults, from the code: `python -m tests.test_docs` writes it."""

import re
from collections.abc import Iterator
from typing import Final, get_args

import msgspec
from msgspec import structs

from mytrader.simulator.fault_catalogue import BEYOND_HOSTILE, CATALOGUE, FAMILIES
from mytrader.simulator.fault_files import PROFILES
from mytrader.simulator.fault_rules import AnyEffect, Effect, Match, Rule, When
from mytrader.simulator.faults import Faults

SCRIPT: Final = """\
profile: flaky                    # calm, flaky or hostile: what the file builds on
named: [close mid-frame]          # faults of the catalogue below
children_work_for_part: true      # a switch
rules:
  - name: the second stop never arrives
    when: {after_s: 600, skip: 1, times: 1}
    match: {message: PlaceOrder, known: false, where: {order_type: STP LMT, parent_id: "!0"}}
    effect: {do: close}
  - name: a short night
    when: {daily_at: "23:15", within_s: 600}
    effect: {do: lose_link, seconds: 90, data_kept: false}
"""

HEAD: Final = f"""\
# What the gateway can do wrong

Generated from `mytrader/simulator/fault_catalogue.py`, `mytrader/simulator/fault_rules.py` and
`mytrader/simulator/faults.py` by `python -m tests.test_docs`; a test holds this page to them.

`--faults` takes a profile or a YAML file. `calm` does nothing wrong, `flaky` is what an ordinary
week brings, `hostile` is everything in the catalogue, often, but what needs a person.

```yaml
{SCRIPT}```

A rule with `match` looks at every message of that name, in either direction: what clients send is
named in `mytrader/tws/requests.py` and `mytrader/tws/place_order.py`, what they receive in
`mytrader/tws/answers.py` and `mytrader/tws/order_answers.py`, and `Connect` is a new connection.
`where` compares fields with texts, which `!` turns round. A rule without `match` acts by itself.
Everything is drawn from the seed: equal seeds, equal faults. `gateway.faults.families` and
`gateway.faults.fired` count what happened, by family and by name.
"""
_GAP: Final = "\n\n"
_PARAGRAPHS: Final = re.compile(r"\n\s*\n")


def fault_page() -> str:
    """Return the page as it should be."""
    parts = [
        HEAD,
        "## When",
        "",
        _told(When),
        "",
        *_fields(When),
        "",
        "## Match",
        "",
        _told(Match),
        "",
        *_fields(Match),
        "",
        "## Effects",
        "",
        "| `do` | fields | what happens |",
        "| --- | --- | --- |",
        *[_effect(each) for each in get_args(AnyEffect)],
        "",
        "## Switches",
        "",
        *_switches(),
        "",
        "## Catalogue",
        "",
        *_catalogue(),
    ]
    return "\n".join(parts)


def _told(kind: type) -> str:
    first, *rest = _PARAGRAPHS.split((kind.__doc__ or "").strip())
    return _GAP.join(" ".join(each.split()) for each in (first, *rest))


def _plain(value: object) -> str:
    if value is msgspec.NODEFAULT:
        return "required"
    return f"`{msgspec.json.encode(value).decode()}`"


def _fields(kind: type[msgspec.Struct]) -> Iterator[str]:
    yield "| field | default |"
    yield "| --- | --- |"
    for field in structs.fields(kind):
        default = field.default
        if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        yield f"| `{field.encode_name}` | {_plain(default)} |"


def _effect(kind: type[Effect]) -> str:
    names = ", ".join(f"`{field.encode_name}`" for field in structs.fields(kind))
    return f"| `{kind.__struct_config__.tag}` | {names} | {_told(kind).replace(_GAP, ' ')} |"


def _switches() -> Iterator[str]:
    lines = (Faults.__doc__ or "").rstrip().splitlines()
    for line in lines[2:]:
        yield line.removeprefix("    ").rstrip()


def _catalogue() -> Iterator[str]:
    flaky = {rule.name for rule in PROFILES["flaky"].rules}
    yield "`hostile` holds all but those marked †, `flaky` those marked °, and those more seldom."
    for family in FAMILIES:
        yield f"\n### {family.capitalize()}\n"
        yield "| name | when | on | effect |"
        yield "| --- | --- | --- | --- |"
        for name, rule in CATALOGUE.items():
            if rule.family == family:
                mark = "†" if name in BEYOND_HOSTILE else "°" if name in flaky else ""
                yield f"| {name}{mark} | {_when(rule)} | {_on(rule)} | {_do(rule)} |"
    yield ""


def _when(rule: Rule) -> str:
    said = {
        field.name: getattr(rule.when, field.name)
        for field in structs.fields(When)
        if getattr(rule.when, field.name) != field.default
    }
    return _inline(said) or "always"


def _on(rule: Rule) -> str:
    if rule.match is None:
        return "by itself"
    known = {None: "", True: " of a known order", False: " of a new order"}[rule.match.known]
    where = _inline(dict(rule.match.where))
    return f"`{rule.match.message}`{known}{' with ' + where if where else ''}"


def _do(rule: Rule) -> str:
    effect = msgspec.to_builtins(rule.effect)
    effect.pop("text", None)
    defaults = {field.encode_name: field.default for field in structs.fields(type(rule.effect))}
    said = {
        key: value
        for key, value in effect.items()
        if key != "do" and value != defaults.get(key) and value != {}
    }
    return f"{effect['do']} {_inline(said)}".strip()


def _inline(values: dict[str, object]) -> str:
    return ", ".join(
        f"{key}: {value if isinstance(value, str) else msgspec.json.encode(value).decode()}"
        for key, value in values.items()
    )
