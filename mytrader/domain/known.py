"""`Known | Unknown`: "the broker says there is none" and "the broker did not say" differ in type.

Wherever an answer can fail to arrive the result is a union of the two, and the type checker
insists that both are handled. An unknown is never read as empty, zero, cancelled or approved.
"""

from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Known(Struct, Generic[T], frozen=True, tag="known"):
    """An answer that arrived complete, with its end-of-data marker."""

    value: T


class Unknown(Struct, frozen=True, tag="unknown"):
    """No complete answer; `why` says what was missing."""

    why: str
