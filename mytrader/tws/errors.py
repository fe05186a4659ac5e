"""The one error of this package."""

from mytrader.errors import TheirFault

NO_SUBJECT = -1
"""What stands in place of a request or order id when a message is about none."""


class WireError(TheirFault):
    """Bytes that are not the protocol, or a value that the protocol cannot carry.

    `subject` is the request or order id that the bad message was about, `NO_SUBJECT` if unknown.
    """

    def __init__(self, text: str, subject: int = NO_SUBJECT) -> None:
        super().__init__(text)
        self.subject = subject
