"""Sentences out of text that is still growing; nothing is lost, everything returned adds up to what was fed."""

import re

_END = re.compile(r"(?:[.!?…]+[\"'”’»)\]]*(?=\s+\S)|\n+(?=\s*\S))")
_ABBREVIATION = re.compile(
    r"(?:\b(?:[a-zA-Z]|dr|dra|sr|sra|srta|lic|ing|mr|mrs|ms|prof|st|ave|no|núm|num|aprox|etc|vs|inc|ltd|art|pág|tel|ext|ej)"
    r"\.)$",
    re.IGNORECASE,
)


class SentenceSplitter:
    """A sentence is given back once the first character of the next one is there."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> list[str]:
        self._rest += text
        found: list[str] = []
        start = 0
        for match in _END.finditer(self._rest):
            end = match.end()
            if "\n" not in match.group(0):
                following = self._rest[end:].lstrip()[0]
                if following.islower() or _ABBREVIATION.search(self._rest[start:end]):
                    continue
            end += len(self._rest[end:]) - len(self._rest[end:].lstrip())
            found.append(self._rest[start:end])
            start = end
        self._rest = self._rest[start:]
        return found

    def finish(self) -> list[str]:
        rest, self._rest = self._rest, ""
        return [rest] if rest else []


def split(text: str) -> list[str]:
    splitter = SentenceSplitter()
    return [*splitter.feed(text), *splitter.finish()]
