"""A shipped peer played by python-socketio: the library that the shipped extension uses.

    shipped-peer.py URL sd|client KEY

Follows the shipped dialect as its clients do: the extension ("sd") identifies itself after every
connect, joins, ignores what the answer says, joins again with the key of `upgradeKey`, forgets its key
on `kicked`, and does what commands ask. The site ("client") identifies itself twice, and asks for
activities and resources when both sides are present. Every event is printed as a line of JSON.

A download goes on by itself, but for two kinds of name: of one with "stepwise" in it every next step
waits to be told, and one with "unwanted" in it never ends unless it is canceled. So a test sees what it
waits for, however slow it is.

Reads lines of JSON: {"emit": name, "data": payload}, {"drop": true} (the transport breaks),
{"flood": true} (10,000 resources in one push), {"step": true}, {"quit": true}.
"""

import json
import queue
import sys
import threading
import time
import traceback
import uuid

import socketio

url, kind, key = sys.argv[1:4]
sio = socketio.Client(reconnection_delay=0.2, reconnection_delay_max=0.5)
state = {"key": key, "ready": False}
resources = [{"type": "LORA", "hash": "ab" * 32, "name": "bee", "path": "/models/bee.safetensors", "hasPreview": False}]
activities = []
canceled = set()
steps = threading.Semaphore(0)
messages = queue.Queue()
start_thread = sio.eio.start_background_task


def start_background_task(target, *args, **kwargs):
    # The library starts a thread for every message, so the second may be printed before the first. What
    # tests hear must be in the order in which the server sent it: one thread takes them all.
    if target == sio.eio.handlers["message"]:
        return messages.put(args)
    return start_thread(target, *args, **kwargs)


def take_messages():
    while True:
        try:
            sio.eio.handlers["message"](*messages.get())
        except Exception:
            traceback.print_exc()


sio.eio.start_background_task = start_background_task
threading.Thread(target=take_messages, daemon=True).start()


printing = threading.Lock()


def tell(event, data=None):
    # Messages and lost connections are told by different threads, and `print` writes a line in two parts.
    with printing:
        sys.stdout.write(json.dumps({"event": event, "data": data}) + "\n")
        sys.stdout.flush()


def join():
    # The shipped extension's callback only logs; here the answer is told, so that a test sees it.
    if state["key"] is not None:
        sio.emit("join", state["key"], callback=lambda answer: tell("joined", answer))


@sio.event
def connect():
    tell("connect")
    sio.emit("iam", {"type": kind})
    join()
    if kind == "client":
        sio.emit("iam", {"type": kind})


@sio.event
def disconnect():
    tell("disconnect")


@sio.on("upgradeKey")
def upgrade(data):
    state["key"] = data["key"]
    tell("upgradeKey", data)
    if kind == "sd":
        join()


@sio.on("kicked")
def kicked():
    state["key"] = None
    tell("kicked")


@sio.on("roomPresence")
def presence(data):
    tell("roomPresence", data)
    is_ready = data["client"] > 0 and data["sd"] > 0
    if kind == "client" and is_ready and not state["ready"]:
        for wanted in ("activities:list", "resources:list"):
            now = "2026-01-01T00:00:00.000Z"
            sio.emit("command", {"id": str(uuid.uuid4()), "type": wanted, "createdAt": now})
    state["ready"] = is_ready


@sio.on("commandStatus")
def status(data):
    if len(data.get("resources", [])) > 100:
        data = {**data, "resources": len(data["resources"])}
    tell("commandStatus", data)


@sio.on("error")
def error(data):
    tell("error", data)


def answer(command, **fields):
    sio.emit("commandStatus", {**command, "updatedAt": "2026-01-02", **fields})


def add(command):
    name = command["resource"]["name"]
    activities.insert(0, command)
    for progress in (0, 25.5, 50.0, 75.25):
        if command["id"] in canceled:
            answer(command, status="canceled")
            return
        answer(command, status="processing", progress=progress, remainingTime=1, speed=1000.0)
        if "stepwise" in name:
            steps.acquire()
        time.sleep(0.05)
        while "unwanted" in name and command["id"] not in canceled:
            time.sleep(0.05)
    resources.append({**command["resource"], "hasPreview": False})
    answer(command, status="success", progress=100)
    # The shipped extension pushes its list without being asked, without id and status.
    sio.emit("commandStatus", {"type": "resources:list", "resources": resources})


def flood():
    path = "/home/somebody/stable-diffusion/models/Lora/some-folder/model-%d.safetensors"
    resources[:] = [{**resources[0], "path": path % i, "hash": "%064x" % i} for i in range(10_000)]
    sio.emit("commandStatus", {"type": "resources:list", "resources": resources})


@sio.on("command")
def command(data):
    tell("command", data)
    kind_of = data["type"]
    if kind_of == "resources:list":
        answer(data, status="success", resources=resources)
    elif kind_of == "activities:list":
        answer(data, status="success", activities=activities)
    elif kind_of == "resources:add":
        threading.Thread(target=add, args=(data,), daemon=True).start()
    elif kind_of == "activities:cancel":
        answer(data, status="success")
        # After the answer, so that the download's own comes second.
        canceled.add(data["activityId"])
    elif kind_of == "resources:remove":
        resources[:] = [one for one in resources if one["hash"] != data["resource"]["hash"].lower()]
        answer(data, status="success")
    elif kind_of == "activities:clear":
        activities.clear()
        answer(data, status="success", activities=activities)
    elif kind_of == "flood":
        flood()


sio.connect(url, socketio_path="/api/socketio")
for line in sys.stdin:
    asked = json.loads(line)
    if "emit" in asked:
        sio.emit(asked["emit"], asked["data"]) if "data" in asked else sio.emit(asked["emit"])
    elif "flood" in asked:
        flood()
    elif "step" in asked:
        steps.release()
    elif "drop" in asked:
        sio.eio.ws.close() if sio.eio.current_transport == "websocket" else sio.eio.disconnect(abort=True)
    else:
        break
sio.disconnect()
