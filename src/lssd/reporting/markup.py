"""Small pieces of HTML. Text that comes from data goes through `text`; what these return is markup."""

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence
from importlib import resources

from lssd.text import printable


def text(value: object) -> str:
    """A value as HTML text or attribute value, for every string that a page shows.

    >>> text("<b>\\x1b[31m\\u202e")
    '&lt;b&gt;\\\\x1b[31m\\\\u202e'
    """
    return html.escape(printable(str(value)), quote=True)


def percent(value: float, digits: int = 1) -> str:
    """A share of 0..1 as percent.

    >>> percent(0.1234)
    '12.3%'
    """
    return f"{100 * value:.{digits}f}%"


def duration(seconds: float) -> str:
    """A time for people.

    >>> duration(8.25), duration(75), duration(7500)
    ('8.2 s', '1 min 15 s', '2 h 05 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size(count: float) -> str:
    """A number of bytes for people.

    >>> size(1536), size(3 * 2**30)
    ('1.5 KiB', '3.0 GiB')
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.1f} {unit}"


def section(identifier: str, title: str, *parts: str) -> str:
    """A section with its heading."""
    body = "\n".join(part for part in parts if part)
    heading = f'<h2 id="{identifier}">{text(title)}</h2>'
    return f'<section aria-labelledby="{identifier}">\n{heading}\n{body}\n</section>'


def paragraph(words: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f'<p class="{kind}">{text(words)}</p>' if kind else f"<p>{text(words)}</p>"


def table(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: Sequence[int] = (),
    compact: bool = False,
) -> str:
    """A table that scrolls sideways on a narrow screen.

    `head` is plain text, cells are markup; the first cell of a row is its header. `numeric` are the
    columns to align right. A `compact` table is no wider than its words.
    """
    kinds = ["num" if index in numeric else "" for index in range(len(head))]

    def cell(tag: str, scope: str, kind: str, content: str) -> str:
        scope = f' scope="{scope}"' if scope else ""
        kind = f' class="{kind}"' if kind else ""
        return f"<{tag}{scope}{kind}>{content}</{tag}>"

    top = "".join(cell("th", "col", kind, text(name)) for kind, name in zip(kinds, head, strict=True))
    body = []
    for row in rows:
        first, *rest = row
        cells = [cell("th", "row", kinds[0], first)]
        cells += [cell("td", "", kind, content) for kind, content in zip(kinds[1:], rest, strict=True)]
        body.append(f"<tr>{''.join(cells)}</tr>")
    lines = "\n".join(body)
    return (
        f'<div class="scroll" role="region" aria-label="{text(caption)}" tabindex="0">\n'
        f"<table{' class=compact' if compact else ''}>\n"
        f"<caption>{text(caption)}</caption>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n"
        "</table>\n</div>"
    )


def commands(lines: Iterable[str]) -> str:
    """Lines for a shell, in a block that scrolls sideways and that the keyboard reaches."""
    shown = "\n".join(map(text, lines))
    return f'<pre role="region" aria-label="Commands" tabindex="0"><code>{shown}</code></pre>'


def image(data: bytes, description: str, kind: str, media_type: str = "image/png") -> str:
    """A picture inside the page; `description` is what a screen reader says."""
    encoded = base64.b64encode(data).decode("ascii")
    return f'<img class="{kind}" alt="{text(description)}" src="data:{media_type};base64,{encoded}">'


def page(title: str, lead: str, sections: Sequence[str], *, beside: bool = False) -> str:
    """A whole document that needs nothing but itself.

    Its content-security policy lets it run no script and ask nothing of the network: it takes its own style
    sheet and the pictures within it. `beside`: it may also take scripts, styles, pictures and sounds from the
    files beside it, and style its elements one by one.
    """
    style = resources.files("lssd.reporting").joinpath("page.css").read_text(encoding="utf-8")
    body = "\n".join(part for part in sections if part)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(style, beside)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{text(title)}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{text(title)}</h1>
{paragraph(lead, "lead") if lead else ""}
</header>
<main>
{body}
</main>
</body>
</html>
"""


def _policy(style: str, beside: bool) -> str:
    # Pages opened from disk have no origin: browsers then match 'self' with nothing, but file: with files.
    files = " 'self' file:" if beside else ""
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    rules = [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'{files}",
        f"img-src data:{files}",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    if beside:
        rules += ["style-src-attr 'unsafe-inline'", f"script-src{files}", f"media-src{files}"]
    return "; ".join(rules)
