"""Which kind of record a file is; the one way to open it."""

from pathlib import Path

from mytrader.errors import BadInput
from mytrader.replay.history import History
from mytrader.replay.order_history import is_order_history, read_order_history
from mytrader.replay.text_log import read_text_log


def read_history(path: Path, symbol: str | None = None) -> History:
    """Read a text log or a SQLite order history, told apart by content, not by name.

    `symbol` names the contract of a text log that never reports a position. Raises `BadInput`.
    """
    try:
        database = is_order_history(path)
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist: give a log or an order history") from None
    except IsADirectoryError:
        raise BadInput(f"{path} is a directory: give one log or order history in it") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise BadInput(f"{path} cannot be read: {why}") from None
    return read_order_history(path) if database else read_text_log(path, symbol)
