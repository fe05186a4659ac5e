"""Who is at the other end of a Unix socket: the kernel's word, not the peer's (unix(7))."""

import os
import pwd
import socket
import struct
from typing import Final

_CREDENTIALS: Final = struct.Struct("3i")
_ROOT: Final = 0


def peer_of(connection: socket.socket) -> tuple[int, int]:
    """Return the process and user id at the other end."""
    pid, uid, _gid = _CREDENTIALS.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    return pid, uid


def trusted(uid: int) -> bool:
    """Whether a user may act for this process's user: the same one, or root."""
    return uid in (os.geteuid(), _ROOT)


def name_of(uid: int) -> str:
    """Return a user's name, or the number of one without a name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
