"""Switches of faults as the desks read them."""

from datetime import timedelta

from mytrader.simulator.faults import Faults


def test_a_stop_waits_for_the_longer_of_its_two_delays() -> None:
    faults = Faults(acknowledgement_delay_ms=30, stop_acknowledgement_delay_ms=20)
    assert faults.acknowledgement_delay(stop=True) == timedelta(milliseconds=30)


def test_nothing_is_late_by_default() -> None:
    faults = Faults()
    assert faults.acknowledgement_delay(stop=True) == faults.fill_delay == timedelta()
    assert faults.cancel_delay == faults.oca_cancel_delay == faults.what_if_delay == timedelta()
