"""Links, addresses and telephone numbers, as they are said."""

import re

from agent.reply.speech.tongue import Tongue

_MAIL = re.compile(r"(?:mailto:)?(?P<who>[\w.+-]{1,64})@(?P<host>[\w-]{1,63}(?:\.[\w-]{1,63}){1,4})", re.IGNORECASE)
_LINK = re.compile(
    r"(?:https?://|\bwww\.)(?P<link>[^\s<>\"']+)"
    r"|\b(?P<bare>[a-z0-9][\w-]{0,62}(?:\.[\w-]{1,63}){0,4}\.(?:com|net|org|info|biz|shop|app|io|ai|mx)(?:/[^\s<>\"']*)?)(?![\w@])",
    re.IGNORECASE,
)
_QUERY = re.compile(r"[?#].*$")
_SIGNS = {
    "es": {".": " punto ", "/": " barra ", "-": " guion ", "_": " guion bajo ", "@": " arroba ", "+": " más "},
    "en": {".": " dot ", "/": " slash ", "-": " dash ", "_": " underscore ", "@": " at ", "+": " plus "},
}
_TELEPHONE = re.compile(
    r"(?<![\w$€£.,/+-])(?P<plus>\+\s?)?(?P<digits>\(?\d(?:[\d().\u00a0 -]{5,20})\d)"
    r"(?![\w%€$£]|[.,/:-]\d|\s?(?:[€$£]|USD|EUR|MXN))"
)
_NAMED = re.compile(
    r"\b(?:tel(?:[ée]fono|ephone|f)?|ll[áa]m\w+|call|phone|whatsapp|n[úu]mero|number|m[óo]vil|celular|text|fax)\b\W{0,3}"
    r"(?:(?:us|me|nos|al|at|on|to|es|is|el|our|nuestro)\W+){0,4}$",
    re.IGNORECASE,
)
_GROUPED_NUMBER = re.compile(r"\d{1,3}(?:[.\u00a0 ]\d{3})+")
NEAR = 60
"""Characters before a number in which a word may say that it is a telephone's."""
FEWEST, MOST = 7, 15
"""Digits of a telephone number."""
_GROUPS = {7: (3, 4), 9: (3, 3, 3), 10: (3, 3, 4)}


def links(text: str, tongue: Tongue) -> str:
    """ "https://www.ngx.com/plan" -> "ngx punto com barra plan"."""

    def mail(match: re.Match[str]) -> str:
        return _spelled(f"{match['who']}@{match['host']}", tongue)

    def link(match: re.Match[str]) -> str:
        written = match["link"] or match["bare"]
        address = written.rstrip(".,;:!?)»”'\"")
        place = _QUERY.sub("", address).removeprefix("www.").rstrip("/")
        return _spelled(place, tongue) + written[len(address) :]

    return _LINK.sub(link, _MAIL.sub(mail, text))


def _spelled(address: str, tongue: Tongue) -> str:
    signs = _SIGNS[tongue.language]
    return " ".join("".join(signs.get(char, char) for char in address).split())


def telephones(text: str, tongue: Tongue) -> str:
    """Digit by digit, a pause between groups: "(305) 555-0134" -> "3 0 5, 5 5 5, 0 1 3 4"."""

    def said(match: re.Match[str]) -> str:
        written = match["digits"]
        groups = re.findall(r"\d+", written)
        count = sum(map(len, groups))
        if not FEWEST <= count <= MOST or not _is_telephone(match, groups, count):
            return match.group(0)
        if len(groups) == 1:
            groups = _split(groups[0])
        spelled = ", ".join(" ".join(group) for group in groups)
        return f"{tongue.either('más ', 'plus ') if match['plus'] else ''}{spelled}"

    return _TELEPHONE.sub(said, text)


def _is_telephone(match: re.Match[str], groups: list[str], count: int) -> bool:
    """Not a range ("8000-12000"), nor a number that is grouped with spaces or dots."""
    written = match["digits"]
    if match["plus"] or _NAMED.search(match.string[max(0, match.start() - NEAR) : match.start()]):
        return True
    if _GROUPED_NUMBER.fullmatch(written) and len(groups[0]) < 3:
        return False
    if "(" in written and ")" in written:
        return True
    return len(groups) >= 3 and count >= 9 and all(2 <= len(group) <= 4 for group in groups)


def _split(digits: str) -> list[str]:
    sizes = _GROUPS.get(len(digits), (2,) * (len(digits) // 2) + ((1,) if len(digits) % 2 else ()))
    groups: list[str] = []
    for size in sizes:
        groups.append(digits[:size])
        digits = digits[size:]
    return groups
