"""Whether a customer asks what he is talking to: a machine or a person. Patterns alone, in both languages at once."""

import re

from predictors.rules import clause_at
from predictors.text import plain

_WHAT = (
    r"(?:(?:chat ?)?bots?|robots?|maquinas?|ia\b|i\. ?a\.|inteligencia artificial|human[oa]s?|ser humano|"
    r"personas?\b(?! (?:que|a cargo|encarg))"
    r"|alguien (?:real|de verdad)|de verdad|de carne|computadora|ordenador|asistente virtual|grabacion|"
    r"contestador\w*|chat ?gpt|automatic[oa]|"
    r"algoritmo|machines?|ai\b|a\.i|humans?|(?:real|actual|live) (?:person|human|people)|persons?\b(?! (?:who|"
    r"that|in charge|to))|people\b|"
    r"real[?!. ]*$|computer|automated|recording|program\b|software|llm|somebody real|someone real|fake)"
)
_ASKS = re.compile(
    rf"\b(?:eres|sos|es usted|usted es|seras?|esto es|sois|hablo con|estoy (?:hablando|chateando|tratando) con|"
    rf"me (?:atiende|contesta|responde|escribe)|"
    rf"habla(?:s|ndo)?|quien (?:contesta|escribe|responde) es|que eres|(?:di|dime|diga|digame|admite|admita|"
    rf"confiesa|confiese|jura|jure|jurame|prometeme|"
    rf"reconoce|asegurame|confirma|confirmame|finge|haz como) (?:\w+ )?que (?:\w+ )?(?:eres|sos|es)|no eres|"
    rf"tu eres|vos sos)"
    rf"(?! (?:puedo|quiero))(?: \w+){{0,4}}? {_WHAT}|"
    r"\bhay (?:alguien|una persona|un humano)(?: \w+){0,2} (?:ahi|de verdad|real|detras)|\bcon quien (?:hablo|"
    r"tengo el gusto|estoy hablando|chateo)|"
    rf"\b(?:are|r) (?:you|u|ya|y'?all|we)(?: \w+){{0,4}}? {_WHAT}|\b(?:is|was) (?:this|that|"
    rf"it)(?: \w+){{0,3}}? {_WHAT}|"
    rf"\b(?:am i|i'?m|are we) (?:talking|speaking|chatting|texting|typing|messaging|dealing) (?:to|"
    rf"with)(?: \w+){{0,3}}? {_WHAT}|"
    rf"\b(?:you'?re|you are|youre|ur|u r)(?: \w+){{0,3}}? {_WHAT}|"
    r"\bwho am i (?:speaking|talking|chatting) (?:to|with)|\bwho (?:is|am i|'s) (?:this|talking)\b|"
    r"\bwhat are you\b[?!. ]*$|"
    r"\bis (?:there|anyone|anybody)(?: \w+){0,3} (?:a human|human|real|person) ?(?:there|here|behind|on)?"
)
_NOT_ASKED = re.compile(
    r"\b(?:eres|sos|es usted|esto es|are you|is this|you'?re|you are) (?:\w+ ){0,2}?(?:real|fake) (?:company|"
    r"business|deal|estate|price|offer|empresa)"
)
_WANTS = re.compile(
    r"\b(?:quiero|quisiera|necesito|prefiero|puedo|podria|dejame|pas[ae]me|comunic\w+|transfier\w+|ponme|ponga|"
    r"conect\w+|exijo|dame|deme|no quiero|"
    r"want|need|wanna|like to|let me|can i|could i|may i|get me|put me|give me|transfer|connect|prefer|rather|"
    r"don'?t want|please)\b"
    r"[^.?!]{0,40}(?:person|human|alguien|somebody|someone|agent|agente|asesor|gerente|manager|supervisor|"
    r"maquina|robot|bot\b|machine|rep\b)"
)


def asks_identity(text: str) -> str | None:
    """The words with which ``text`` asks whether this is a machine, or demands that it call itself human."""
    said = plain(text).replace("’", "'")
    match = _ASKS.search(_NOT_ASKED.sub("~", said))
    return clause_at(text, said, min(match.start(), len(said) - 1)) if match else None


def wants_a_person(text: str) -> bool:
    """Whether ``text`` asks for a person, and not only whether it is one."""
    return _WANTS.search(plain(text)) is not None
