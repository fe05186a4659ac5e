"""The kernel's word about who is at the other end."""

import os
import socket

from mytrader.control.peer import name_of, peer_of, trusted


def test_the_peer_is_this_process() -> None:
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        assert peer_of(here) == (os.getpid(), os.geteuid())


def test_only_the_same_user_and_root_are_trusted() -> None:
    assert trusted(os.geteuid())
    assert trusted(0)
    assert not trusted(os.geteuid() + 4711)


def test_a_user_without_a_name_has_a_number() -> None:
    assert name_of(0) == "root"
    assert name_of(3_999_999_999) == "user 3999999999"
