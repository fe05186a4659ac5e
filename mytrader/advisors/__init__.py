"""Opinions about entries. An advisor can only subtract permission; nothing here can trade."""
