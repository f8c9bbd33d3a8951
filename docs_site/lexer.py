"""Colours for prototxt in code blocks."""

from pygments.lexer import RegexLexer
from pygments.token import Comment, Keyword, Name, Number, Punctuation, String, Text


class PrototxtLexer(RegexLexer):
    """Protocol buffers as text: fields, messages, strings, numbers and names of enums."""

    name = "prototxt"
    aliases = ["prototxt"]
    tokens = {
        "root": [
            (r"#.*", Comment.Single),
            (r'"(\\.|[^"\\\n])*"', String),
            (r"'(\\.|[^'\\\n])*'", String),
            (r"\w+(?=\s*:)", Name.Attribute),
            (r"\w+(?=\s*\{)", Name.Class),
            (r"-?\d[\w.+-]*|-?\.\d\w*", Number),
            (r"\b(true|false)\b", Keyword.Constant),
            (r"\w+", Name.Constant),
            (r"[{}:;,\[\]<>]", Punctuation),
            (r"\s+", Text),
            (r".", Text),
        ]
    }
