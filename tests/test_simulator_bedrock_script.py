"""A script says what the service does, in order, to whom."""

from pathlib import Path

import pytest

from mytrader.errors import BadInput
from mytrader.simulator.bedrock_script import DEEDS, Deed, Script, Step, load_script


def deeds(script: Script, *targets: str) -> list[str | None]:
    steps = [script.next(target) for target in targets]
    return [None if step is None else str(step.do) for step in steps]


def test_steps_are_used_up_in_order_and_the_last_may_stay() -> None:
    script = Script([Step(do=Deed.THROTTLE, times=2), Step()])
    assert deeds(script, *"aaaa") == ["throttle", "throttle", "answer", "answer"]


def test_a_step_is_for_its_target_and_nothing_is_left_for_others() -> None:
    script = Script([Step(do=Deed.HANG, target="a"), Step(do=Deed.DENY, target="b", times=1)])
    assert deeds(script, "b", "a", "b", "c") == ["deny", "hang", None, None]


def test_a_file_holds_a_script(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(
        "- {do: answer, times: 1, reply: {decision: GO, confidence: 1, rationale: x}}\n"
        "- {do: hang, target: a, after_s: 0.5}\n"
    )
    script = load_script(path)
    assert deeds(script, "a", "a", "b") == ["answer", "hang", None]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- {do: dance}", "can `do` answer, wait"),
        ("- {times: 0}", "times"),
        ("- {unknown: 1}", "unknown"),
        ("do: answer", "array"),
        ("- {", "is not YAML"),
    ],
)
def test_a_file_that_is_no_script_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=told) as caught:
        load_script(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_reply_that_no_service_could_send_is_one_line(tmp_path: Path) -> None:
    """YAML knows dates and JSON does not: better said here than by a dead connection."""
    path = tmp_path / "script.yaml"
    path.write_text("- {do: hang}\n- {reply: {rationale: 2025-01-01}}\n")
    with pytest.raises(BadInput, match=r"step 2: the reply is no JSON: .* date"):
        load_script(path)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        load_script(tmp_path / "none.yaml")


def test_every_deed_is_said_in_words() -> None:
    assert set(DEEDS) == set(Deed)
