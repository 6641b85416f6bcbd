"""Talking points for the sales rep: one thing to say, why, and the facts, each at most twenty words."""

from agent.turn import Action, Brief, LedgerEntry
from prompts import wording

MOST_WORDS = 20

_SAY = {
    "es": {
        Action.ASK_DISCOVERY: "Pregunta y escucha: todavía no se sabe {unknown}.",
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
        Action.ASK_DISCOVERY: "Ask and listen: {unknown} is still unknown.",
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
_OBJECTION = {
    "es": "Objeción abierta ({type}): «{words}»",
    "en": "Open objection ({type}): “{words}”",
}
_PRICE = {"es": "{offer}: {price}.", "en": "{offer}: {price}."}
_AUTHORITY = {"es": "Descuento máximo autorizado: {percent}.", "en": "Highest discount you may give: {percent}."}


def talking_points(brief: Brief) -> tuple[str, ...]:
    """At most four points in the conversation's language, the most urgent first."""
    decision, book, language = brief.decision, brief.playbook, brief.language
    offer = book.offer(decision.offer) if decision.offer else book.offers[0]
    name = offer.name.said_in(language)
    points = [_SAY[language][decision.action].format(offer=name, unknown=(decision.slot or "?").replace("_", " "))]
    points += [_open_objection(entry, brief) for entry in decision.ledger if entry.open][:1]
    if decision.action not in (Action.CLOSE_POLITELY, Action.HANDOFF_TO_HUMAN):
        points.append(_PRICE[language].format(offer=name, price=wording.price(offer.price, book, language)))
        resisted = decision.action is Action.OFFER_INCENTIVE or decision.objection == "price"
        if resisted and offer.max_discount_percent:
            percent = wording.percent(offer.max_discount_percent, book, language)
            points.append(_AUTHORITY[language].format(percent=percent))
    return tuple(_short(point) for point in points)


def _open_objection(entry: LedgerEntry, brief: Brief) -> str:
    words = entry.evidence[0] if entry.evidence else ""
    return _OBJECTION[brief.language].format(type=entry.type.replace("_", " "), words=_short(words, 12))


def _short(text: str, most: int = MOST_WORDS) -> str:
    words = text.split()
    return text if len(words) <= most else f"{' '.join(words[:most])} …"
