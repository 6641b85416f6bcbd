"""How far a reply was heard, when a platform tells it in its own transcript of our words."""

import unicodedata

SURE = 12
"""Letters and digits that two texts share by chance no more."""


def heard_of(sent: str, utterance: str) -> str:
    """``sent`` up to where ``utterance`` ends in it, whatever its case, accents, white space and punctuation; all of it when the
    utterance goes on after it, the utterance itself when it can't be found there."""
    wanted, _ = _sounds(utterance)
    if not wanted:
        return ""
    sounds, places = _sounds(sent)
    if sounds and wanted.startswith(sounds):
        return sent
    at = 0 if sounds.startswith(wanted) else sounds.find(wanted)
    if at < 0:
        wanted = _shared(wanted, sounds)
        at = 0
    if not wanted:
        return utterance.strip()
    end = places[at + len(wanted) - 1] + 1
    while end < len(sent) and not sent[end].isalnum() and not sent[end].isspace():
        end += 1
    return sent[:end]


def _shared(said: str, sent: str) -> str:
    """The end of ``said`` that is the beginning of ``sent``: a transcript may run two replies into one."""
    start = sent[:SURE]
    at = said.find(start) if len(start) == SURE else -1
    while at >= 0:
        if sent.startswith(said[at:]):
            return said[at:]
        at = said.find(start, at + 1)
    return ""


def begins_with(text: str, beginning: str) -> bool:
    """Whether ``text`` sounds like ``beginning``, and maybe more."""
    wanted, _ = _sounds(beginning)
    return bool(wanted) and _sounds(text)[0].startswith(wanted)


def _sounds(text: str) -> tuple[str, list[int]]:
    """Its letters and digits, plain, and the place of each in ``text``."""
    found: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        for plain in unicodedata.normalize("NFKD", char.casefold()):
            if plain.isalnum():
                found.append(plain)
                places.append(place)
    return "".join(found), places
