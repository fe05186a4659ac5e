"""A Bot API on the loopback address, for tests and demonstrations: it answers, and misbehaves.

It knows `getMe`, `getUpdates` and `sendMessage`, keeps what it accepted, and rejects what the
real one rejects: a wrong token, an unknown chat, an empty or a long text, and HTML whose tags it
cannot read (of parse modes it knows only that one). `script` says what comes next, an answer for
each message; when the script is over it accepts. Sources: core.telegram.org/bots/api, "Making
requests", "HTML style" and "ResponseParameters".
"""

import json
import re
import socket
import threading
from collections import deque
from collections.abc import Iterable
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl

from msgspec import Struct

HOST: Final = "127.0.0.1"
TOKEN: Final = f"110201543:{'x' * 35}"
"""Of no bot, in the form of one."""

CHAT: Final = "424242"
TEXT_UNITS_MAX: Final = 4096
_TAGS: Final = {
    *("a", "b", "blockquote", "code", "del", "em", "i", "ins", "pre", "s", "span", "strike"),
    *("strong", "tg-emoji", "tg-spoiler", "u"),
}
_TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)([^<>]*)>")
_PATH: Final = re.compile(r"/bot([^/]+)/([A-Za-z]+)")
_MADE_AT: Final = 1_765_000_000


class Answer(Struct, frozen=True):
    """What the server does with one message instead of accepting it.

    `wait_s` passes before anything happens. `status` 0 cuts the connection without a word.
    """

    status: int = 200
    description: str = ""
    retry_after: int | None = None
    wait_s: float = 0.0


OK: Final = Answer()
BROKEN: Final = Answer(500, "Internal Server Error")
CUT: Final = Answer(0)
UNAUTHORIZED: Final = Answer(401, "Unauthorized")
BLOCKED: Final = Answer(403, "Forbidden: bot was blocked by the user")
HANG: Final = Answer(0, wait_s=3600.0)


def too_many(retry_after: int) -> Answer:
    """Ask for so many seconds of silence."""
    text = f"Too Many Requests: retry after {retry_after}"
    return Answer(429, text, retry_after=retry_after)


def bad_request(text: str) -> Answer:
    """Reject a message as the real one words it."""
    return Answer(400, f"Bad Request: {text}")


class Accepted(Struct, frozen=True):
    """A message as the chat shows it, and as it was sent."""

    text: str
    sent: str
    parse_mode: str
    silent: bool


class TelegramServer:
    """Listens while the `with` block runs; `url` is its base URL."""

    def __init__(self, *, token: str = TOKEN, chats: Iterable[str] = (CHAT,)) -> None:
        self.token = token
        self.chats = frozenset(chats)
        self.wrote: list[int] = []
        self.accepted: list[Accepted] = []
        self.requests: list[str] = []
        self.over = threading.Event()
        self._arrived = threading.Condition()
        self._script: deque[Answer] = deque()
        self._server = ThreadingHTTPServer((HOST, 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), name="bot-api", daemon=True
        )

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://{HOST}:{self._server.server_address[1]}"

    def script(self, *answers: Answer) -> None:
        """Do this with the next messages, one after the other."""
        self._script.extend(answers)

    def wait_for(self, messages: int, within_s: float = 5.0) -> bool:
        """Wait until so many messages were accepted; false if they were not in time."""
        with self._arrived:
            return self._arrived.wait_for(lambda: len(self.accepted) >= messages, within_s)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, given: dict[str, str]) -> tuple[Answer, Any]:
        """Return what to do with one call, and its result."""
        match = _PATH.fullmatch(path)
        if match is None:
            return Answer(404, "Not Found"), None
        if match[1] != self.token:
            return UNAUTHORIZED, None
        self.requests.append(match[2])
        match match[2]:
            case "getMe":
                user = {"id": 1, "is_bot": True, "first_name": "Desk", "username": "desk_bot"}
                return OK, user
            case "getUpdates":
                return OK, [_update(number, chat) for number, chat in enumerate(self.wrote)]
            case "sendMessage":
                return self._send(given)
            case _:
                return Answer(404, "Not Found"), None

    def _send(self, given: dict[str, str]) -> tuple[Answer, Any]:
        if self._script:
            answer = self._script.popleft()
            if answer.status != OK.status:
                return answer, None
        else:
            answer = OK
        sent, mode = given.get("text", ""), given.get("parse_mode", "")
        shown, problem = shown_text(sent, mode)
        if given.get("chat_id") not in self.chats:
            problem = "chat not found"
        if problem:
            return bad_request(problem), None
        silent = given.get("disable_notification", "").lower() == "true"
        with self._arrived:
            self.accepted.append(Accepted(shown, sent, mode, silent))
            self._arrived.notify_all()
        return answer, _message(len(self.accepted), given["chat_id"], shown)


def shown_text(sent: str, mode: str) -> tuple[str, str]:
    """Return what a chat shows of a text, and what is wrong with it, "" for nothing."""
    if mode not in ("", "HTML"):
        return "", "unsupported parse_mode"
    problem = tag_problem(sent) if mode else ""
    shown = (unescape(_TAG.sub("", sent)) if mode else sent).strip()
    if problem:
        return "", f"can't parse entities: {problem}"
    if not shown:
        return "", "message text is empty"
    if len(shown.encode("utf-16-le", "surrogatepass")) // 2 > TEXT_UNITS_MAX:
        return "", "message is too long"
    return shown, ""


def tag_problem(html: str) -> str:
    """Return why the tags cannot be read, "" if they can."""
    open_tags: list[str] = []
    place = 0
    while (place := html.find("<", place)) >= 0:
        at = len(html[:place].encode("utf-8", "surrogatepass"))
        found = _TAG.match(html, place)
        if found is None:
            return f"Unclosed start tag at byte offset {at}"
        closing, name = found[1], found[2].lower()
        if name not in _TAGS:
            return f'Unsupported start tag "{name}" at byte offset {at}'
        if not closing:
            open_tags.append(name)
        elif not open_tags:
            return f"Unexpected end tag at byte offset {at}"
        elif (expected := open_tags.pop()) != name:
            return (
                f'Unmatched end tag at byte offset {at}, expected "</{expected}>", found'
                f' "</{name}>"'
            )
        place = found.end()
    return f'Can\'t find end tag corresponding to start tag "{open_tags[-1]}"' if open_tags else ""


def _message(number: int, chat: str, text: str) -> dict[str, Any]:
    known = {"id": int(chat), "type": "private"} if chat.lstrip("-").isdigit() else {}
    place = known or {"id": -1, "type": "channel", "username": chat.lstrip("@")}
    return {"message_id": number, "date": _MADE_AT + number, "chat": place, "text": text}


def _update(number: int, chat: int) -> dict[str, Any]:
    return {"update_id": number, "message": _message(number, str(chat), "/start")}


def _handler(server: TelegramServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            if "json" in (self.headers.get("Content-Type") or ""):
                self._answer({name: str(value) for name, value in json.loads(body).items()})
            else:
                self._answer(dict(parse_qsl(body, keep_blank_values=True)))

        def _answer(self, given: dict[str, str]) -> None:
            answer, result = server.answer(self.path.partition("?")[0], given)
            if answer.wait_s:
                server.over.wait(answer.wait_s)
            if not answer.status:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            said: dict[str, Any] = {"ok": answer.status == OK.status}
            if said["ok"]:
                said["result"] = result
            else:
                said |= {"error_code": answer.status, "description": answer.description}
            if answer.retry_after is not None:
                said["parameters"] = {"retry_after": answer.retry_after}
            body = json.dumps(said).encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: standard error is the test's."""

    return Handler
