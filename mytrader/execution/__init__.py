"""The heart: guards, order builder, trade cycle, reconcile, manager, executor."""
