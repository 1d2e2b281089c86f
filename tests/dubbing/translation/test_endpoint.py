import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lssd.dubbing.declaration import BackendError
from lssd.dubbing.lines import Request
from lssd.dubbing.translation import Endpoint
from lssd.errors import InputError

LINES = [Request("Where are you?", 1.1, "a"), Request("", 1.0, "b"), Request("Over here.", 0.8, "c")]


class Service:
    """A chat endpoint: `answers` are (status, body) in turn, the last one for ever; keeps what was asked."""

    def __init__(self):
        service = self
        self.asked, self.keys, self.paths = [], [], []
        self.answers = [(200, reply("¿Dónde estás?"))]

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                service.paths.append(self.path)
                service.keys.append(self.headers.get("Authorization"))
                service.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                status, body = service.answers[min(len(service.asked), len(service.answers)) - 1]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def backend(self, **more):
        return Endpoint(Endpoint.Settings(url=self.url, model="m", wait_s=0.01, **more))


def reply(text):
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


@pytest.fixture
def service():
    one = Service()
    yield one
    one.server.shutdown()
    one.server.server_close()


def test_lines_are_asked_for_with_their_budget_and_context(service, monkeypatch):
    monkeypatch.setenv("LSSD_ENDPOINT_KEY", "secret")
    made = service.backend().translate(LINES, "en", "es")
    assert [one.text for one in made] == ["¿Dónde estás?", "", "¿Dónde estás?"]
    assert all(one.is_translation for one in made)
    assert service.paths == ["/v1/chat/completions"] * 2 and service.keys == ["Bearer secret"] * 2
    first, second = service.asked
    task, line = (message["content"] for message in first["messages"])
    assert line == "Where are you?" and "English to Spanish" in task and "1.1 seconds" in task
    assert 10 <= int(task.split("about ")[2].split()[0]) <= 25  # characters
    assert (first["model"], first["temperature"], first["seed"]) == ("m", 0.0, 0)
    assert "Where are you?" not in task and "Where are you?" in second["messages"][0]["content"]


def test_quotes_and_line_breaks_around_the_answer_go(service):
    service.answers = [(200, reply(' "¿Dónde\n estás?" '))]
    assert service.backend().translate(LINES[:1], "en", "es")[0].text == "¿Dónde estás?"


def test_a_busy_service_is_asked_again(service):
    service.answers = [(503, b""), (429, b"{}"), (200, reply("Hola."))]
    assert service.backend().translate(LINES[:1], "en", "es")[0].text == "Hola."
    assert len(service.asked) == 3


@pytest.mark.parametrize(
    ("answer", "message", "asked"),
    [
        ((401, b""), "status 401; is LSSD_ENDPOINT_KEY set", 1),
        ((404, b""), "status 404", 1),
        ((500, b""), "status 500", 2),
        ((200, b"<html>"), "did not answer in JSON", 1),
        ((200, b'{"choices": []}'), "without choices", 1),
        ((200, b"[1]"), "without choices", 1),
        ((200, reply("  ")), "answered with nothing for line a", 1),
        ((200, reply(None)), "answered with nothing for line a", 1),
    ],
)
def test_failures_are_one_line(service, answer, message, asked, monkeypatch):
    monkeypatch.delenv("LSSD_ENDPOINT_KEY", raising=False)
    service.answers = [answer]
    with pytest.raises(BackendError, match=message) as caught:
        service.backend(tries=2).translate(LINES[:1], "en", "es")
    assert "\n" not in str(caught.value) and len(service.asked) == asked and service.keys[0] is None


def test_nobody_there_is_one_line():
    options = Endpoint.Settings(url="http://127.0.0.1:9/v1", model="m", tries=2, wait_s=0.01)
    with pytest.raises(BackendError, match=r"127.0.0.1:9/v1 failed: .*refused"):
        Endpoint(options).translate(LINES[:1], "en", "es")


def test_url_and_model_are_asked_for():
    for options in ({}, {"url": "http://a/v1"}, {"url": "ftp://a", "model": "m"}):
        with pytest.raises(InputError, match=r"settings url .* and model"):
            Endpoint(Endpoint.Settings(**options))
