"""The record: what happened, in order, provably complete. Start at `codec`."""
