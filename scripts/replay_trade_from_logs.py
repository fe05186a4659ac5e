"""Whether today's guards would have let a recorded order out. See `--help`."""

import sys

try:
    from mytrader.replay.command import main
except ModuleNotFoundError as missing:
    sys.stderr.write(f"{missing}: run `make run` once, then use .venv/bin/python\n")
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
