"""Days are played on a cluster of two nodes, and come back whole when one of them dies."""

import importlib.util
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mytrader.proof.campaign import alone, campaign
from mytrader.proof.day_script import DayScript
from mytrader.proof.ray_crew import RayCrew
from mytrader.proof.tally import Played, Tally
from tests.test_proof_campaign import SCRIPTS, pretend

HAVE_RAY = importlib.util.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not HAVE_RAY, reason="Ray, an optional extra, is not installed")
ROOT = str(Path(__file__).resolve().parents[1])


def slowly(script: DayScript) -> Played:
    """Play nothing, for a while."""
    threading.Event().wait(0.5)
    return pretend(script)


def test_without_ray_it_says_what_to_do() -> None:
    """In a process of its own, where the library cannot be imported."""
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "from mytrader.errors import BadInput\n"
        "from mytrader.proof.ray_crew import RayCrew\n"
        "try: RayCrew('local')\n"
        "except BadInput as error: print(error)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "pip install" in done.stdout


@pytest.mark.slow
@needs_ray
def test_two_nodes_play_all_days_also_when_one_of_them_dies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - an optional extra

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((ROOT, os.environ.get("PYTHONPATH", ""))))
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = cluster.add_node(num_cpus=1)
    crew = RayCrew(cluster.address)
    heard: list[int] = []

    def told(tally: Tally) -> None:
        heard.append(tally.days)
        if tally.days == 2:
            cluster.remove_node(second, allow_graceful=False)

    try:
        tally = campaign(SCRIPTS, slowly, crew=crew, told=told)
    finally:
        crew.close()
        cluster.shutdown()  # type: ignore[no-untyped-call] # Ray's own
    assert heard == [1, 2, 3, 4, 5, 6]
    assert tally.digest == campaign(SCRIPTS, pretend, crew=alone, told=lambda _: None).digest
    assert [result.seed for result in tally.failures] == [4]
