"""What a command gives to programs and files."""

import json
import sys
from pathlib import Path

from mytrader.errors import BadInput
from mytrader.plain_text import visible_json


def print_json(value: object) -> None:
    """Write a value to standard output as JSON; what JSON has no word for becomes text.

    A character that cannot be seen is escaped: a terminal would obey it.
    """
    told = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write(visible_json(told) + "\n")


def write_file(option: str, path: Path, text: str) -> None:
    """Write the file that `option` asked for, over an older one; raises `BadInput`."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{option} {path}: {error.strerror}: choose another place") from None
