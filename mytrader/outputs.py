"""What a command gives to programs and files."""

import codecs
import io
import json
import sys
from pathlib import Path
from typing import Final, TextIO

from mytrader.errors import BadInput
from mytrader.plain_text import visible_json

_PLAIN: Final = dict(zip("█◆●│…µ·→─“”⚪🟠🔴", '#*o|~u->-""o!!', strict=True))
"""What stands for a character of ours, one for one, so that columns stay where they are."""


def spell_out(*streams: TextIO | None) -> None:
    """Let streams whose encoding knows few characters show the nearest that they have."""
    codecs.register_error("plain", _nearest)
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    strange = error.object[error.start : error.end]
    return "".join(_PLAIN.get(each, "?") for each in strange), error.end


def print_json(value: object) -> None:
    """Write a value to standard output as JSON; what JSON has no word for becomes text.

    A character that cannot be seen is escaped: a terminal would obey it. Where the stream does not
    know all characters, every one beyond ASCII is.
    """
    knows_all = (sys.stdout.encoding or "").lower().startswith("utf")
    told = json.dumps(value, indent=2, ensure_ascii=not knows_all, default=str)
    sys.stdout.write(visible_json(told) + "\n")


def write_file(option: str, path: Path, text: str) -> None:
    """Write the file that `option` asked for, over an older one; raises `BadInput`."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{option} {path}: {error.strerror}: choose another place") from None
