"""When two typed names are the same to a reader, and which names may be chosen at all.

Usernames follow PRECIS (RFC 8265). Two of them are the same if they have one skeleton, as in Unicode Technical Standard
39: what looks alike is one character.
"""

# The lists of `confusable_homoglyphs` take 7 MB, and plain names need none of them.
# ruff: noqa: PLC0415

import re
from functools import cache
from unicodedata import category, normalize

from precis_i18n import get_profile

# Letters and symbols by their category that are drawn as nothing; the rest of what is unseen has a category of its own.
BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159")
# Controls, formats, private and unassigned code points, surrogates, and all kinds of space.
UNSEEN = frozenset(("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"))
# Those of which a text may be made without showing anything; controls are refused, boxes are seen.
FORMATS = frozenset(("Cf", "Zl", "Zp", "Zs"))
MARKS = frozenset(("Mn", "Mc", "Me"))
# `www.example`, `http://…`, `name@host`: what a mail program makes a link of.
ADDRESS = re.compile(r"[/\\:@]|\w[.\u3002]\w")
# Marks that say how the character before them is drawn.
VARIANT = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# The scripts that one word of these languages mixes (UTS 39, "highly restrictive").
TOGETHER = (
    frozenset(("LATIN", "HAN", "HIRAGANA", "KATAKANA")),
    frozenset(("LATIN", "HAN", "BOPOMOFO")),
    frozenset(("LATIN", "HAN", "HANGUL")),
)
# Plain characters that are taken for each other.
PLAIN = {"0": "o", "O": "o", "1": "l", "I": "l", "|": "l", "m": "rn"}
OF_NO_SCRIPT = ["COMMON", "INHERITED", "UNKNOWN"]
RESERVED = [
    "abuse",
    "admin",
    "administrator",
    "all",
    "anonymous",
    "everyone",
    "fieldgraph",
    "help",
    "hostmaster",
    "info",
    "mail",
    "moderator",
    "moderators",
    "nobody",
    "no-reply",
    "noreply",
    "null",
    "official",
    "operator",
    "postmaster",
    "root",
    "security",
    "service",
    "staff",
    "support",
    "system",
    "undefined",
    "webmaster",
]


def is_blank(text: str) -> bool:
    """Whether a text shows nothing: it has only spaces, invisible characters, and marks that stand on nothing."""
    return all(
        character in BLANKS or character.isspace() or category(character) in FORMATS | MARKS for character in text
    )


def is_unseen(character: str) -> bool:
    """Whether a character has no shape or turns the direction of those beside it; the plain space has one."""
    if character == " ":
        return False
    return character in BLANKS or category(character) in UNSEEN or VARIANT.fullmatch(character) is not None


def normal(name: str) -> str:
    """The one form of a name that is kept and compared: NFC, and one space between words.

    Marks that only choose how a character is drawn are left out: with and without them it is the same name.
    """
    return " ".join(VARIANT.sub("", normalize("NFC", name)).split())


def cleaned(name: str) -> str:
    """The normal form of a name from elsewhere, such as a file: what no name may contain is left out."""
    spaced = "".join(" " if character.isspace() else character for character in normalize("NFC", name))
    return normal("".join(character for character in spaced if not is_unseen(character)))


def names_an_address(text: str) -> bool:
    """Whether a mail program would make a link of a part of this."""
    return ADDRESS.search(normalize("NFKC", text)) is not None


def mixes_scripts(text: str) -> bool:
    """Whether the letters are of several scripts that no language writes together."""
    if text.isascii():
        return False
    from confusable_homoglyphs import categories

    scripts = categories.unique_aliases(text) - set(OF_NO_SCRIPT)
    return len(scripts) > 1 and not any(scripts <= allowed for allowed in TOGETHER)


def precis(username: str) -> str | None:
    """The name as PRECIS has it, with one space between its parts (RFC 8265, 3.5); None if it has none."""
    profile = get_profile("UsernameCasePreserved")
    try:
        return " ".join(profile.enforce(part) for part in username.split())
    except UnicodeEncodeError:
        return None


def skeleton(name: str) -> str:
    """What a name looks like: equal for names that are easily taken for each other."""
    seen = "".join(character for character in normalize("NFKC", name) if not is_unseen(character))
    # Capitals have shapes of their own: I is taken for l, and i is not.
    drawn = "".join(map(_shape, normalize("NFKC", "".join(map(_shape, seen)).casefold())))
    return " ".join(drawn.split())


def is_reserved(name: str) -> bool:
    """Whether a name, or one that looks like it, would speak for this installation."""
    return not {skeleton(name), skeleton(name.casefold())}.isdisjoint(_reserved())


def may_be_chosen(username: str) -> bool:
    """Whether somebody may choose this as a username, as far as the name itself says."""
    refused = mixes_scripts(username) or names_an_address(username) or is_reserved(username)
    return precis(username) == username and not refused


@cache
def _reserved() -> frozenset[str]:
    return frozenset(skeleton(each) for word in RESERVED for each in (word, word.upper()))


@cache
def _shape(character: str) -> str:
    """What a character is easily taken for: a plain one if there is one, else the one that stands for all of them."""
    if character.isascii():
        return PLAIN.get(character, character)
    from confusable_homoglyphs import confusables

    known = confusables.confusables_data.get(character, [])
    alike = ["".join(part for part in each["c"] if category(part) != "Cf") for each in known]
    plain = [each for each in alike if each.isascii()]
    if plain:
        return "".join(PLAIN.get(each, each) for each in min(plain))
    # A character that stands for others lists all of them; any other lists the one it is taken for.
    return alike[0] if len(alike) == 1 else character
