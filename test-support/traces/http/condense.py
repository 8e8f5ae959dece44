"""Condenses recordings of HTTP exchanges through the original proxies into one file.

    python3 condense.py FOLDER > exchanges.json

FOLDER holds `rust/NAME.json` and `tornado/NAME.json`. Every recording becomes one line:

    {"scenario", "proxy",
     "conns": [{"sent", "answered", "end"}],    what a client and the proxy said, and who closed: proxy, client, or none
     "calls": [{"event", "ask", "answer"}]}     what the proxy asked of an app, and what it got

`ask` is a list of chunks; `answer` a list of {"chunk"}, {"error": [category, code, text]} and {"close": true}, without
an end if none came. A call that the worker answered otherwise than the proxy was told has {"worker": true}.

Bytes are hexadecimal digits; `616263*500` between blanks is a part that is repeated. Of reads over 16 KiB the recordings
keep the beginning, the end and the digest: what lies between is a repetition, found by that digest. Where it cannot be
found, in answers of the proxies alone, the beginning is kept and {"cut": true} says so.
"""

import hashlib
import json
import pathlib
import re
import sys

# The period of the large bodies.
PATTERN = 251

# A frame of a large chunk: its head, and the length of the chunk.
LARGE = re.compile(rb"\x93(?:[\x00-\x7f]|\xcc.|\xcd..)\x00\x91\xdb(....)", re.DOTALL)


class Incomplete(Exception):
    """A value that goes beyond the bytes."""


def values(data):
    """Yields the whole MessagePack values in data, and where each ends; raws stay bytes."""
    at = 0

    def take(count):
        nonlocal at
        if at + count > len(data):
            raise Incomplete
        at += count
        return data[at - count:at]

    def number(count):
        return int.from_bytes(take(count), "big")

    def value():
        first = number(1)
        if first < 0x80:
            return first
        if first < 0x90:
            return [(value(), value()) for _ in range(first & 15)]
        if first < 0xA0:
            return [value() for _ in range(first & 15)]
        if first < 0xC0:
            return take(first & 31)
        if first in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[first]
        if first in (0xC4, 0xD9):
            return take(number(1))
        if first in (0xC5, 0xDA):
            return take(number(2))
        if first in (0xC6, 0xDB):
            return take(number(4))
        if first in (0xCA, 0xCB):
            return take(4 if first == 0xCA else 8)
        if 0xCC <= first <= 0xCF:
            return number(1 << (first - 0xCC))
        if 0xD0 <= first <= 0xD3:
            count = 1 << (first - 0xD0)
            return int.from_bytes(take(count), "big", signed=True)
        if first in (0xDC, 0xDD):
            return [value() for _ in range(number(2 if first == 0xDC else 4))]
        if first in (0xDE, 0xDF):
            return [(value(), value()) for _ in range(number(2 if first == 0xDE else 4))]
        raise ValueError(f"no value begins with {first:#x}")

    while at < len(data):
        try:
            found = value()
        except Incomplete:
            return
        yield found, at


