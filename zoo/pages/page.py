"""One self-contained HTML page: its text, styles, scripts, data and images in one file that opens without a network.

What a page looks like is said once, in `page.css`. What is only of one kind of page lies next to it, in a `.css` and a
`.js` of that kind; all are embedded. Pages hold no absolute path and no time, so that equal input gives equal bytes.
"""

import base64
import html
import json
import math
import pathlib

from zoo.errors import OutputError
from zoo.formats.atomic import replacing

_FOLDER = pathlib.Path(__file__).parent
# The browser itself refuses whatever is not in the page.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def page(title, body, data=None, styles=(), scripts=()):
    """Returns the text of a page.

    Args:
        title: its title, plain text.
        body: HTML; whatever comes from a user's files in it has gone through `text`.
        data: plain data for the scripts: JSON.parse(document.getElementById("data").textContent).
        styles, scripts: names of files of this folder, after `page.css`, in order.

    Example:
        >>> print(page("a < b", "<p>Hello</p>").splitlines()[4])
        <title>a &lt; b</title>
    """
    css = "\n".join(_own(name) for name in ("page.css", *styles))
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<title>{text(title)}</title>",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>\n{css}</style>",
        f"<body>\n{body}",
    ]
    if data is not None:
        parts.append(f'<script type="application/json" id="data">{json_in_html(data)}</script>')
    parts += [f"<script>\n{_own(name)}</script>" for name in scripts]
    return "\n".join([*parts, "</body>", "</html>", ""])


def text(value):
    """Returns `value` as text of HTML, for between tags and for attributes in quotes."""
    return html.escape(str(value), quote=True)


def json_in_html(data):
    """Returns `data` as JSON that nothing in it can end early: no `<`, no `>`, no `&`; numbers that JSON lacks as null.

    Example:
        >>> json_in_html({"name": "</script>", "loss": float("nan")})
        '{"name":"\\\\u003c/script\\\\u003e","loss":null}'
    """
    said = json.dumps(_finite(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        said = said.replace(char, f"\\u{ord(char):04x}")
    return said.encode("utf-8", "replace").decode()  # a name may hold half of a surrogate pair


def _finite(value):
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def png(content):
    """Returns the URL of an image in the page, of the bytes of a PNG file."""
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


def write(path, said):
    """Writes the text of a page to `path`, whole or not at all; raises OutputError."""
    with replacing(path, OutputError) as file:
        file.write(said.encode("utf-8"))


def _own(name):
    return (_FOLDER / name).read_text(encoding="utf-8")
