"""Sentences out of text that is still growing, and what one sentence is made of.

Splitting loses nothing: everything returned adds up to what was fed.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

_END = re.compile(r"(?:[.!?…]+[\"'”’»)\]]*(?=\s+\S)|\n+(?=\s*\S))")
_ABBREVIATION = re.compile(
    r"\b(?:[a-z]|dr|dra|sr|sra|srta|lic|ing|mr|mrs|ms|prof|st|ave|aprox|approx|etc|vs|inc|ltd|ej|ee|uu|uds?|jr)\.$",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\b(?:no|núm|num|nº|art|pág|pg|tel|ext)\.$", re.IGNORECASE)
"""Abbreviations before a number; without one, "No." is an answer."""


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
                said = self._rest[start:end]
                if (
                    following.islower()
                    or _ABBREVIATION.search(said)
                    or (following.isdigit() and _NUMBERED.search(said))
                ):
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


_MASK = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufe0f\u20e3\ufeff]")
_NO_WORD = re.compile(r"[\W_]+")
_LINK = re.compile(
    r"https?:\S+|www\.\S+|[^\s@]{1,64}@[^\s@]{1,99}\.\w+|\b[\w-]{2,}(?:\.[\w-]+)*\.(?:com|net|org|info|biz|shop|app|xyz|link|"
    r"ly)\b(?:/\S*)?|"
    r"\b[\w-]{2,}\.[a-z]{2,6}/\S+",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"\*\*|(?<!\w)\*\w|__|`|^\s*#+ |^\s*[-*•] |\]\(|</?[a-z]+>", re.MULTILINE)
_LEAK = re.compile(
    r"system prompt|prompt del sistema|\bmy (?:\w+ )?(?:instructions|prompt)\b|mis (?:\w+ )?instrucciones|"
    r"\bthe (?:system|hidden|initial) (?:instructions|prompt)\b|"
    r"instrucciones del sistema|language model|modelo de lenguaje|ignore (?:all )?previous|developer mode|"
    r"modo desarrollador|\b(?:chatgpt|openai|anthropic|gpt-?\d)",
    re.IGNORECASE,
)
_ECHO = re.compile(
    r"(?:\btu |\bsu |\byour )(?:presupuesto|budget|factura|bill)|mencion|me (?:dij|cuent|coment)|dijiste|\bdijo|"
    r"you (?:said|mention|told|pay|were quoted)|te cobra|le cobra|\bpagas?\b|the other|la otra|el otro|"
    r"they (?:charge|quote)",
    re.IGNORECASE,
)
_OFFERS = re.compile(
    r"\bI(?:'ll| can| could| will)\b|\bwe(?:'ll| can| could| will| match| beat)\b|\b(?:puedo|podemos|dejo|dejamos|"
    r"hago|hacemos|queda|"
    r"igual[ao]\w*|cuesta|sale)\b|for you at|\b(?:deal|match|beat|same price|mismo precio)\b|(?:presupuesto|quote|"
    r"budget|bill|factura|"
    r"price|precio)\s(?:es|is|ser|would|will)\b|\bour\b|nuestr",
    re.IGNORECASE,
)
_PROMISE = re.compile(
    r"garant|warrant|guarant|refund|reembols|devol|money back|\bdura\b|\btard(?:a|an|ar[áa]n?|amos)\b|\btakes?\b|ready|"
    r"list[oa]s? en|expire|vence|caduca|\bends?\b|termina|v[áa]lid|only until|you(?:'ll| will) (?:lose|gain|see|get|feel|have)|"
    r"(?:perder|bajar|lograr|ver|notar|tendr|sentir)[áa]s?\b|s[óo]lo hasta|results?\b|resultados?\b",
    re.IGNORECASE,
)
_CLAIMS = re.compile(
    r"\b(?:we|our|us|nosotros|nuestr[oa]s?|tenemos|hemos|llevamos|clients?|clientes?|customers?|members|miembros|homes|casas|"
    r"families|familias|reviews?|rese[ñn]as|people|personas)\b",
    re.IGNORECASE,
)
_ENOUGH = re.compile(
    r"cover|enough|alcanza|basta|cubre|suficiente|work|perfect|fits?\b|is fine|is plenty|entra\b", re.IGNORECASE
)
_HEDGED = re.compile(
    r"n't\b|\b(?:no|not|nunca|never|ni|under|below|over|above|less|more|menos|m[áa]s|hasta|up to|instead|en vez|en lugar|"
    r"deposit|anticipo|enganche|down payment|fee|pagos|cuotas|payments?|instal\w+|from|desde|starts|starting|extra|plus|"
    r"adicional|each|cada|budget|presupuesto|said|mention\w*|mencion\w*|dij\w+)\b",
    re.IGNORECASE,
)
_COSTS = frozenset({"is", "costs", "comes", "runs", "takes", "es", "son", "cuesta", "sale", "queda", "dura"})
_TELLS_NOTHING = frozenset(
    {"with", "your", "para", "that", "this", "esta", "este", "hasta", "from", "when", "cuand", "want", "puede", "todo"}
    | {"they", "oblig", "have", "usted", "nuest", "will", "obten", "offer", "ofrec", "total", "compl", "quier", "prime"}
    | {"first", "free", "gratu", "grati"}
)
_CAPITAL = "[A-ZÁÉÍÓÚÑ]"
_TIER = re.compile(
    rf"\b(?P<name>(?:[Pp]lan|[Pp]rograma|[Pp]aquete|[Mm]embres[íi]a|[Pp]ack) (?P<after>{_CAPITAL}[\w-]+)"
    rf"|(?!(?:The|An?|Our|Your|This|That|We|My|One|Which|Each|Every|El|La|Una?|Tu|Su|Nuestro|Este|Ese|Cada|Otro|Con|De) )"
    rf"(?P<before>{_CAPITAL}[\w-]+) (?:[Pp]lan|[Pp]ackage|[Pp]rogram(?:me)?|[Mm]embership|[Tt]ier))\b"
)
_RANKS = frozenset(
    {"platinum", "platino", "diamond", "diamante", "premium", "deluxe", "elite", "ultimate", "vip", "gold", "oro"}
    | {"silver", "plata", "bronze", "bronce", "pro", "plus", "basic", "black", "max"}
)
_RANK = re.compile(
    r"(?<=[\w,] )(?P<name>Platinum|Platino|Diamond|Diamante|Premium|Deluxe|Elite|Ultimate|VIP)\b(?! (?:[Pp]lan|"
    r"[Pp]ackage))"
)
_GENERIC = frozenset(
    {"plan", "programa", "paquete", "equipo", "asesor", "asesora", "program", "programme", "package", "team", "crew"}
    | {"coach", "app", "advisor", "assistant"}
)


def unmasked(text: str) -> str:
    """``text`` without invisible characters, and with look-alikes such as full-width digits written plainly."""
    return text if text.isascii() else _MASK.sub("", unicodedata.normalize("NFKC", text))


def plain(text: str) -> str:
    """Lower case, no accents, and nothing but letters, digits and single spaces."""
    bare = text.lower()
    if not bare.isascii():
        bare = "".join(char for char in unicodedata.normalize("NFD", bare) if not unicodedata.combining(char))
    return _NO_WORD.sub(" ", bare).strip()


def stems(text: str) -> frozenset[str]:
    """What the words of ``text`` begin with: "inspect" and "inspección" come out alike."""
    return frozenset(word[:4] for word in plain(text).split() if len(word) > 3 and word[:5] not in _TELLS_NOTHING)


def stems_around(text: str, start: int, end: int, reach: int) -> frozenset[str]:
    """Those of the ``reach`` words on either side, within the clause."""
    before, after = re.split(r"[,;:]", text[:start].rstrip(" ,"))[-1], re.split(r"[,;:.]", text[end:])[0]
    return stems(" ".join((*plain(before).split()[-reach:], *plain(after).split()[:reach])))


def is_echo(text: str) -> bool:
    """Whether a figure in it is attributed to the customer or to a competitor, and nothing is offered."""
    return _ECHO.search(text) is not None and _OFFERS.search(text) is None


def is_promise(text: str) -> bool:
    return _PROMISE.search(text) is not None


def is_claim(text: str) -> bool:
    """Whether it speaks of the business or of its customers at large."""
    return _CLAIMS.search(text) is not None


def is_enough(text: str) -> bool:
    """Whether it says that some money is enough for something."""
    return _ENOUGH.search(text) is not None


def is_hedged(text: str) -> bool:
    """Whether a wrong figure in it is more than a slip, so that the right one in its place would be a new falsehood."""
    return _HEDGED.search(text) is not None


def stands_as_name(text: str, word: str) -> bool:
    """Whether ``word``, plain, is meant as a name: "the Core", "Core is", but not "your core" nor "Start when you like"."""
    words = re.findall(r"[^\W_]+", text)
    for place, (one, following) in enumerate(pairwise([*words, ""])):
        if one[0].isupper() and (place or following.lower() in _COSTS) and plain(one) == word:
            return True
    return False


def foreign_matter(text: str, known_words: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Markup, links that are not among ``known_words``, and talk of prompts and models."""
    if match := _LEAK.search(text):
        yield "leak", match
    for match in _LINK.finditer(text):
        if match.group(0).lower().rstrip(".,;:!?)") not in known_words.split():
            yield "markup", match
    for match in _MARKUP.finditer(text):
        yield "markup", match


