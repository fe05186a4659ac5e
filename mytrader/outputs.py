"""What a command gives to programs and files."""

import json
import sys
from pathlib import Path

from mytrader.errors import BadInput


def print_json(value: object) -> None:
    """Write a value to standard output as JSON; what JSON has no word for becomes text."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def write_file(option: str, path: Path, text: str) -> None:
    """Write the file that `option` asked for, over an older one; raises `BadInput`."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{option} {path}: {error.strerror}: choose another place") from None
