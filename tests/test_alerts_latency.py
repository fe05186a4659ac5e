"""Quantiles that can be checked by hand."""

from mytrader.alerts.latency import BOUNDS_S, Latencies


def test_nothing_measured_is_zeros() -> None:
    view = Latencies().view()
    assert (view.count, view.p50_s, view.p99_s, view.worst_s) == (0, 0.0, 0.0, 0.0)
    assert view.classes == (0,) * (len(BOUNDS_S) + 1)


def test_quantiles_are_samples() -> None:
    latencies = Latencies()
    for hundredths in range(100, 0, -1):
        latencies.add(hundredths / 100)
    view = latencies.view()
    assert (view.count, view.p50_s, view.p99_s, view.worst_s) == (100, 0.5, 0.99, 1.0)
    assert view.classes == (5, 5, 15, 25, 50, 0, 0, 0, 0, 0, 0)


def test_what_takes_longer_than_every_bound_is_counted() -> None:
    latencies = Latencies()
    latencies.add(61.0)
    assert latencies.view().classes[-1] == 1
