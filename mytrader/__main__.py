"""`python -m mytrader`."""

from mytrader.cli import main

if __name__ == "__main__":
    main()
