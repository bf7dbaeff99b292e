"""Takes secrets and addresses out of texts that nobody chose the words of: messages of errors, and tracebacks.

Every repetition is bounded: a long text takes time in proportion to its length, whatever is in it.
"""

import re

HIDDEN = "***"
_NAMES = "pass(?:word|wd|phrase)|secret|token|api[_-]?key|signature|credential|authorization|cookie|session[_-]?id"
_RULES: list[tuple[re.Pattern[str], str]] = [
    # scheme://user:password@host
    (re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]{1,20}://)[^/\s@]{1,300}@"), rf"\1{HIDDEN}@"),
    # What a signed link allows.
    (re.compile(r"(/(?:files|uploads|unsubscribe)/)[\w.~-]{1,2000}"), rf"\1{HIDDEN}"),
    # Authorization: Bearer …, wherever it stands.
    (re.compile(r"(?i)\b(bearer|basic|digest)\s{1,3}[\w.~+/=-]{6,2000}"), rf"\1 {HIDDEN}"),
    # name=value, "name": "value", name: value.
    (
        re.compile(
            rf"(?i)((?<![\w-])[\w-]{{0,40}}(?:{_NAMES}|\bsig)[\w-]{{0,40}}[\"']?\s{{0,3}}[:=]\s{{0,3}})"
            r"(?:b?\"[^\"\n]{0,2000}\"|b?'[^'\n]{0,2000}'|[^\s\"',;&)}\]]{1,2000})"
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"[^\s@<>\"'(),:;=\[\]]{1,64}@(?:[\w-]{1,63}\.){1,8}[\w-]{2,63}"), f"{HIDDEN}@{HIDDEN}"),
    # What looks like a token, whatever it is called: long, in capitals and not, with digits.
    (
        re.compile(
            r"(?<![\w-])(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Z])(?=[\w-]{0,200}[a-z])[\w-]{32,2000}(?:\.[\w-]{6,2000}){0,2}"
        ),
        HIDDEN,
    ),
]


def without_secrets(text: str) -> str:
    """The text with everything blanked that is a secret or an e-mail address, or may be one."""
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text
