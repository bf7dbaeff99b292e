"""Whether a text is written in one of six languages: by the small words that every sentence has."""

import re

WORD = re.compile(r"[^\W\d_]+")
WORDS_MIN = 3
SHARE_MIN = 0.12
SMALL_WORDS = {
    "en": "the of and to a in is it you that he was for on are with as i his they be at one have this from or had by "
    "but not what all were we when your can there an which do if will up out so some her would him has my me no now "
    "just u ur ok im am get go got its dont how come know want like love going need time call",
    "fr": "le la les de des du et un une est que qui dans pour pas sur au aux avec ce cette il elle nous vous je ne se "
    "plus par sont mais ou son sa ses en d l qu",
    "de": "der die das und ist nicht ein eine einen dem den des zu von mit im auf für sich es er sie wir ich auch als "
    "an bei nach aus wie oder aber wird sind hat war zum zur",
    "it": "il lo la i gli le di e un una che è per non con si da in del della dei nel sono come più anche ma al o alla "
    "questo ha",
    "es": "el la los las de y un una que es en por para con no se del al su lo como más pero sus le ya o este sí "
    "porque esta son",
    "pt": "o a os as de e um uma que é em por para com não se do da dos das no na ao como mais mas seu sua ou foi são "
    "à também",
}
FLAGS: dict[str, frozenset[str]] = {}
for _language, _words in SMALL_WORDS.items():
    for _word in _words.split():
        FLAGS[_word] = FLAGS.get(_word, frozenset()) | {_language}


def language(text: str) -> str | None:
    """The language of a text, as a code of two letters; None if it is none of the six, or no language."""
    words = WORD.findall(text.lower())
    if len(words) < WORDS_MIN:
        return None
    counts = dict.fromkeys(SMALL_WORDS, 0)
    for word in words:
        for code in FLAGS.get(word, ()):
            counts[code] += 1
    best = max(counts, key=counts.__getitem__)
    return best if counts[best] >= max(1, SHARE_MIN * len(words)) else None
