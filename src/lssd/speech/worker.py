"""The process that holds espeak-ng, apart from the rest of the project, whose licence is another.

espeak-ng is GPL-3, so nothing else of this project loads it; and what it says depends on what it
said before. So this process only initialises the library; for each language it forks a process that
loads the language and never speaks; and that one forks a fresh child for each line. Loading a language
takes longer than a line, and what a child says depends on its language and its line alone.
It is started as a file (`python -P worker.py`), not as a module: importing the package would bring
modules that a process which forks should not carry.

Protocol: one JSON object a line on standard input, {"text", "voice", "variant", "pitch", "range",
"rate"}; for each, one JSON line on standard output, {"samples": N, "words": [[first character,
characters, start sample, end sample], ...]}, then N little-endian 16-bit samples; or {"error": message}
when the library failed, {"refused": message} when the request was wrong.
The first line out, before any request, is {"sample_rate": ...}.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

_SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: samples come through the callback within espeak_Synth
_UTF8 = 1
_CHARACTERS = 1  # unit of the start position
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_WORD, _END = 1, 5  # espeak_EVENT_TYPE
_LINE_LIMIT_S = 60  # a line that takes longer than this is stuck


class _Identity(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("phonemes", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("message", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Identity),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


def _synthesise(library: ctypes.CDLL, variants: frozenset[str], request: dict[str, Any]) -> bytes:
    """One line as the protocol's reply. Only ever called in a child that is about to end."""
    variant = request["variant"]
    if variant not in variants:
        return _answer("refused", f"espeak-ng has no voice variant '{variant}'")
    if library.espeak_SetVoiceByName(f"{request['voice']}+{variant}".encode()) != 0:
        return _answer("refused", f"espeak-ng has no voice for the language '{request['voice']}'")
    # The library seeds its generator by the clock when it starts; breathy variants draw noise from it.
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    for parameter, key in ((_RATE, "rate"), (_PITCH, "pitch"), (_RANGE, "range")):
        library.espeak_SetParameter(parameter, request[key], 0)
    pieces: list[bytes] = []
    events: list[tuple[int, int, int, int]] = []

    def receive(samples: Any, count: int, event: Any) -> int:
        if count > 0:
            pieces.append(ctypes.string_at(samples, 2 * count))
        index = 0
        while event[index].type:
            one = event[index]
            if one.type in (_WORD, _END):
                events.append((one.type, one.text_position, one.length, one.sample))
            index += 1
        return 0

    callback = _Callback(receive)  # a name of its own: ctypes does not keep the object alive
    library.espeak_SetSynthCallback(callback)
    text = request["text"].encode("utf-8")
    status = library.espeak_Synth(text, len(text) + 1, 0, _CHARACTERS, 0, _UTF8, None, None)
    if status != 0:
        return _answer("error", f"espeak-ng failed with status {status}")
    data = b"".join(pieces)
    header = {"samples": len(data) // 2, "words": _words(events, len(data) // 2)}
    return json.dumps(header).encode() + b"\n" + data


def _words(events: list[tuple[int, int, int, int]], total: int) -> list[list[int]]:
    """[first character, characters, start sample, end sample] of each word, in order.

    A word ends where the next one or the clause's end is announced; the library announces the first
    word of a line twice.
    """
    words: list[list[int]] = []
    for kind, position, length, sample in events:
        if words and words[-1][3] < 0:
            if kind == _WORD and words[-1][0] == position - 1:
                continue
            words[-1][3] = sample
        if kind == _WORD:
            words.append([position - 1, length, sample, -1])
    if words and words[-1][3] < 0:
        words[-1][3] = total
    return words


def _answer(key: str, value: str | int) -> bytes:
    return json.dumps({key: value}).encode() + b"\n"


def _in_fresh_child(library: ctypes.CDLL, variants: frozenset[str], request: dict[str, Any]) -> bytes:
    """The reply to a request, made by a forked child, so that no line can change the next."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reader)
            signal.alarm(_LINE_LIMIT_S)
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(_synthesise(library, variants, request))
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        reply = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return reply if code == 0 else _answer("error", f"espeak-ng crashed on this line (exit status {code})")


class _Language:
    """A forked process that has loaded one language and answers its lines on our standard output."""

    def __init__(self, library: ctypes.CDLL, variants: frozenset[str], voice: str) -> None:
        theirs, self._requests = os.pipe()
        self._done, their_done = os.pipe()
        if os.fork() == 0:
            try:
                os.close(self._requests)
                os.close(self._done)
                library.espeak_SetVoiceByName(voice.encode())
                with os.fdopen(theirs, "rb") as lines:
                    for line in lines:
                        _reply(_in_fresh_child(library, variants, json.loads(line)))
                        os.write(their_done, b".")
            finally:
                os._exit(0)
        os.close(theirs)
        os.close(their_done)

    def answer(self, line: bytes) -> bool:
        """Have a request answered. False when the process has died, with nothing written."""
        try:
            os.write(self._requests, line)
        except BrokenPipeError:
            return False
        return os.read(self._done, 1) == b"."


def _reply(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def main() -> None:
    """Serve lines until standard input ends."""
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = espeakng_loader.get_data_path()
    variants = frozenset(entry.name for entry in Path(data, "voices", "!v").iterdir())
    sample_rate = library.espeak_Initialize(_SYNCHRONOUS, 0, str(data).encode(), 0)
    if sample_rate <= 0:
        _reply(_answer("error", f"espeak-ng cannot read its data at {data}"))
        return
    _reply(_answer("sample_rate", sample_rate))
    languages: dict[str, _Language] = {}
    for line in sys.stdin.buffer:
        voice = json.loads(line)["voice"]
        if voice not in languages:
            languages[voice] = _Language(library, variants, voice)
        if not languages[voice].answer(line):
            del languages[voice]
            _reply(_answer("error", f"espeak-ng crashed while loading the language '{voice}'"))


if __name__ == "__main__":
    main()
