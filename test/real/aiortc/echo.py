"""aiortc as the other side of test/real/try-engine.ts: sends back every message of every channel.

Signals are lines of JSON, on the standard input and output. It gathers before it describes, so its
candidates are in its description.

    echo.py offer|answer
"""

import asyncio
import json
import sys

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp


def tell(signal):
    print(json.dumps(signal), flush=True)


def echo(channel):
    @channel.on("message")
    def on_message(message):
        channel.send(message)


async def main():
    connection = RTCPeerConnection()
    connection.on("datachannel", echo)
    early = []

    async def add(candidate):
        text = candidate["candidate"].removeprefix("candidate:")
        parsed = candidate_from_sdp(text)
        parsed.sdpMid = candidate.get("sdpMid")
        parsed.sdpMLineIndex = candidate.get("sdpMLineIndex")
        await connection.addIceCandidate(parsed)

    async def describe(kind):
        create = connection.createOffer if kind == "offer" else connection.createAnswer
        await connection.setLocalDescription(await create())
        tell({"kind": kind, "sdp": connection.localDescription.sdp})

    if sys.argv[1:] == ["offer"]:
        echo(connection.createDataChannel("echo"))
        await describe("offer")

    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        signal = json.loads(line)
        if signal["kind"] == "candidate":
            if connection.remoteDescription is None:
                early.append(signal["candidate"])
            else:
                await add(signal["candidate"])
            continue
        description = RTCSessionDescription(sdp=signal["sdp"], type=signal["kind"])
        await connection.setRemoteDescription(description)
        for candidate in early:
            await add(candidate)
        early.clear()
        if signal["kind"] == "offer":
            await describe("answer")
    await connection.close()


asyncio.run(main())
