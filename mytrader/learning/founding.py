"""The loss of 2025-12-12 as a lesson: the first thing that is remembered.

Source: the postmortem of that day. An exit that was not bound to reduce bought one ESZ5 contract
while the position was flat; it had neither stop nor target, and the advisors had said WAIT.
"""

from typing import Final

from mytrader.domain.founding import CONTRACT, FOUNDING_ID, SIDE
from mytrader.learning.lessons import Fact, Lesson

SOURCE: Final = "postmortem of 2025-12-12, orders 14812 and 15638"
LINE: Final = (
    "An exit opened a position: ESZ5 was bought at 6890.50 with neither stop nor target,"
    " against a WAIT, and sold at 6856.50; do not enter without a stop, nor against a WAIT."
)
FACTS: Final = (
    Fact("day", "2025-12-12"),
    Fact("contract", CONTRACT),
    Fact("entry order", "14812, BUY 1, meant as an exit"),
    Fact("entry", "6890.50 at 08:53:13 US Central"),
    Fact("exit", "6856.50 at 09:35:22 US Central, order 15638"),
    Fact("stop and target", "none"),
    Fact("advice", "WAIT, not followed"),
    Fact("net", "-1700 USD before commission"),
)
FOUNDING_LESSON: Final = Lesson(
    line=LINE,
    facts=FACTS,
    evidence=(FOUNDING_ID,),
    avoid=True,
    side=SIDE,
    source=SOURCE,
)