def fillings(head, tail, length):
    """Yields what a cut read may have been: its beginning goes on in a period, in one piece or in frames of one size."""
    for period in (1, PATTERN):
        unit = head[-period:]
        gap = length - len(head) - len(tail)
        yield head + (unit * (gap // period + 1))[:gap] + tail
    if found := LARGE.search(head):
        start, frame, size = found.start(), found[0], int.from_bytes(found[1], "big")
        count = (length - start) // (size + len(frame))
        body = (bytes(range(PATTERN)) * (size * count // PATTERN + 1))[:size * count]
        pieces = [frame + body[at:at + size] for at in range(0, len(body), size)]
        close = length - start - len(b"".join(pieces))
        yield head[:start] + b"".join(pieces) + tail[len(tail) - close:]


def whole(event):
    """Returns the bytes of an event, or None if they cannot be known."""
    if event.get("hex") is not None:
        return bytes.fromhex(event["hex"])
    head, tail = bytes.fromhex(event["head_hex"]), bytes.fromhex(event["tail_hex"])
    for candidate in fillings(head, tail, event["len"]):
        if hashlib.sha256(candidate).hexdigest() == event["sha256"]:
            return candidate
    return None


def spell(data):
    """Returns bytes as digits, with long repetitions written once."""
    parts, plain, at = [], 0, 0
    while at < len(data):
        for period in (1, PATTERN):
            unit = data[at:at + period]
            count = 1
            while data[at + count * period:at + (count + 1) * period] == unit:
                count += 1
            if len(unit) == period and count * period >= 1024:
                if plain < at:
                    parts.append(data[plain:at].hex())
                parts.append(f"{unit.hex()}*{count}")
                at += count * period
                plain = at
                break
        else:
            at += 1
    if plain < len(data):
        parts.append(data[plain:].hex())
    return " ".join(parts)


def connections(events):
    conns = {}
    for event in events:
        if event["dir"] not in ("h2p", "p2h", "note") or not event.get("conn"):
            continue
        conn = conns.setdefault(event["conn"], {"sent": b"", "answered": b"", "end": None})
        if event["dir"] == "note":
            ends = {"proxy closed the connection": "proxy", "client closed the connection": "client"}
            conn["end"] = conn["end"] or ends.get(event["text"])
            continue
        key, data = {"h2p": "sent", "p2h": "answered"}[event["dir"]], whole(event)
        if data is None and key == "answered":
            data, conn["cut"] = bytes.fromhex(event["head_hex"]), True
        conn[key] += data
    spelt = []
    for conn in conns.values():
        spelt.append({**conn, "sent": spell(conn["sent"]), "answered": spell(conn["answered"])})
    return spelt


def calls(events, ask, answer):
    """Returns the calls of one side, or None if a part of them is not known."""
    found, streams = [], {}
    for event in events:
        if event["dir"] not in (ask, answer):
            continue
        data = whole(event)
        if data is None:
            return None
        # A frame may lie in several reads.
        stream = streams.setdefault((event["conn"], event["dir"]), {"rest": b"", "open": {}})
        opened = streams.setdefault((event["conn"], ask), {"rest": b"", "open": {}})["open"]
        stream["rest"] += data
        end = 0
        for frame, end in values(stream["rest"]):
            step(frame, event["dir"] == ask, opened, found)
        stream["rest"] = stream["rest"][end:]
    return found


def step(frame, asks, opened, found):
    channel, kind, arguments = frame[:3]
    if asks and channel not in opened:
        if kind != 0 or not arguments or not isinstance(arguments[0], bytes):
            return
        opened[channel] = {"event": arguments[0].decode("latin-1"), "ask": [], "answer": []}
        found.append(opened[channel])
        return
    call = opened.get(channel)
    if call is None:
        return
    if asks:
        if kind == 0:
            call["ask"].append(spell(arguments[0]))
    elif kind == 0:
        call["answer"].append({"chunk": spell(arguments[0])})
    elif kind == 1:
        (category, code), text = arguments[0], arguments[1]
        call["answer"].append({"error": [category, code, text.decode("latin-1")]})
    else:
        call["answer"].append({"close": True})


def both(recording):
    """Returns the calls as the proxy saw them, and those that the worker answered otherwise."""
    seen = calls(recording["runtime_events"], "p2r", "r2p")
    worked = calls(recording["events"], "r2w", "w2r")
    if seen is None:
        return worked or joined(recording)
    for call in worked or []:
        if call["answer"] and not any(same(call, other) for other in seen):
            seen.append({**call, "worker": True})
    return seen


def joined(recording):
    """Returns the one call whose question is whole with the proxy, and whose answer with the worker."""
    asked = calls(recording["runtime_events"], "p2r", None)
    data = b"".join(whole(event) for event in recording["events"] if event["dir"] == "w2r")
    if len(asked) != 1:
        raise SystemExit(f"{recording['scenario']}: which answer is whose?")
    for frame, _ in values(data):
        step(frame, False, {frame[0]: asked[0]}, asked)
    return asked


def same(call, other):
    return (call["event"], call["answer"]) == (other["event"], other["answer"])


def main(folder):
    lines = []
    for path in sorted(pathlib.Path(folder).glob("*/*.json")):
        recording = json.loads(path.read_text())
        line = {
            "scenario": path.stem,
            "proxy": path.parent.name,
            "conns": connections(recording["events"]),
            "calls": both(recording),
        }
        lines.append(json.dumps(line))
    print("[\n" + ",\n".join(lines) + "\n]")


if __name__ == "__main__":
    main(sys.argv[1])
