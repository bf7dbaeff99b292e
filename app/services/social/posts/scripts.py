"""Scripts that are written without spaces between words."""

import re

# Thai and Lao, Myanmar, Khmer, Hangul, kana, Bopomofo, and Han. Korean has spaces, but its particles follow without.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u318f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua9e0-\ua9fe\uaa60-\uaa7f\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003134f"
)
RUN = re.compile(f"[{UNSPACED}]+")


def is_unspaced(character: str) -> bool:
    """Whether words of this letter's script follow each other without a space."""
    return RUN.fullmatch(character) is not None
