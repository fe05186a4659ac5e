"""The wire's error is the outside world's fault, and it remembers what it was about."""

from mytrader.errors import TheirFault
from mytrader.tws.errors import NO_SUBJECT, WireError


def test_wire_error_names_its_subject() -> None:
    assert WireError("bad", 17).subject == 17
    assert WireError("bad").subject == NO_SUBJECT == -1
    assert isinstance(WireError("bad"), TheirFault)
    assert str(WireError("bad", 17)) == "bad"
