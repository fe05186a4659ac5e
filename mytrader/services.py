"""Opens the doors to what hangs beside the line; it contains no decisions."""

from mytrader.alerts.telegram import Tested, open_alerts, send_test

__all__ = ["Tested", "open_alerts", "send_test"]
