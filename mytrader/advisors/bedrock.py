"""Amazon Bedrock: the only file that speaks to it.

Two ways to ask. An **agent** is asked by `invoke_agent`: its reply is a stream of events over
HTTP, frames with two checksums each, and the text of the answer lies in `chunk` events. A
**model** is asked by `converse` with one tool whose input has the schema of a reply, and it must
use that tool. Either reply is parsed by `opinion.parse_reply`, which trusts nothing. Where words
are wanted (`bedrock_words`) a model has no tool; its text is checked by whoever shows it.

What botocore does not notice, and is noticed here (its 1.44):

* It does not compare what came with `Content-Length`, and a stream that ends inside a frame ends
  without an error. Both are a cut stream, even if the bytes so far can be read.
* Its timeouts are from one byte to the next: a peer that trickles is given up between two pieces,
  and one that does so within a piece after twice the time (`side_threads`).
* Its own retries are off: they know no deadline and no budget.

Where the endpoint is plain http, it is this machine (the settings see to it), and requests are
signed with a dummy key: real credentials never leave in the clear. Everywhere else they come from
boto3's own chain and are in no setting. Endpoints and proxies of the environment do not count.

boto3 is an optional package (the extra `aws`): this module is imported only where it is used.
"""

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from http.client import RemoteDisconnected
from typing import Any, Final, Protocol

import boto3
from botocore import exceptions as errors
from botocore.config import Config
from botocore.eventstream import ChecksumMismatch
from botocore.eventstream import ParserError as BadFrame
from botocore.parsers import ResponseParserError
from botocore.session import Session as BotocoreSession
from msgspec import Struct
from urllib3 import exceptions as wire_errors

from mytrader.advisors.bedrock_answers import (
    TOOL,
    Unreadable,
    joined,
    plain_code,
    tokens,
    tool_input,
    written_text,
)
from mytrader.advisors.budget import Prices
from mytrader.advisors.frames import CutStream, TooLate, TooLong, WatchedStream
from mytrader.advisors.opinion import REPLY_SCHEMA
from mytrader.advisors.outside import ANSWERED, BUSY, TIMEOUT, UNENDED_MAX, UNREADABLE, Reply
from mytrader.advisors.prompts import Prompt
from mytrader.advisors.side_threads import SideThreads, Unended
from mytrader.runtime import monotonic_seconds
from mytrader.service_settings import AwsAgentsSettings

SHARE_OF_DEADLINE: Final = 0.9
"""The advisors end before the panel does, so that it is they who say what went wrong."""
SHARE_OF_READ: Final = 0.95
"""The thread ends before the advisor gives it up, where the peer is merely silent."""
THREAD_TIMES: Final = 2.0
"""How long a call may go on, in terms of its time: late answers tell what they cost."""
THREADS_MAX: Final = 4 * UNENDED_MAX
CONNECT_TIMEOUT_MAX: Final = timedelta(seconds=1)
STREAM_BYTES_MAX: Final = 1_048_576
TOOL_TOKENS: Final = 1000
"""More than a service adds to a request that has a tool."""
NOTHING: Final = Decimal(0)
CLIENT_ERROR: Final = "client_error"

TOOL_SCHEMA: Final = {
    key: value for key, value in REPLY_SCHEMA.items() if key != "additionalProperties"
}
"""At its top Nova takes a type, properties and what is required; the parser is closed anyway."""

_UNCHARGED: Final = frozenset(
    {"throttled", "access_denied", "bad_request", "not_found", "redirected", "no_credentials"}
)
"""Answers that did no work; the cost of everything else that failed is unknown."""
_WORDS_BY_CODE: Final = {
    "throttlingexception": "throttled",
    "toomanyrequestsexception": "throttled",
    "modelnotreadyexception": "throttled",
    "servicequotaexceededexception": "quota_spent",
    "accessdeniedexception": "access_denied",
    "resourcenotfoundexception": "not_found",
    "validationexception": "bad_request",
    "conflictexception": "server_error",
    "dependencyfailedexception": "server_error",
    "internalserverexception": "server_error",
    "badgatewayexception": "server_error",
    "modelerrorexception": "server_error",
    "modeltimeoutexception": "server_error",
    "serviceunavailableexception": "server_error",
}
_WORDS_BY_STATUS: Final = {401: "access_denied", 403: "access_denied", 404: "not_found"}
_NO_PROFILE: Final[dict[str, Any]] = {
    name: (None, None, None if name == "profile" else os.devnull, None)
    for name in ("profile", "config_file", "credentials_file")
}
"""Variables of a session that hears of no file and no environment."""

