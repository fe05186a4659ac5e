"""What closed trades teach: proposals with their evidence, never changes."""
