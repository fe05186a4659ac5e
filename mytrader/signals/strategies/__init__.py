"""One strategy per file, named after its idea."""