_BROKEN_PROFILES: Final = (
    errors.ProfileNotFound,
    errors.ConfigParseError,
    errors.InvalidConfigError,
)

_WORDS: Final[tuple[tuple[tuple[type[Exception], ...], str], ...]] = (
    ((errors.ConnectTimeoutError, errors.ReadTimeoutError, wire_errors.TimeoutError), TIMEOUT),
    ((TooLate, TimeoutError), TIMEOUT),
    ((errors.NoCredentialsError, errors.PartialCredentialsError), "no_credentials"),
    ((errors.CredentialRetrievalError, errors.TokenRetrievalError), "no_credentials"),
    ((errors.SSOError, *_BROKEN_PROFILES), "no_credentials"),
    ((ChecksumMismatch,), "bad_checksum"),
    ((CutStream, errors.ResponseStreamingError), "cut_stream"),
    ((wire_errors.ProtocolError, wire_errors.IncompleteRead), "cut_stream"),
    ((TooLong, BadFrame, ResponseParserError), UNREADABLE),
    ((errors.EndpointConnectionError, errors.HTTPClientError), "unreachable"),
    ((wire_errors.HTTPError, OSError), "unreachable"),
    ((ValueError, TypeError, LookupError, AttributeError), UNREADABLE),
)
"""The first kind that fits gives the word; no answer came, so there is no code."""

_ClientErrors: Final = (
    errors.BotoCoreError,
    errors.ClientError,
    wire_errors.HTTPError,
    BadFrame,
    ResponseParserError,
    OSError,
    # What the client's own parsers let through where an answer is not of the shape they expect.
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
)


class _Models(Protocol):
    """What is used of the client for models."""

    def converse(self, **request: object) -> Mapping[str, Any]: ...


class _Agents(Protocol):
    """What is used of the client for agents."""

    def invoke_agent(self, **request: object) -> Mapping[str, Any]: ...


class Credentials(Struct, frozen=True):
    """A key given by hand: for peers on this machine, which ask for none."""

    key_id: str
    secret: str


LOOPBACK_CREDENTIALS: Final = Credentials("loopback", "no secret: requests stay on this machine")


