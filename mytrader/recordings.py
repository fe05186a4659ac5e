"""The commands about real gateways: record what passes, and compare it with the simulator."""

import asyncio
import re
import signal
import sys
from pathlib import Path
from typing import Final

from msgspec import Struct

from mytrader import logs
from mytrader.errors import BadInput
from mytrader.runtime import SystemRuntime
from mytrader.simulator.comparison import compare as compare_recording
from mytrader.simulator.comparison import comparison_lines
from mytrader.simulator.fault_files import load_faults
from mytrader.simulator.faults import Faults
from mytrader.simulator.recording import RecordingWriter
from mytrader.simulator.recording_proxy import RecordingProxy

EXIT_DIFFERENT: Final = 1


class RecordingOptions(Struct, frozen=True):
    """What was asked of `mytrader gateway --record` or `--compare`, as it was typed."""

    port: int
    record: str | None
    out: Path | None
    compare: Path | None
    faults: Path | None
    verbose: bool


def run(asked: RecordingOptions) -> int:
    """Record or compare and return the exit status. Raises `BadInput`."""
    logs.set_up(verbose=asked.verbose)
    if asked.record is not None and asked.compare is not None:
        raise BadInput("--record and --compare: record first, then compare the file")
    if asked.compare is not None:
        if asked.out is not None:
            raise BadInput("--out is for --record; --compare writes to standard output")
        return _compare(asked.compare, asked.faults)
    if asked.record is None:
        raise BadInput("--out is for --record HOST:PORT, the gateway to record")
    if asked.out is None:
        raise BadInput("--record needs --out FILE, a new file for the recording")
    if asked.faults is not None:
        raise BadInput("--faults is for a simulated gateway; a recorded one is left as it is")
    return asyncio.run(_record(_endpoint(asked.record), asked.out, port=asked.port))


def _compare(path: Path, faults: Path | None) -> int:
    found = compare_recording(path, Faults() if faults is None else load_faults(faults))
    sys.stdout.write("\n".join(comparison_lines(found)) + "\n")
    return 0 if found.alike else EXIT_DIFFERENT


async def _record(gateway: tuple[str, int], out: Path, *, port: int) -> int:
    host, their_port = gateway
    runtime = SystemRuntime(lambda *_: None)
    over = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, over.set)
    with RecordingWriter(out, f"{host}:{their_port}") as recording:
        proxy = RecordingProxy(host, their_port, recording=recording, now=runtime.now)
        server = await proxy.serve(port)
        listening = server.sockets[0].getsockname()[1]
        _say(
            f"recording {host}:{their_port} on 127.0.0.1:{listening} to {out}; connect the client "
            "here, end with Ctrl-C"
        )
        await over.wait()
        server.close()
        await proxy.close()
        _say(
            f"recorded {proxy.connections} connections, {recording.bytes_recorded} bytes to {out}"
        )
    if proxy.failure is not None:
        raise BadInput(f"--out {out}: {proxy.failure.strerror}; the recording is not complete")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _endpoint(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise BadInput(f"--record {text}: give HOST:PORT, such as 127.0.0.1:4001")
    return host, int(port)
