"""Talking points for the sales rep: one thing to say, why, and the facts, each at most twenty words."""

import re

from agent.reply.lines import next_question
from agent.reply.sentences import unmasked
from agent.turn import Action, Brief, Language, LedgerEntry, ObjectionType
from predictors.orders import orders
from prompts import wording

MOST_WORDS, MOST_CHARACTERS = 20, 200

_SAY = {
    "es": {
        Action.ASK_DISCOVERY: "Pregunta y escucha: {question}",
        Action.ANSWER_QUESTION: "Responde primero la pregunta y después avanza.",
        Action.HANDLE_OBJECTION: "Reconoce la objeción antes de contestarla; no la discutas.",
        Action.PRESENT_OFFER: "Presenta {offer} a partir de lo que busca.",
        Action.SHARE_PROOF: "Enseña evidencia concreta, no adjetivos.",
        Action.QUOTE_PRICE: "Di el precio sin rodeos y sigue con lo que incluye.",
        Action.OFFER_INCENTIVE: "Ofrece el incentivo una sola vez y pide una decisión a cambio.",
        Action.TRIAL_CLOSE: "Propón el siguiente paso y espera en silencio.",
        Action.SCHEDULE_FOLLOW_UP: "Fija día y hora antes de despedirte.",
        Action.CONFIRM_SALE: "Confirma lo acordado y explica qué pasa ahora.",
        Action.NURTURE: "No insistas: deja la puerta abierta.",
        Action.HANDOFF_TO_HUMAN: "Toma la conversación: esto necesita a una persona.",
        Action.CLOSE_POLITELY: "Cierra con amabilidad; no vendas más.",
    },
    "en": {
        Action.ASK_DISCOVERY: "Ask and listen: {question}",
        Action.ANSWER_QUESTION: "Answer the question first, then move on.",
        Action.HANDLE_OBJECTION: "Acknowledge the objection before answering it; don't argue.",
        Action.PRESENT_OFFER: "Present {offer} from what they are after.",
        Action.SHARE_PROOF: "Show concrete evidence, not adjectives.",
        Action.QUOTE_PRICE: "Say the price plainly, then what it includes.",
        Action.OFFER_INCENTIVE: "Offer the incentive once and ask for a decision in return.",
        Action.TRIAL_CLOSE: "Propose the next step, then wait.",
        Action.SCHEDULE_FOLLOW_UP: "Fix a day and a time before saying goodbye.",
        Action.CONFIRM_SALE: "Confirm what was agreed and say what happens next.",
        Action.NURTURE: "Don't push: leave the door open.",
        Action.HANDOFF_TO_HUMAN: "Take over: this needs a person.",
        Action.CLOSE_POLITELY: "Close kindly; sell nothing more.",
    },
}
_LISTEN = {"es": "lo que diga decide qué sigue.", "en": "what they say decides what comes next."}
_OBJECTION = {"es": "Objeción abierta: {type}{words}", "en": "Open objection: {type}{words}"}
_QUOTED = {"es": ": «{words}»", "en": ": “{words}”"}
_TYPES: dict[Language, dict[ObjectionType, str]] = {
    "es": {
        "price": "precio",
        "timing": "momento",
        "stall": "lo aplaza",
        "trust": "confianza",
        "competitor": "otra opción",
        "authority": "decide otra persona",
        "no_need": "no ve necesidad",
        "fit": "si es para su caso",
        "commitment": "compromiso",
        "effort": "esfuerzo",
    },
    "en": {
        "price": "price",
        "timing": "timing",
        "stall": "putting it off",
        "trust": "trust",
        "competitor": "another option",
        "authority": "somebody else decides",
        "no_need": "sees no need",
        "fit": "whether it suits them",
        "commitment": "commitment",
        "effort": "effort",
    },
}
_NOT_QUOTED = re.compile(r"[«»“”\"‹›<>{}\[\]|`]+")
_PRICE = {"es": "{offer}: {price}.", "en": "{offer}: {price}."}
_AUTHORITY = {"es": "Descuento máximo autorizado: {percent}.", "en": "Highest discount you may give: {percent}."}


def talking_points(brief: Brief) -> tuple[str, ...]:
    """One to four points in the conversation's language, the most urgent first."""
    decision, book, language = brief.decision, brief.playbook, brief.language
    asked = next_question(brief)
    question = asked.ask[0].said_in(language) if asked else _LISTEN[language]
    offer = book.offer(decision.offer) if decision.offer else book.offers[0]
    name = offer.name.said_in(language)
    points = [_SAY[language][decision.action].format(offer=name, question=question)]
    doubts = sorted((entry for entry in decision.ledger if entry.open), key=lambda one: one.type != decision.objection)
    points += [_open_objection(entry, brief) for entry in doubts[:1]]
    if decision.action not in (Action.CLOSE_POLITELY, Action.HANDOFF_TO_HUMAN):
        points.append(_PRICE[language].format(offer=name, price=wording.price(offer.price, book, language)))
        resisted = decision.action is Action.OFFER_INCENTIVE or decision.objection == "price"
        if resisted and offer.max_discount_percent:
            percent = wording.percent(offer.max_discount_percent, book, language)
            points.append(_AUTHORITY[language].format(percent=percent))
    return tuple(_short(point) for point in points)


def _open_objection(entry: LedgerEntry, brief: Brief) -> str:
    words = _short(_quotable(entry.evidence[0]), MOST_WORDS // 2, MOST_CHARACTERS // 2) if entry.evidence else ""
    quoted = _QUOTED[brief.language].format(words=words) if words else "."
    return _OBJECTION[brief.language].format(type=_TYPES[brief.language][entry.type], words=quoted)


def _quotable(words: str) -> str:
    """The customer's words so that they stay within quotation marks; nothing where they give orders."""
    return "" if orders(words) else _NOT_QUOTED.sub(" ", unmasked(words)).strip()


def _short(text: str, most_words: int = MOST_WORDS, most_characters: int = MOST_CHARACTERS) -> str:
    """``text`` on one line, cut behind a word where there are too many, else within it."""
    words = text.split()
    short = " ".join(words[:most_words])
    if len(words) <= most_words and len(short) <= most_characters:
        return short
    return f"{short[: most_characters - 1].rstrip(' ,;:.')}…"