class Door:
    """The clients, each made once, by whichever thread needs it first: that takes 0.3 s.

    Clients may be shared by threads; making them may not.
    """

    def __init__(
        self, settings: AwsAgentsSettings, *, credentials: Credentials | None = None
    ) -> None:
        self._plain = plain = (settings.endpoint_url or "").startswith("http:")
        self._settings = settings
        self._credentials = LOOPBACK_CREDENTIALS if plain and not credentials else credentials
        self._answer_s = answer_within(settings).total_seconds() * SHARE_OF_READ
        self._config = Config(
            connect_timeout=min(self._answer_s, CONNECT_TIMEOUT_MAX.total_seconds()),
            read_timeout=self._answer_s,
            retries={"total_max_attempts": 1, "mode": "standard"},
            max_pool_connections=THREADS_MAX,
            ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # the stub lacks it
            tcp_keepalive=True,
            proxies={} if plain else None,
            signature_version="v4" if plain else None,
        )
        self._threads = SideThreads[Reply](THREADS_MAX)
        self._making = threading.Lock()
        self._clients: dict[str, Any] = {}

    def call(self, work: Callable[[], Reply]) -> Reply:
        """Do a blocking call and return how it ended, in bounded time."""
        reply = self._threads.do(work, self._answer_s * THREAD_TIMES)
        if not isinstance(reply, Unended):
            return reply
        return Reply(reply.why, cost_usd=NOTHING if reply.why == BUSY else None)

    def models(self) -> _Models:
        """Return the client for models."""
        client: _Models = self._client("bedrock-runtime")
        return client

    def agents(self) -> _Agents:
        """Return the client for agents."""
        client: _Agents = self._client("bedrock-agent-runtime")
        return client

    def warm(self, *, agents: bool, models: bool) -> None:
        """Make clients ahead; what fails here fails again, with its word, when it is used."""
        with suppress(*_ClientErrors):
            if agents:
                self.agents()
            if models:
                self.models()

    def close(self) -> None:
        """Give the connections up; what is under way may end."""
        with self._making:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes the class as it goes
        with self._making:
            if service not in self._clients:
                self._clients[service] = self._made(service)
            return self._clients[service]

    def _made(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes the class as it goes
        key = self._credentials
        make: Callable[..., Any] = self._session().client
        client = make(
            service,
            region_name=self._settings.region,
            endpoint_url=self._settings.endpoint_url,
            aws_access_key_id=None if key is None else key.key_id,
            aws_secret_access_key=None if key is None else key.secret,
            config=self._config,
        )
        client.meta.events.register(f"before-parse.{service}", self._watch)
        return client

    def _session(self) -> boto3.Session:
        if not self._plain:
            return boto3.Session()
        # Nobody's profile counts where a dummy key signs, and a broken one is no obstacle.
        return boto3.Session(botocore_session=BotocoreSession(session_vars=_NO_PROFILE))

    def _watch(self, response_dict: dict[str, Any], **_: object) -> None:
        """Compare what came with what was announced, before the client reads it."""
        announced = response_dict["headers"].get("content-length")
        length = int(announced) if announced is not None and announced.isdecimal() else None
        body = response_dict["body"]
        if not isinstance(body, bytes):
            over_s = monotonic_seconds() + self._answer_s
            response_dict["body"] = WatchedStream(
                body,
                lambda: monotonic_seconds() < over_s,
                length=length,
                bytes_max=STREAM_BYTES_MAX,
            )
        elif length is not None and len(body) != length:
            raise CutStream(f"{len(body)} bytes of {length}")


class ModelTarget:
    """A model, asked by `converse` with one tool that it must use."""

    def __init__(
        self, door: Door, model_id: str, *, prices: Prices, reply_tokens_max: int
    ) -> None:
        # What an ARN says before its resource is an account number, and nobody's business.
        self.name = f"model/{model_id.rsplit('/', 1)[-1]}"
        self._door = door
        self._model_id = model_id
        self._prices = prices
        self._tokens_max = reply_tokens_max

    def worst_usd(self, prompt: Prompt) -> Decimal:
        """Return the most that a call can cost: no text has more tokens than bytes."""
        size = len(prompt.instruction.encode()) + len(prompt.text.encode())
        return self._prices.cost_usd(size + TOOL_TOKENS, self._tokens_max)

    def ask(self, prompt: Prompt, session: str) -> Reply:
        """See `outside.Target`."""
        del session  # A model remembers nothing.
        return self._door.call(lambda: self._call(prompt))

    def _call(self, prompt: Prompt) -> Reply:
        try:
            told = self._door.models().converse(**self._request(prompt))
        except _ClientErrors as error:
            return failure(error)
        return self.read(told)

    def _request(self, prompt: Prompt) -> dict[str, object]:
        described = "Gives the opinion on the proposed trade. The only way to answer."
        tool = {"name": TOOL, "description": described, "inputSchema": {"json": TOOL_SCHEMA}}
        return {
            "modelId": self._model_id,
            "system": [{"text": prompt.instruction}],
            "messages": [{"role": "user", "content": [{"text": prompt.text}]}],
            "inferenceConfig": {"maxTokens": self._tokens_max},
            "toolConfig": {
                "tools": [{"toolSpec": tool}],
                "toolChoice": {"tool": {"name": TOOL}},
            },
        }

    def read(self, told: Mapping[str, Any]) -> Reply:
        """Return what a response says; what it does not say is unknown, not zero."""
        usage = told.get("usage") or {}
        tokens_in = tokens(usage, ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"))
        tokens_out = tokens(usage, ("outputTokens",))
        known = tokens_in is not None and tokens_out is not None
        cost_usd = self._prices.cost_usd(tokens_in or 0, tokens_out or 0) if known else None
        try:
            outcome, detail, body = ANSWERED, "", self._answer(told)
        except Unreadable as why:
            outcome, detail, body = UNREADABLE, str(why), None
        return Reply(
            outcome,
            body,
            detail=detail,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cost_usd=cost_usd,
        )

    def _answer(self, told: Mapping[str, Any]) -> str:
        return tool_input(told)


class WritingModelTarget(ModelTarget):
    """A model, asked by `converse` for plain text: it has no tool, and can only write."""

    def _request(self, prompt: Prompt) -> dict[str, object]:
        request = super()._request(prompt)
        del request["toolConfig"]
        return request

    def _answer(self, told: Mapping[str, Any]) -> str:
        return written_text(told)


class AgentTarget:
    """An agent, by its id and its alias's. Each question is a session of its own.

    Agents tell no tokens, so a call costs what the settings say an agent's call costs.
    """

    def __init__(self, door: Door, agent_id: str, alias_id: str, *, call_usd: Decimal) -> None:
        self.name = f"agent/{agent_id}/{alias_id}"
        self._door = door
        self._agent_id = agent_id
        self._alias_id = alias_id
        self._call_usd = call_usd

    def worst_usd(self, prompt: Prompt) -> Decimal:
        """Return what is set aside for a call."""
        del prompt
        return self._call_usd

    def ask(self, prompt: Prompt, session: str) -> Reply:
        """See `outside.Target`."""
        return self._door.call(lambda: self._call(prompt, session))

    def _call(self, prompt: Prompt, session: str) -> Reply:
        try:
            told = self._door.agents().invoke_agent(
                agentId=self._agent_id,
                agentAliasId=self._alias_id,
                sessionId=session,
                inputText=f"{prompt.instruction}\n{prompt.text}",
                enableTrace=False,
            )
            stream = told["completion"]
            try:
                body = joined(stream)
            finally:
                # What was not read to its end must not go back to the pool.
                stream.close()
        except Unreadable as why:
            return Reply(UNREADABLE, detail=str(why))
        except _ClientErrors as error:
            return failure(error)
        return Reply(ANSWERED, body)


def failure(error: Exception) -> Reply:
    """Return the end of a call that raised: a stable word, with the service's code if it has one.

    The text of an error is not told: it may hold account numbers, or anything.
    """
    if isinstance(error, errors.ClientError):
        return _refused(error)
    word = _word(error)
    unsent = isinstance(error, errors.ConnectTimeoutError | errors.EndpointConnectionError)
    unsaid = word == CLIENT_ERROR or isinstance(error, _BROKEN_PROFILES)
    return Reply(
        word,
        detail=plain_code(type(error).__name__) if unsaid else "",
        cost_usd=NOTHING if unsent or word in _UNCHARGED else None,
    )


def _refused(error: errors.ClientError) -> Reply:
    code = plain_code(error.response.get("Error", {}).get("Code"))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    word = _WORDS_BY_CODE.get(code.lower())
    # A code that the word does not say already is worth telling: an expired token, say.
    word, detail = (word, "") if word is not None else (_word_of_status(status), code)
    # A stream that was refused midway had begun, and what had begun may be charged.
    begun = isinstance(error, errors.EventStreamError)
    return Reply(
        word, detail=detail, cost_usd=NOTHING if word in _UNCHARGED and not begun else None
    )


def _word_of_status(status: object) -> str:
    if not isinstance(status, int) or status >= 500:
        return "server_error"
    if status == 429:
        return "throttled"
    if 300 <= status < 400:
        return "redirected"
    return _WORDS_BY_STATUS.get(status, "bad_request")


def _word(error: Exception) -> str:
    if isinstance(error, errors.ConnectionClosedError):
        return "unreachable" if _never_answered(error) else "cut_stream"
    return next((word for kinds, word in _WORDS if isinstance(error, kinds)), CLIENT_ERROR)


def _never_answered(error: errors.ConnectionClosedError) -> bool:
    """Whether the peer closed before it said anything: an idle connection that it gave up."""
    cause = error.kwargs.get("error")
    reasons = getattr(cause, "args", ())
    return any(isinstance(reason, RemoteDisconnected | OSError) for reason in reasons)


def answer_within(settings: AwsAgentsSettings) -> timedelta:
    """Return how long an advisor has: less than the panel."""
    return settings.timeout * SHARE_OF_DEADLINE
