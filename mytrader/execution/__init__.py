"""The heart: guards, order builder, trade cycle, reconcile, manager, executor."""

from typing import Final

LOGIC_VERSION: Final = 1
"""Goes up when the same events lead to other commands on purpose; old journals keep theirs."""
