"""Strangers' words made fit to be shown: one line of what can be seen, and nothing that acts.

What a broker, a model, a memory or a strategy says may hold anything: escape sequences that a
terminal obeys, line ends that forge a line of ours, characters that turn the reading order.
"""

import json


def one_line(text: str, characters_max: int | None = None) -> str:
    """Return a text as one line: printable characters, single spaces, … where it was cut."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    if characters_max is None or len(line) <= characters_max:
        return line
    return line[: characters_max - 1] + "…"


def visible_json(text: str) -> str:
    """Return a JSON text, equal to whoever reads it, in which all that cannot be seen is escaped.

    The line ends between its members stay.
    """
    if text.isascii() and "\x7f" not in text:
        return text
    seen = (each if each.isprintable() or each == "\n" else _escaped(each) for each in text)
    return "".join(seen)


def _escaped(character: str) -> str:
    # JSON need not escape this one.
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]
