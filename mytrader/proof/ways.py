"""Ways into corners: for each row of the table moves that lead to it, where a search goes on.

A search that disturbs a trade of two lots in every way reaches a corner such as "the second entry
fills while the halted cycle's cancel is under way" late or never. Each way here is a start of its
own; its moves are part of every trace. A way is a text: moves separated by commas, after each of
which a prompt world does what is pending, unless the move ends in "~".
"""

from collections.abc import Iterator
from typing import Final

from mytrader.domain.cycle import Fact, Phase
from mytrader.domain.limits import Profile
from mytrader.proof.moves import Move
from mytrader.proof.trader import Crash
from mytrader.proof.truth import CYCLE_IDS, number_of

ROLES: Final = "ESTXM"
ENTER: Final = "propose, advise GO, margin known, "
ONE: Final = ENTER + "fill E1, "
TWO: Final = ENTER + "fill E1, fill E2, "
BARE: Final = ONE + "eliminate S1~, deliver~, slow~, "
"""The stop is gone, and the question about it is slow to be answered."""
UNSURE: Final = ENTER + "fill E1~, deliver~, lose~, "
"""The entry has filled, and the word that its stop works was lost (profile strict)."""
UNSURE_HALTED: Final = UNSURE + "time, time, time, time, "
"""So much so that the time to be covered has expired."""
MOVES_REFUSED: Final = ONE + "ask flatten~, refuse change 201 S1, "

ANY: Final = (Profile.STRICT, Profile.BRACKET)
STRICT: Final = (Profile.STRICT,)
BRACKET: Final = (Profile.BRACKET,)

WAYS: Final[dict[tuple[Phase, Fact], tuple[tuple[Profile, ...], int, str]]] = {
    (Phase.PROPOSED, Fact.APPROVED): (ANY, 1, ENTER),
    (Phase.PROPOSED, Fact.REFUSED): (ANY, 1, "propose, advise WAIT, margin known"),
    (Phase.ENTERING, Fact.ENTRY_FILLED): (ANY, 1, ONE),
    (Phase.ENTERING, Fact.SETTLED): (ANY, 1, ENTER + "time"),
    (Phase.PROTECTING, Fact.ENTRY_FILLED): (ANY, 2, BARE + "fill E2~, deliver"),
    (Phase.PROTECTING, Fact.COVERED): (ANY, 1, ONE),
    (Phase.PROTECTING, Fact.REDUCED): (
        ANY,
        2,
        TWO + "eliminate S1~, deliver~, slow~, fill S2~, deliver",
    ),
    (Phase.PROTECTING, Fact.FLAT): (STRICT, 1, UNSURE + "fill S1"),
    (Phase.PROTECTING, Fact.EXIT_ASKED): (STRICT, 1, UNSURE + "ask flatten"),
    (Phase.PROTECTING, Fact.COVER_EXPIRED): (STRICT, 1, UNSURE_HALTED),
    (Phase.OPEN, Fact.ENTRY_FILLED): (ANY, 2, TWO),
    (Phase.OPEN, Fact.UNCOVERED): (ANY, 1, ONE + "eliminate S1"),
    (Phase.OPEN, Fact.REDUCED): (ANY, 2, TWO + "fill S1"),
    (Phase.OPEN, Fact.FLAT): (ANY, 1, ONE + "fill S1"),
    (Phase.OPEN, Fact.EXIT_ASKED): (ANY, 1, ONE + "ask flatten"),
    (Phase.EXITING, Fact.ENTRY_FILLED): (ANY, 2, ONE + "ask flatten~, slow~, fill E2"),
    (Phase.EXITING, Fact.EXIT_ASKED): (ANY, 1, ONE + "ask flatten~, disconnect"),
    (Phase.EXITING, Fact.REDUCED): (ANY, 2, TWO + "ask flatten, fill S1"),
    (Phase.EXITING, Fact.FLAT): (ANY, 2, TWO + "ask flatten, fill S1, fill S2"),
    (Phase.EXITING, Fact.FLIPPED): (BRACKET, 1, ONE + "ask flatten, both fill S1"),
    (Phase.EXITING, Fact.EXIT_FAILED): (STRICT, 1, MOVES_REFUSED + "eliminate X1"),
    (Phase.EXITING, Fact.SETTLED): (ANY, 1, ONE + "fill S1"),
    (Phase.HALTED, Fact.ENTRY_FILLED): (ANY, 2, ONE + "correct~, deliver~, slow~, fill E2"),
    (Phase.HALTED, Fact.COVER_EXPIRED): (
        STRICT,
        1,
        UNSURE_HALTED + "ask resume, time, time, time, time, time",
    ),
    (Phase.HALTED, Fact.REDUCED): (ANY, 2, TWO + "correct, fill S1"),
    (Phase.HALTED, Fact.FLAT): (ANY, 1, ONE + "correct, fill S1"),
    (Phase.HALTED, Fact.FLIPPED): (BRACKET, 1, ONE + "correct, both fill S1"),
    (Phase.HALTED, Fact.EXIT_ASKED): (STRICT, 1, UNSURE_HALTED + "ask flatten"),
    (Phase.HALTED, Fact.SETTLED): (STRICT, 1, UNSURE_HALTED + "fill S1"),
}
"""For each row profiles and lots under which the way is open, and the way."""


def ways_for(profile: Profile, lots: int) -> list[list[tuple[Move, bool]]]:
    """Return the ways that are open under a profile with a number of lots."""
    texts = {
        text for profiles, most, text in WAYS.values() if profile in profiles and most <= lots
    }
    return [list(moves_of(text)) for text in sorted(texts)]


def moves_of(text: str) -> Iterator[tuple[Move, bool]]:
    """Yield each move of a way, and whether a prompt world does what is pending after it."""
    for said in filter(None, (each.strip() for each in text.split(","))):
        name, argument = said.removesuffix("~"), 0
        verb, _, last = name.rpartition(" ")
        if len(last) == len("E1") and last[0] in ROLES and last[1].isdigit():
            name, argument = verb, number_of(f"mt/{CYCLE_IDS[0]}/{last}")
        yield (name, argument, Crash.NONE), not said.endswith("~")
