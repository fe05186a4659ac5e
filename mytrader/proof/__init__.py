"""The exhaustive check: the real `step` against a broker that may do anything."""
