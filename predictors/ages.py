"""The age that a customer gives for himself, in digits or words, and whether he says that he is a minor. Patterns alone."""

import re
from dataclasses import dataclass

from predictors.text import plain

_WORDS = {
    "diez": 10, "once": 11, "doce": 12, "trece": 13, "catorce": 14, "quince": 15, "dieciseis": 16, "diecisiete": 17,
    "dieciocho": 18, "diecinueve": 19, "veinte": 20, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13,
    "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20,
}  # fmt: skip
_TEENS = "|".join(word for word, age in _WORDS.items() if age < 18)
_NUMBER = rf"(?P<age>\d{{1,3}}(?![%\d.:/]\d?)|{'|'.join(_WORDS)})"
_YEARS = r"(?:an(?:os|itos|ios|os de edad)|aninos)\b(?!\s+(?:de (?!edad)|con\b|en\b|sin\b|desde\b|\w+[aei]ndo\b))"
_ENDS = (
    rf"(?=\s*(?:{_YEARS}|years? old|yrs?(?: old)?\b|yo\b|y/o|[.,;!?)]|$|and\b|y\b(?! medi)|pero\b|but\b|recien|"
    rf"nomas|apenas|"
    r"todavia|voy (?:en|a)\b|estudio|still\b|so\b|yet\b|turning|though\b|btw\b|lol\b|jaj|la semana|hace\b|ayer|last\b|"
    r"my (?:mom|dad|parents)|mi (?:mama|papa)))"
)
_SELF = re.compile(
    r"\b(?:tengo|ya tengo|cumpli|acabo de cumplir|recien cumplidos|i'?m|i am|im|i just turned|i turned|"
    r"age[d]?:?|edad:?)\s+"
    rf"(?:solo |solamente |apenas |casi |como |recien |only |just |like |about |actually |"
    rf"barely )*{_NUMBER}(?!\s*%){_ENDS}"
)
_A_YEAR_OLD = re.compile(
    rf"\b(?:i'?m|i am|im|soy)\s+(?:an? |un |una )(?:\w+ ){{0,2}}?(?:de )?{_NUMBER}[- ]?"
    rf"(?:year[- ]?old|yr[- ]?old|yo\b|{_YEARS}|$|[.,!?])"
)
_ALONE = re.compile(rf"^\W*(?:yo |solo |apenas |just |only )?{_NUMBER}\s*(?:{_YEARS}|years? old|yrs old|yo\b|y/o)\W*$")
_NOT_YET = re.compile(
    r"\b(?:cumplo|cumplire|voy a cumplir|por cumplir|estoy por cumplir|cuando cumpla|para cumplir|"
    r"aun no (?:tengo|cumplo)|"
    r"todavia no (?:tengo|cumplo)|no tengo (?:ni |aun |todavia )|no he cumplido|no llego a|i turn|i'?ll (?:be|"
    r"turn)|i will (?:be|turn)|i'?m turning|"
    r"i am turning|(?:about|going|gonna) (?:to )?(?:be|turn)|until i'?m|i'?m not(?: even| yet| quite)?|"
    r"i am not(?: even| yet)?|"
    rf"when i turn|not yet|almost)\s+(?:los |las )?(?:even |yet )?{_NUMBER}\b(?!\s*(?:%|min|hour|hora|mile|"
    rf"milla|kilo|dia|day|week|"
    r"sema|mont|mes|sure|pound|libra|or\b|o\b|percent|k\b|a\.?m|p\.?m))(?!\s+(?:hoy|today|ahora|in pain))(?:\s+anos)?"
    r"(?! (?:de (?!edad)|con\b|en (?:la|el|este|esta)\b))"
)
_MINOR = re.compile(
    r"\b(?:soy|como soy|siendo|aun soy|todavia soy) (?:aun |todavia |un |una )?menor(?: de edad\b| de (?:18|"
    r"dieciocho)\b|"
    r"(?=\s*(?:$|[.,;!?)]|pero|y\b|aun|todavia)))|"
    r"\bno (?:soy|tengo la) (?:todavia |aun )?(?:mayor(?:ia)? de edad)|\b(?:aun|todavia) no soy (?:mayor|adult)|"
    r"\bi'?m (?:still |only |technically |just )?(?:a minor|under ?age|under (?:18|eighteen)|not (?:an adult|"
    r"of age|legal))|"
    r"\bi am (?:still |only )?(?:a minor|under ?age|under (?:18|eighteen)|not (?:an adult|of age|legal))|"
    r"\bim (?:a minor|under ?age|under 18)|"
    r"\b(?:voy|estoy|curso|estudio) (?:en |a )?(?:\w+ (?:de |ano de )?)?(?:la |el )?(?:secundaria|"
    r"prepa(?:ratoria)?|bachillerato|la eso|primaria|liceo)\b|"
    r"\bi'?m (?:still |just )?(?:in|a \w+ in) (?:high|middle) ?school|\bi go to (?:high|middle) ?school|"
    r"\bi'?m in (?:the )?(?:[6-9]|1[01]|sixth|seventh|eighth|ninth|tenth|eleventh)(?:th)? grade|"
    r"\b(?:no me dejan|mis (?:papas|padres)|mi (?:mama|papa)) [^.!?]{0,20}(?:porque|que) (?:soy|estoy) (?:menor|"
    r"chic[oa]|muy joven)"
)
_CHILD = (
    r"(?:mi|mis|nuestr[oa]|my|our) (?:hij[oa]|nen[ea]|niet[oa]|sobrin[oa]|herman(?:o|a|ito|ita)|nin[oa]|"
    r"chic[oa]|chamac[oa]|"
    r"son|daughter|kid|child|niece|nephew|grandson|granddaughter|(?:little |younger )?(?:brother|sister)|boy|"
    r"girl|teen(?:ager)?)"
)
_FOR_THE_CHILD = re.compile(
    rf"\b{_CHILD}\b[^.!?]{{0,30}}?\b(?:[5-9]|1[0-7]|{_TEENS})\b(?!:|\s*(?:%|am\b|pm\b|min|hour|hora|kilo|lb|"
    rf"pound|day|dia|meses|month))"
    r"[^.!?]{0,50}\b(?:quiere|quisiera|quiero que|le gustaria|necesita|puede|inscrib\w+|apunt\w+|entren\w+|"
    r"para (?:el|ella)|wants?|would like|"
    r"needs|can (?:he|she|they)|join|sign|train\w*|for (?:him|her)|interested)|"
    rf"\b(?:quiero|quisiera|want|like|can i|puedo|inscribir|apuntar|sign up|enrol\w*|es para|it'?s for|"
    rf"for) [^.!?]{{0,30}}?{_CHILD}\b"
    rf"[^.!?]{{0,25}}?\b(?:[5-9]|1[0-7]|{_TEENS})\b(?!\s*(?:%|am\b|pm\b|min|kilo|lb|pound|meses|month))"
)
_BORN = re.compile(
    r"\b(?:naci|nacid[oa]|soy (?:del|de)|i was born|born|birth year:?)\s+(?:(?:en|el|in|on|ano|the year) )*"
    r"(?:\w+ (?:de |of )?(?:\w+ (?:de |of )?)?)?(?P<year>19[2-9]\d|20[0-2]\d)\b"
)
OLDEST = 110


@dataclass(frozen=True, slots=True)
class AgeSaid:
    """``age`` in years, 5 to 110; ``born`` is a year. ``minor``: he, or the child that he asks for, is one by his words."""

    age: int | None = None
    minor: bool = False
    born: int | None = None


def age_said(text: str) -> AgeSaid:
    """What ``text`` says of the customer's own age. A birthday still to come counts for the year before it."""
    said = plain(text).replace("’", "'")
    minor = bool(_MINOR.search(said) or _FOR_THE_CHILD.search(said))
    born = _BORN.search(said)
    year = int(born.group("year")) if born else None
    if (coming := _NOT_YET.search(said)) is not None and 5 < (age := _years(coming)) <= OLDEST:
        return AgeSaid(age - 1, minor, year)
    found = _SELF.search(said) or _A_YEAR_OLD.search(said) or _ALONE.search(said)
    age = _years(found) if found else 0
    return AgeSaid(age if 5 <= age <= OLDEST else None, minor, year)


def _years(match: re.Match[str]) -> int:
    number = match.group("age")
    return int(number) if number.isdigit() else _WORDS[number]
