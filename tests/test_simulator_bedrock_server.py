"""The server speaks HTTP to anybody, as the service does."""

import http.client
import json
from collections.abc import Iterator

import pytest

from mytrader.errors import BadInput
from mytrader.simulator.bedrock_script import Deed, Script, Step
from mytrader.simulator.bedrock_server import HOST, SIGNED, BedrockServer

CONVERSE = "/model/some.model%3A0/converse"
INVOKE = "/agents/AAAA/agentAliases/BBBB/sessions/s-1/text"
BODY = json.dumps({"messages": [1], "inputText": "x"})
HEADERS = {"Authorization": f"{SIGNED}test/20251105/us-east-1/bedrock/aws4_request"}


@pytest.fixture(scope="module", name="server")
def _server() -> Iterator[BedrockServer]:
    with BedrockServer(Script()) as server:
        yield server


def post(
    server: BedrockServer, path: str, body: str = BODY, *, headers: dict[str, str] = HEADERS
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(HOST, server.port, timeout=10)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        told = {name.lower(): value for name, value in response.getheaders()}
        return response.status, told, response.read()
    finally:
        connection.close()


def test_a_model_answers_json_and_an_agent_a_stream(server: BedrockServer) -> None:
    server.forget()
    status, told, body = post(server, CONVERSE)
    assert (status, told["content-length"]) == (200, str(len(body)))
    assert json.loads(body)["stopReason"] == "tool_use"
    status, told, body = post(server, INVOKE)
    assert (status, told["content-type"]) == (200, "application/vnd.amazon.eventstream")
    assert told["transfer-encoding"] == "chunked"
    assert len(body) > 100
    assert [asked.target for asked in server.asked] == ["some.model:0", "AAAA"]
    assert "inputText" in server.asked[1].text


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "kind"),
    [
        (CONVERSE, BODY, {}, 403, "MissingAuthenticationToken"),
        (CONVERSE, "{}", HEADERS, 400, "Validation"),
        (CONVERSE, "no JSON", HEADERS, 400, "Validation"),
        (INVOKE, json.dumps({"messages": [1]}), HEADERS, 400, "Validation"),
        ("/model/x/invoke", BODY, HEADERS, 404, "UnknownOperation"),
        (CONVERSE, BODY, {**HEADERS, "Content-Length": "9" * 9}, 400, "Validation"),
    ],
)
def test_what_the_service_refuses_is_refused(  # noqa: PLR0917 - a row of the table
    server: BedrockServer, path: str, body: str, headers: dict[str, str], status: int, kind: str
) -> None:
    got, told, _ = post(server, path, body, headers=headers)
    assert got == status
    assert told["x-amzn-errortype"].startswith(kind)


def test_an_unknown_resource_is_not_found(server: BedrockServer) -> None:
    server.script = Script([Step(target="another")])
    assert post(server, CONVERSE)[0] == 404
    server.script = Script()


def test_closing_lets_go_of_whoever_hangs() -> None:
    with BedrockServer(Script([Step(do=Deed.HANG)])) as server:
        connection = http.client.HTTPConnection(HOST, server.port, timeout=10)
        connection.request("POST", CONVERSE, BODY, HEADERS)
        assert server.wait_asked(1, within_s=10)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        connection.getresponse()
    connection.close()


def test_a_port_that_is_taken_is_one_line(server: BedrockServer) -> None:
    with pytest.raises(BadInput, match=f"port {server.port} on 127.0.0.1: .*: choose another"):
        BedrockServer(Script(), port=server.port)
