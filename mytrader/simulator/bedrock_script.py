"""What the loopback Bedrock does with each request: a list of steps, from a file or a test.

    - {do: answer, reply: {decision: GO, confidence: 0.8, rationale: fine}, times: 2}
    - {do: throttle, target: anthropic.some-model, times: 1}
    - {do: hang}

A request is met by the first step for its target that is not used up; a step without `times` is
never used up. Where no step is left the service knows no such resource.
"""

import json
import threading
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import yaml
from msgspec import Meta, Struct

from mytrader.errors import BadInput

GO: Final[dict[str, Any]] = {
    "decision": "GO",
    "confidence": 0.8,
    "rationale": "nothing speaks against it",
}
WAIT: Final[dict[str, Any]] = {
    "decision": "WAIT",
    "confidence": 0.9,
    "rationale": "the market goes nowhere",
    "advisory_only": False,
}
EVERY_TARGET: Final = "*"


class Deed(StrEnum):
    """What a service can do to a request."""

    ANSWER = "answer"
    WAIT = "wait"
    HANG = "hang"
    TRICKLE = "trickle"
    CUT = "cut"
    CUT_FRAME = "cut_frame"
    CHECKSUM = "checksum"
    THROTTLE = "throttle"
    ERROR = "error"
    UNAVAILABLE = "unavailable"
    DENY = "deny"
    VANISH = "vanish"
    REDIRECT = "redirect"
    EXCEPTION = "exception"
    SHAPE = "shape"
    PROSE = "prose"
    FENCED = "fenced"
    BIGGER = "bigger"
    ANOTHER_STOP = "another_stop"
    HUGE = "huge"
    ACTION = "action"
    MAX_TOKENS = "max_tokens"


DEEDS: Final = {
    Deed.ANSWER: "answers with `reply`",
    Deed.WAIT: "answers WAIT",
    Deed.HANG: "takes the request and says nothing",
    Deed.TRICKLE: "answers a byte every `every` seconds",
    Deed.CUT: "closes the connection in the middle of the answer",
    Deed.CUT_FRAME: "ends a stream inside a frame as if that were its end",
    Deed.CHECKSUM: "turns a bit of the answer",
    Deed.THROTTLE: "429 ThrottlingException",
    Deed.ERROR: "500 InternalServerException",
    Deed.UNAVAILABLE: "503 ServiceUnavailableException",
    Deed.DENY: "403 AccessDeniedException",
    Deed.VANISH: "closes the connection before the first byte",
    Deed.REDIRECT: "307 to another host",
    Deed.EXCEPTION: "begins an answer, then says throttlingException in the stream",
    Deed.SHAPE: "answers JSON of another shape",
    Deed.PROSE: "answers in prose",
    Deed.FENCED: "answers with the right JSON inside prose",
    Deed.BIGGER: "asks for three times the size",
    Deed.ANOTHER_STOP: "answers with another stop",
    Deed.HUGE: "answers with megabytes",
    Deed.ACTION: "an agent that wants something done; a model that uses another tool",
    Deed.MAX_TOKENS: "stops because the reply grew too long",
}
"""Every deed in words, for people."""


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a script. `after_s` passes before the first byte, `every_s` between bytes.

    `target` is an agent's or a model's id, or `*`. `raw` are bytes (in a file: base 64) that stand
    where the answer would.
    """

    do: Deed = Deed.ANSWER
    target: str = EVERY_TARGET
    times: Annotated[int, Meta(ge=1)] | None = None
    reply: dict[str, Any] | str | None = None
    after_s: Annotated[float, Meta(ge=0, le=600)] = 0.0
    every_s: Annotated[float, Meta(ge=0.001, le=60)] = 0.05
    tokens_in: Annotated[int, Meta(ge=0)] = 900
    tokens_out: Annotated[int, Meta(ge=0)] = 60
    raw: bytes | None = None


class Script:
    """Steps with a memory of how often each was used; asked by several threads."""

    def __init__(self, steps: Sequence[Step] = (Step(),)) -> None:
        self._steps = tuple(steps)
        self._used = [0] * len(self._steps)
        self._choosing = threading.Lock()

    def next(self, target: str) -> Step | None:
        """Return what is to be done to a request, `None` where nothing is left."""
        with self._choosing:
            for number, step in enumerate(self._steps):
                meant = step.target in (EVERY_TARGET, target)
                if meant and (step.times is None or self._used[number] < step.times):
                    self._used[number] += 1
                    return step
        return None


def load_script(path: Path) -> Script:
    """Return the script in a YAML file; raises `BadInput`."""
    try:
        steps = yaml.safe_load(path.read_text("utf-8"))
        script = msgspec.convert(steps, list[Step], strict=False)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}: check --script") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        text = " ".join(str(error).split())
        raise BadInput(f"{path}: is not YAML: {text}") from None
    except msgspec.ValidationError as error:
        known = ", ".join(Deed)
        raise BadInput(f"{path}: {error}; a step can `do` {known}") from None
    for number, step in enumerate(script, start=1):
        try:
            json.dumps(step.reply)
        except (TypeError, ValueError) as error:
            text = f"{path}: step {number}: the reply is no JSON: {error}: put it into quotes"
            raise BadInput(text) from None
    return Script(script)
