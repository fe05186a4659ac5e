"""Whether what answers is a gateway that we may trade through, and one line when it is not."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

FRAME_BYTES_MAX: Final = 16 << 20
"""No message of the gateway is nearly as long; the text of another protocol reads as more."""

PAPER_PREFIX: Final = "D"
"""Accounts of paper logins begin with it (DU, DF, ...); those of live logins with U, F or I."""

NOT_A_GATEWAY: Final = "what listens there does not speak the TWS API; check the port"
CLOSED_EARLY: Final = (
    "it closed the connection before it answered; check that the API is enabled there and that "
    "this machine is trusted"
)


class Endpoint(Struct, frozen=True):
    """Where the gateway listens and who we are to it."""

    host: str
    port: int
    client_id: int
    account: str = ""


def speaks_another_protocol(data: bytes) -> bool:
    """Whether the bytes of an unfinished message cannot begin one: each starts with its length."""
    return len(data) >= 4 and int.from_bytes(data[:4], "big") > FRAME_BYTES_MAX


def version_refusal(version: int, *, oldest: int, newest: int) -> str:
    """Return why a server's version cannot be spoken, empty if it can or is not yet known (0)."""
    if not version or oldest <= version <= newest:
        return ""
    return (
        f"it answered with version {version} of the TWS API where {oldest} to {newest} were "
        "offered; check the port, or update what listens there"
    )


def account_refusal(managed: Sequence[str], wanted: str) -> str:
    """Return why a login's accounts cannot be traded, empty if they can; names no account."""
    if any(not account.startswith(PAPER_PREFIX) for account in managed):
        return (
            "the gateway is logged in to a live account; live trading is not built: "
            "log in to paper trading"
        )
    if wanted and wanted not in managed:
        return "ib.account is not an account of the gateway's login; correct or remove it"
    if not wanted and len(managed) > 1:
        return f"the gateway's login has {len(managed)} accounts; choose one with ib.account"
    return ""


def unreachable(error: OSError, *, timeout_s: float) -> str:
    """Return what a failed connection means for a person."""
    if isinstance(error, TimeoutError):
        return f"no complete answer within {timeout_s:.0f} s; check that it is logged in"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there; start TWS or IB Gateway, or `mytrader gateway`"
    if error.args and isinstance(error.args[0], list):
        return f"{', '.join(error.args[0])}; check that it is connected to the broker"
    reason = error.strerror or " ".join(str(error).split()) or type(error).__name__
    return f"{reason}; check --gateway"
