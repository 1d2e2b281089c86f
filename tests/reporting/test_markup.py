import base64
import hashlib
import re

import pytest

from lssd.reporting.markup import page, text


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        ("<script>&\"'", "&lt;script&gt;&amp;&quot;&#x27;"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("one\ntwo\x85three\u2028four", "one\\ntwo\\x85three\\u2028four"),
        ("film\u202e4pm.exe\u2066", "film\\u202e4pm.exe\\u2066"),
        ("half \ud83d of a pair", "half \\ud83d of a pair"),
        ("海が見える é 👩\u200d👩", "海が見える é 👩\u200d👩"),
    ],
)
def test_text_shows_what_it_holds_and_does_nothing(shown, wanted):
    assert text(shown) == wanted
    text(shown).encode("utf-8")


def policy(markup: str) -> dict[str, list[str]]:
    (found,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', markup)
    return {name: sources for name, *sources in (rule.split() for rule in found.split(";"))}


def test_a_page_may_run_nothing_and_fetch_nothing():
    markup = page("A page", "", [])
    rules = policy(markup)
    assert rules["default-src"] == ["'none'"] and rules["img-src"] == ["data:"]
    assert not {"script-src", "connect-src", "frame-src", "style-src-attr"} & set(rules)
    (style,) = re.findall(r"<style>(.*?)</style>", markup, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert rules["style-src"] == [f"'sha256-{digest}'"]


def test_a_page_beside_files_takes_those_and_no_script_of_its_own():
    rules = policy(page("A page", "", [], beside=True))
    assert rules["default-src"] == ["'none'"] and rules["script-src"] == ["'self'", "file:"]
    assert rules["media-src"] == ["'self'", "file:"] and "'unsafe-inline'" not in rules["style-src"]
