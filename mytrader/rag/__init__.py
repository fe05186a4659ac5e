"""The memory of past trades: documents derived from the journal, found by their likeness."""
