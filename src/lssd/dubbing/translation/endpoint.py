"""Translation by a language model behind an OpenAI-compatible endpoint, told how long a line may take."""

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lssd.dubbing.declaration import Backend, BackendError, Declaration
from lssd.dubbing.lines import Request, Translation
from lssd.dubbing.translation.timing import LANGUAGES, seconds_to_say
from lssd.errors import InputError
from lssd.languages import display_name

_AGAIN = frozenset({408, 409, 429, 500, 502, 503, 504})
_MOST_BYTES = 1 << 20
_TASK = (
    "You translate dialogue for dubbing. Translate the line from {source} to {target}. Spoken, it must last "
    "about {seconds:.1f} seconds, as does the original: keep it to about {budget} characters, and leave out "
    "what does not fit. Answer with the translated line alone: no quotes, no notes."
)


class Endpoint(Backend):
    """Any server with the chat completions protocol. Lines are sent to it, and so leave the machine."""

    declaration: ClassVar[Declaration] = Declaration(
        step="translation",
        name="endpoint",
        about="a language model behind an OpenAI-compatible URL; lines are sent there",
        code_license="Apache-2.0",
        weights_license="of the service",
        sample_rate=None,
        languages=None,
        device="cpu",
        version=1,
        weights="the settings `url` (as http://localhost:8000/v1) and `model`",
    )

    @dataclass(frozen=True)
    class Settings:
        """url: up to and with /v1. model: its name there. key_variable: environment variable with the key.

        timeout_s: of a request. tries: at an answer that may change (busy, failed), each after a longer wait.
        context: lines before that are shown. temperature, seed: as the service takes them.
        """

        url: str = ""
        model: str = ""
        key_variable: str = "LSSD_ENDPOINT_KEY"
        timeout_s: float = 60.0
        tries: int = 4
        wait_s: float = 1.0
        context: int = 2
        temperature: float = 0.0
        seed: int = 0

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        if not self.settings.url.startswith(("http://", "https://")) or not self.settings.model:
            raise InputError(
                "endpoint needs its settings url (as http://localhost:8000/v1) and model (its name there)"
            )

    def weights_hash(self) -> str:
        return f"{self.settings.url} {self.settings.model}"

    def translate(self, lines: Sequence[Request], source: str, target: str) -> list[Translation]:
        """A request a line. BackendError where the service fails or answers with nothing."""
        return [self._line(lines, number, source, target) for number in range(len(lines))]

    def _line(self, lines: Sequence[Request], number: int, source: str, target: str) -> Translation:
        line = lines[number]
        if not line.text.strip():
            return Translation("", True)
        task = _TASK.format(
            source=display_name(source),
            target=display_name(target),
            seconds=line.seconds,
            budget=_budget(line, target),
        )
        before = [one.text for one in lines[max(0, number - self.settings.context) : number] if one.text]
        if before:
            task += " The lines before, for context only: " + json.dumps(before, ensure_ascii=False)
        answer = self._ask(
            {
                "model": self.settings.model,
                "messages": [{"role": "system", "content": task}, {"role": "user", "content": line.text}],
                "temperature": self.settings.temperature,
                "seed": self.settings.seed,
            }
        )
        text = " ".join(_content(answer, self.settings.url).split())
        if len(text) > 1 and text[0] + text[-1] in ('""', "“”", "«»", "「」") and text[0] != line.text[0]:
            text = text[1:-1].strip()
        if not text:
            raise BackendError(f"{self.settings.url} answered with nothing for line {line.key}")
        return Translation(text, True)

    def _ask(self, body: dict[str, Any]) -> Any:
        """The endpoint's answer, parsed."""
        request = urllib.request.Request(
            self.settings.url.rstrip("/") + "/chat/completions",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        key = os.environ.get(self.settings.key_variable)
        if key:
            request.add_header("Authorization", f"Bearer {key}")
        for number in range(max(1, self.settings.tries)):
            if number:
                time.sleep(self.settings.wait_s * 2 ** (number - 1))
            try:
                with urllib.request.urlopen(request, timeout=self.settings.timeout_s) as answer:
                    return json.loads(answer.read(_MOST_BYTES))
            except urllib.error.HTTPError as error:
                told = f"status {error.code}"
                if error.code in (401, 403):
                    told += f"; is {self.settings.key_variable} set to a valid key?"
                if error.code not in _AGAIN:
                    break
            except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
                told = str(getattr(error, "reason", error)) or type(error).__name__
            except ValueError as error:
                raise BackendError(
                    f"{self.settings.url} did not answer in JSON; is the url right?"
                ) from error
        raise BackendError(f"{self.settings.url} failed: {told}")


def _budget(line: Request, target: str) -> int:
    """Characters that the target language says in the line's seconds: by its pace where that is known."""
    if target not in LANGUAGES:
        return max(1, round(15 * line.seconds))
    sample = _SAMPLES[target]
    return max(1, round(len(sample) * line.seconds / seconds_to_say(sample, target)))


_SAMPLES = {
    "de": "Wir könnten die Nachbarn um eine Leiter bitten.",
    "en": "We could ask the neighbours for a ladder.",
    "es": "Podemos pedirle una escalera al vecino.",
    "fr": "On pourrait demander une échelle au voisin.",
    "it": "Possiamo chiedere una scala ai vicini.",
    "ja": "となりの ひとに はしごを かりよう。",
    "ko": "옆집에 사다리를 빌려 보자.",
}


def _content(answer: Any, url: str) -> str:
    try:
        content = answer["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError) as error:
        raise BackendError(f"{url} answered without choices; is it a chat completions endpoint?") from error
    return content if isinstance(content, str) else ""
