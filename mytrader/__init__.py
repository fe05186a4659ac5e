"""An intraday trader for index futures whose machinery never costs money by accident."""

__version__ = "0.1.0"
