"""Spanish or English: which of the two a message is written in, and how sure that is."""

import re

from predictors.base import Language
from predictors.text import plain, words

_SPANISH_WORDS = """
de la que el en y a los se del las un por con no una su para es al lo como mas pero sus le ya o este si porque esta
entre cuando muy sin sobre tambien me hasta hay donde quien desde todo nos durante todos uno les ni contra otros ese
eso ante ellos e esto mi antes algunos unos yo otro otras otra tanto esa estos mucho quienes nada muchos cual poco
ella estar estas algunas algo nosotros tu te ti hola gracias buenas buenos dias tardes noches quiero quisiera cuanto
cuesta vale precio caro tengo tiene tienes necesito puedo puede pueden seria esta estoy soy eres ustedes usted vos
pues bueno ahora luego despues manana hoy semana mes ano senor senora casa techo gotera seguro favor dale claro ok
vale listo porfa xfa q xq tmb pq haces hacer hago voy va vamos ir ser fue era son han ha he sido solo siempre nunca
ya asi entonces creo digo dice parece gusta interesa informacion llamar llamame hablar persona dinero trabajo tiempo
cuerpo peso salud
"""
_SPANISH = frozenset(_SPANISH_WORDS.split())
_ENGLISH_WORDS = """
the of and to a in is you that it he was for on are with as i his they be at one have this from or had by but not
what all were we when your can said there use an each which she do how their if will up other about out many then
them these so some her would make like him into time has look two more write go see number no way could people my
than first been call who its now find long down day did get come made may part hi hello hey thanks thank please yes
yeah yep nope sure ok okay want need price cost much expensive roof leak house insurance just don't dont im i'm it's
its i've ive can't cant what's whats that's thats i'd id you're youre we're really think know got going gonna wanna
let me us our does didn't doesn't because though still already good great sounds right well maybe here where why
work works working pay money send email someone anybody anyone stop week month year today tomorrow morning wife
husband too very should
"""
_ENGLISH = frozenset(_ENGLISH_WORDS.split())


def spanish_share(text: str) -> tuple[float, int]:
    """Share of Spanish among the tell-tale words (0 English ... 1 Spanish; 0.5 unknown), and how many there were."""
    said = words(text)
    spanish = sum(word in _SPANISH for word in said) + 2 * sum(char in text.lower() for char in "ñ¿¡")
    english = sum(word in _ENGLISH for word in said)
    spanish += sum(char in text.lower() for char in "áéíóú")
    total = spanish + english
    return (spanish / total if total else 0.5), total


def language_of(text: str, before: Language | None, default: Language) -> Language:
    """The language to answer in. A conversation keeps its language unless a message is clearly in the other one.

    The request to "answer in English", written in Spanish, is Spanish: the customer's own words decide, not a command.
    """
    share, seen = spanish_share(text)
    current = before or default
    other: Language = "en" if current == "es" else "es"
    other_share = share if other == "es" else 1 - share
    if before is None:
        return other if seen >= 1 and other_share > 0.5 else current
    return other if seen >= 3 and other_share >= 0.75 else current


_WISH = re.compile(
    r"\b(?:talk|speak|chat|write|text|switch|continue|prefer|better|easier|can we|hablar?|hablamos|hablas|"
    r"escrib\w+|seguimos|sigamos|continu\w+|prefiero|mejor|podemos|cambi\w+)\b[^.?!]{0,24}\b(?P<name>spanish|espanol|castellano|english|ingles)\b"
)
_NOT_A_WISH = re.compile(
    r"\b(?:don'?t|do not|no|cannot|can't|instruc\w+|respond\w*|answer|reply|only|solo|solamente)\b"
)


def wished_language(text: str) -> Language | None:
    """The language that a customer politely asks to go on in ("is it ok if we talk in Spanish?"), if he does.

    A command ("respond only in English") is not a wish: it leaves the language as it is.
    """
    said = plain(text)
    match = _WISH.search(said)
    if match is None or _NOT_A_WISH.search(said[max(0, match.start() - 30) : match.end()]):
        return None
    return "es" if match.group("name") in ("spanish", "espanol", "castellano") else "en"