def branded(brands: Sequence[str]) -> re.Pattern[str]:
    """Where one of ``brands`` stands in a row of capitalised words."""
    one_of = "|".join(re.escape(brand) for brand in brands)
    return re.compile(
        rf"(?:(?P<before>\w+) )?\b(?P<name>(?P<brand>(?i:{one_of}))(?P<after>(?: {_CAPITAL}[\w-]*)*))(?!\w)"
    )


def invented_names(text: str, brands: re.Pattern[str], names: str, known_words: str) -> Iterator[re.Match[str]]:
    """What is named like a product of the house ("NGX Platinum", "the Gold plan") and is none: group ``name``.

    ``names``: all names of the house, plain, with two spaces between them; ``known_words``: what its texts say.
    """
    for match in brands.finditer(text):
        before, brand = match.group("before") or "", match.group("brand")
        words = [brand, *(word for word in match.group("after").split() if word[0].isupper())]
        if before[:1].isupper() and text[: match.start()].strip(" ¡¿"):
            words.insert(0, before)
        for one, two in pairwise(words):
            new = plain(one if two == brand else two)
            pair = f" {plain(one)} {plain(two)} "
            known = pair in names or f" {new} " in names or new in _GENERIC
            known = known or (new not in _RANKS and f" {new} " in known_words)
            if not known:
                yield match
                break
    for match in _TIER.finditer(text):
        word = plain(match.group("after") or match.group("before"))
        opens = match.group("before") and not text[: match.start()].strip(" ¡¿")
        if len(word) < 2 or f" {word} " in names or (opens and word not in _RANKS):
            continue
        if match.group(0).lower() not in known_words and f" {plain(match.group(0))} " not in names:
            yield match
    for match in _RANK.finditer(text):
        if f" {plain(match.group(0))} " not in names:
            yield match
