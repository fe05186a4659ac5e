"""Which number the broker knows an order of ours by, for one client id.

A number belongs to the reference that used it last. A reference whose number was given to another
order since has none any more: a cancel or a change under it would hit that other order.
"""

from collections.abc import Iterable, Mapping


class OrderNumbers:
    """Order ids by reference and references by order id; 0 and "" stand for none."""

    def __init__(self) -> None:
        self._by_ref: dict[str, int] = {}
        self._by_number: dict[int, str] = {}
        self._finished: set[str] = set()
        self._reserved: set[str] = set()

    def note(self, ref: str, number: int) -> None:
        """Take the number of an order; an order without one is no news."""
        if number > 0:
            self._by_ref[ref] = number
            self._by_number[number] = ref

    def remember(self, numbers: Mapping[str, int]) -> None:
        """Take the numbers that an earlier process gave."""
        for ref, number in numbers.items():
            self.note(ref, number)

    def reserve(self, ref: str, number: int) -> None:
        """Give a new order its number; its bytes have not left yet."""
        self.note(ref, number)
        self._reserved.add(ref)

    def take(self, ref: str) -> int:
        """Return the number that was reserved for an order, once; 0 if none was."""
        if ref not in self._reserved:
            return 0
        self._reserved.discard(ref)
        return self.of(ref)

    def of(self, ref: str) -> int:
        """Return the number of an order, 0 if it has none."""
        number = self._by_ref.get(ref, 0)
        return number if self._by_number.get(number) == ref else 0

    def ref(self, number: int) -> str:
        """Return whose number it is, "" if nobody's."""
        return self._by_number.get(number, "")

    def finish(self, refs: Iterable[str]) -> None:
        """Take that a trade is over: nobody waits for news of these orders."""
        self._finished.update(refs)

    @property
    def unfinished(self) -> set[str]:
        """The references of the orders of trades that are not over."""
        return self._by_ref.keys() - self._finished

    @property
    def highest(self) -> int:
        """The highest number in use, 0 if there is none: a new one must be above it."""
        return max(self._by_number, default=0)
