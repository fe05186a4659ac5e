"""Where the door is: beside its journal, however long the path."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PATH_BYTES_MAX: Final = 107
"""A Unix socket's address holds 108 bytes with its end (unix(7))."""


def socket_path(journal: Path) -> Path:
    """Return the socket of a journal; two names of one journal lead to the same."""
    real = Path(os.path.realpath(journal))
    return real.with_name(f"{real.name}.sock")


@contextmanager
def short_path(path: Path) -> Iterator[Path]:
    """Yield a path that fits an address: where `path` is too long, through its open folder.

    Raises `OSError` when the folder cannot be opened, or the name alone is too long.
    """
    if len(os.fsencode(path)) <= PATH_BYTES_MAX:
        yield path
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Path(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
