"""Public trading engines whose figures stand beside ours, where they are installed."""
