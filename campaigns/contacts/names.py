"""How a person's name is shown, greeted and sorted: one place for all of it."""

import re
import unicodedata

HAN = re.compile(
    "[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003fffd]"
)
EAST_ASIAN = re.compile(HAN.pattern + "|[\\s\u00b7\u30fb\u2027・]")
GREETINGS = {
    "de": ("Hallo {name}", "Guten Tag"),
    "en": ("Hello {name}", "Hello"),
    "es": ("Hola, {name}", "Hola"),
    "fi": ("Hei {name}", "Hei"),
    "fr": ("Bonjour {name}", "Bonjour"),
    "it": ("Ciao {name}", "Buongiorno"),
    "nl": ("Hallo {name}", "Hallo"),
    "pt": ("Olá, {name}", "Olá"),
    "tr": ("Merhaba {name}", "Merhaba"),
    "ja": ("{name}様", "こんにちは"),
    "ko": ("{name} 님, 안녕하세요", "안녕하세요"),
    "zh": ("{name},您好", "您好"),
    "ar": ("مرحبًا {name}", "مرحبًا"),
    "he": ("שלום {name}", "שלום"),
    "hi": ("नमस्ते {name}", "नमस्ते"),
    "th": ("สวัสดี {name}", "สวัสดี"),
}  # fmt: skip
FULL_NAME_LANGUAGES = frozenset({"ja", "ko", "zh"})


def full_name(given_name: str, family_name: str) -> str:
    """Return a whole name: family name first and no space where both are written in Han, kana or Hangul."""
    given, family = _one_line(given_name), _one_line(family_name)
    if given and family and _is_east_asian(given) and _is_east_asian(family):
        return family + given
    return f"{given} {family}".strip()


def greeting(given_name: str, family_name: str, language: str, own: str | None = None) -> str:
    """Return how a mail in ``language`` greets a person; ``own`` is the greeting set for the contact, and wins.

    Without a name the greeting stands alone. Languages without a pattern of their own greet in English.
    """
    if own and own.strip():
        return _one_line(own)
    base = language.replace("_", "-").split("-")[0].lower()
    with_name, alone = GREETINGS.get(base, GREETINGS["en"])
    whole = full_name(given_name, family_name)
    takes_whole = base in FULL_NAME_LANGUAGES or (_is_east_asian(whole) and bool(whole))
    name = whole if takes_whole else _one_line(given_name) or whole
    return with_name.replace("{name}", name) if name else alone


def sort_key(given_name: str, family_name: str) -> str:
    """Return the text by which people are sorted: family name, then given name; letter case and accents do not count.

    Compared byte by byte (``COLLATE "C"``), so the order does not depend on the database's locale.
    """
    return "\t".join(_fold(_one_line(name)) for name in (family_name, given_name)).strip()


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    kept = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return kept.translate(SPELT).strip()


SPELT = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "\0": ""})


def _one_line(text: str) -> str:
    return " ".join(text.replace("\0", "").split())


def _is_east_asian(text: str) -> bool:
    return bool(HAN.search(text)) and not EAST_ASIAN.sub("", text)
