"""Whether today's guards would have let a recorded order out. See `--help`.

Works with any Python of this checkout: where the package is not installed, the interpreter that
`make` has set up takes over.
"""

import os
import sys
from pathlib import Path

INSTALLED = Path(__file__).resolve().parents[1] / ".venv" / "bin" / "python"

try:
    from mytrader.replay.command import main
except ModuleNotFoundError as missing:
    if INSTALLED.exists() and Path(sys.prefix) != INSTALLED.parents[1]:
        os.execv(INSTALLED, [str(INSTALLED), *sys.argv])  # noqa: S606 - our own interpreter
    sys.stderr.write(f"{missing}: run `make run` once, then use .venv/bin/python\n")
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
