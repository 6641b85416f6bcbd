"""Prices, percentages, durations, dates and large counts in a text, with what each is counted in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from agent.reply.numerals import HOUR_WORDS, Numeral, numerals
from agent.turn import Language

Kind = Literal["price", "percent", "duration", "date", "count"]


@dataclass(frozen=True, slots=True)
class Amount:
    """``unit``: the period of a price (``month``), the unit of a duration (``week``), the kind of a date (``weekday``)."""

    kind: Kind
    value: Decimal | str
    unit: str | None
    start: int
    end: int
    text: str


_CURRENCY_BEFORE = re.compile(r"(?:US\s?\$|MX\s?\$|\$|€|£|\b(?:USD|EUR|MXN|GBP|COP))\s{0,3}$", re.IGNORECASE)
_CURRENCY_AFTER = re.compile(
    r"(?:\s{0,3}|-)(?:US\$|\$|€|£|(?:USD|EUR|MXN|GBP|COP)\b|(?:de\s|US\s|american\s)?"
    r"(?:d[óo]lares|d[óo]lar|euros?|pesos?|dollars?|bucks?|quid|pounds sterling|(?P<cents>cents?|centavos?|"
    r"c[ée]ntimos?|¢))"
    r"(?!\w))",
    re.IGNORECASE,
)
_ONE_COIN = re.compile(
    r"\b(?:a|one) (?:single )?(?:dollar|buck|euro|peso|penny|cent)\b(?! (?:amount|sign|figure))", re.IGNORECASE
)
_CURRENCIES = (
    (re.compile(r"€|eur", re.IGNORECASE), frozenset({"EUR"})),
    (re.compile(r"£|gbp|pound|quid", re.IGNORECASE), frozenset({"GBP"})),
    (re.compile(r"mx|peso|cop\b", re.IGNORECASE), frozenset({"MXN", "COP", "ARS", "CLP", "UYU", "DOP"})),
    (re.compile(r"us|d[óo]lar|dollar|buck", re.IGNORECASE), frozenset({"USD", "CAD", "AUD"})),
)
_PERCENT_AFTER = re.compile(
    r"(?:\s{0,3}|-)(?:[%٪]|por\s?cien(?:to)?\b|percent\b|per cent\b|pct\b|puntos porcentuales\b|percentage points?\b)",
    re.IGNORECASE,
)
_OFF_AFTER = re.compile(
    r"\s(?:off\b|de (?:descuento|rebaja|ahorro)|discount\b|less\b(?! than)|cheaper\b|back\b)", re.IGNORECASE
)
_OFF_BEFORE = re.compile(
    r"\b(?:sav(?:e|ing)s?|knock(?: off)?|shave(?: off)?|(?:discount|credit|rebate|savings) of|(?:descuento|rebaja|"
    r"ahorro|bono) de|"
    r"(?:reduced?|lowered?|cut)(?: it| the price)? by|ahorr\w+|rebaj\w+|descuent[oa]|reembols\w+)\s(?:you |un |"
    r"another |hasta |up to )?$",
    re.IGNORECASE,
)
_SAYS_A_PRICE = re.compile(
    r"(?:^\W*(?:only|just|s[óo]lo|apenas)|\b(?:cuestan?|valen?|precio (?:final |total )?(?:es|queda|ser[íi]a)(?: de| en)?|"
    r"salen? (?:en|por|a)|quedan?(?:r[íi]an?)? en|dej[oa] (?:en|por)|por s[óo]lo|pagas?|pagar[íi]as?|costs?|"
    r"price (?:is|of|would be)|prices? starts? at|for (?:only|just)|charge|cobr(?:o|amos)|do it for|yours for|have it for|"
    r"pay(?:ing)?|comes? to|total (?:is|of|es|de)(?: de)?))\s(?:only |just |solo |sólo |unos |about )?$",
    re.IGNORECASE,
)
_NOTHING_COUNTED = re.compile(
    r"\s*(?:$|[.,;:!?)]|(?:in total|en total|and|y|por todo|todo|al contado|flat|for (?:you|everything|all)|"
    r"para (?:ti|usted))\b)",
    re.IGNORECASE,
)
_DISCOUNT = re.compile(
    r"descuent|rebaj|(?<!al )(?<!por lo )\bmenos\b(?! de)|ahorr|promo|discount|\boff\b|\bsav(?:e|ing)|cheap|barat|"
    r"knock|reduc|regal|"
    r"\b(?:lower|less)\b(?! than)|\bdeal\b|oferta|cup[óo]n|coupon|bonus|credit of|rebate|reembols|refund|cash ?back",
    re.IGNORECASE,
)
_GIVES = re.compile(
    r"\b(?:give|get|do|offer|take|have|apply|hago|hacer|doy|dar|dejo|consigo|aplico|ofrezco|ofrecer|quito|bajo|bajar)"
    r"(?: (?:you|him|her|them|le|te|lo|un|el|a|an|extra|another|otro|hasta|up to|even|precio|price|the))*\s$",
    re.IGNORECASE,
)
_DUE = re.compile(r"\s(?:de |as a |as )?(?:deposit|anticipo|enganche|down|apr\b|interes|inter[ée]s)", re.IGNORECASE)
_QUOTES = re.compile(
    r"(?:\bit(?:'s| is)|that(?:'s| is)|\bes|\bson|costs?|cuesta|price (?:is|of)|precio (?:es|de)|(?:queda|sale) en|"
    r"comes? to)\s"
    r"(?:only |just |solo |sólo )?$",
    re.IGNORECASE,
)
_PAYMENTS = re.compile(r"\b(?:pagos?|cuotas?|payments?|instal|mensual|month|mes\b|meses)", re.IGNORECASE)
_PAYMENTS_AFTER = re.compile(
    r"\s(?:(?:equal|easy|monthly|interest-free|small|c[óo]modas?|iguales)\s)?(?:pagos|cuotas|mensualidades|payments|"
    r"instal\w+)",
    re.IGNORECASE,
)
_WHOLLY = re.compile(
    r"\s(?:sure|understand|agree|honest|clear|normal|valid|fair|certain|segur|clar|sincer|comprensible|entend|v[áa]lid|"
    r"de acuerdo|with you|on board|contigo|con usted)",
    re.IGNORECASE,
)
_CENTS = re.compile(r"\d[.,]\d{2}$")
_DURATION_UNITS = {
    "minute": r"minutos?|minutes?|mins?|min",
    "hour": r"horas?|hours?|hrs?|hr|h",
    "day": r"d[ií]as?|days?",
    "week": r"semanas?|weeks?|wks?",
    "month": r"mes(?:es)?|months?|mos?",
    "year": r"años?|years?|yrs?",
}
_DURATION_AFTER = re.compile(
    r"[\s-]?(?:" + "|".join(f"(?P<{unit}>(?:{words})\\b)" for unit, words in _DURATION_UNITS.items()) + ")",
    re.IGNORECASE,
)
_PERIODS = {
    "week": r"a la semana|por semana|semanales?|(?:a|per|each|every) week|weekly|/\s?(?:wk|week|semana|sem)\b",
    "month": r"al mes|por mes|mensuales?|cada mes|(?:a|per|each|every) month|monthly|/\s?(?:mo|month|mes)\b",
    "year": r"al año|por año|anual(?:es)?|(?:a|per|each|every) year|yearly|annually|/\s?(?:yr|year|año)\b",
    "session": r"por sesi[óo]n|cada sesi[óo]n|la sesi[óo]n|(?:a|per|each|every) session",
}
_PERIOD_AFTER = re.compile(
    r"[\s,]{0,2}(?:" + "|".join(f"(?P<{unit}>{words})" for unit, words in _PERIODS.items()) + ")", re.IGNORECASE
)
_PERIOD_BEFORE = re.compile(
    r"\b(?:(?P<week>weekly|semanal(?:es)?|(?:cada|every|each) (?:week|semana))|(?P<month>monthly|mensual(?:es)?|"
    r"mensualidad(?:es)?|"
    r"(?:cada|every|each) (?:month|mes))|(?P<year>yearly|annual|anual(?:es)?|(?:cada|every|each) (?:year|año)))"
    r"(?: (?:payments?|fee|price|cost|rate|charge|cuotas?|pagos?|precio|costo|tarifa|es|is|de|of|son|at|only|solo|"
    r"you pay|pagas?)){0,4}\s$",
    re.IGNORECASE,
)
_FREE = re.compile(
    r"\b(?:gratis|gratuit[oa]s?|(?:sin|(?:no tiene )?ning[úu]n) (?:ning[úu]n )?(?:costo|coste|cargo)|de regalo|"
    r"regalad[oa]s?|"
    r"(?:se |te |le )+(?:lo |la )?regal(?:o|amos)|no (?:te |le )?(?:cuesta nada|cobr(?:o|amos)(?: nada)?)|"
    r"costs? (?:you )?nothing|"
    r"no charge|(?:at )?no cost|zero cost|on the house|complimentary|"
    r"(?<!-)(?<!feel )(?<!are you )free(?: of charge)?(?!-|\s(?:to|up|time|slots?|spots?)\b|\s(?:on|at|this|"
    r"next) (?:\w+day|\d|week|afternoon|"
    r"morning)))(?!\w)",
    re.IGNORECASE,
)
_FRACTIONS = (
    (
        Decimal(50),
        r"a mitad de precio|(?:la )?mitad (?:de|del) precio|medio precio|half[- ](?:off|price)|half (?:of )?(?:the|"
        r"your|that) (?:price|cost)|"
        r"2\s?x\s?1|2 por 1|dos por uno|(?:2|two) for (?:the price of )?(?:1|one)|dos por el precio de uno|"
        r"buy one,? get one",
    ),
    (
        Decimal(33),
        r"(?:a|one)[- ]third off|un tercio (?:de descuento|menos)|3\s?x\s?2|3 por 2|(?:3|three) for (?:2|two)",
    ),
    (Decimal(25), r"(?:a|one)[- ]quarter off|un cuarto (?:de descuento|menos)"),
    (Decimal(66), r"two[- ]thirds off|dos tercios (?:de descuento|menos)"),
)
_FRACTION = tuple((value, re.compile(rf"\b(?:{words})\b", re.IGNORECASE)) for value, words in _FRACTIONS)
_FRACTION_HINTS = (
    "mitad",
    "half",
    "medio",
    "uno",
    "x",
    "2 por",
    "3 por",
    "for",
    "buy",
    "third",
    "quarter",
    "terci",
    "cuarto",
)
_ALWAYS = re.compile(r"\b24\s?[/x]\s?7\b", re.IGNORECASE)
_A_WHILE = re.compile(
    r"\b(?:in|takes?|within|lasts?|for|under|than|about|only|just|needs) (?P<span>an? (?:single |whole |full )?"
    r"(?P<unit>hour|day|week|month|year))\b",
    re.IGNORECASE,
)
_HALF_HOUR = re.compile(r"\b(?:media hora|half an hour|half hour)\b", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:un|una|one)$", re.IGNORECASE)
_COMMITS = re.compile(
    r"\b(?:en|duran?|durante|tardan?|toma|lleva|de|por|hasta|solo|sólo|in|takes?|within|lasts?|for|under|than|about|"
    r"only|just)\s$",
    re.IGNORECASE,
)
_MONTHS = (
    ("enero", "january", "jan"), ("febrero", "february", "feb"), ("marzo", "march", "mar"), ("abril", "april", "apr"),
    ("mayo", "may", "may"), ("junio", "june", "jun"), ("julio", "july", "jul"), ("agosto", "august", "aug"),
    ("septiembre", "september", "sep"), ("octubre", "october", "oct"), ("noviembre", "november", "nov"),
    ("diciembre", "december", "dec"),
)  # fmt: skip
_MONTH_NUMBER = {name: index for index, names in enumerate(_MONTHS, start=1) for name in names}
_MONTH = "|".join(sorted((name for names in _MONTHS for name in names), key=len, reverse=True))
_DATES = (
    re.compile(r"\b(?P<day>\d{1,2})(?:ro|°|º)? de (?P<month>" + _MONTH + r")\b", re.IGNORECASE),
    re.compile(r"\b(?P<month>" + _MONTH + r")\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?\b", re.IGNORECASE),
    re.compile(r"\b(?P<day>\d{1,2})(?:st|nd|rd|th)? (?:of )?(?P<month>" + _MONTH + r")\b", re.IGNORECASE),
    re.compile(r"\b\d{4}-(?P<month>\d{2})-(?P<day>\d{2})\b"),
    re.compile(r"(?<![\d/.,])(?P<day>\d{1,2})/(?P<month>\d{1,2})(?:/\d{2,4})?(?![\d/])"),
)
_DIGIT = re.compile(r"\d")
_WEEKDAYS = {
    "mon": "lunes|mondays?", "tue": "martes|tuesdays?", "wed": "mi[ée]rcoles|wednesdays?", "thu": "jueves|thursdays?",
    "fri": "viernes|fridays?", "sat": "s[áa]bados?|saturdays?", "sun": "domingos?|sundays?",
}  # fmt: skip
_WEEKDAY_HINTS = ("lunes", "martes", "rcoles", "jueves", "viernes", "bado", "doming", "day")
_WEEKDAY = re.compile("|".join(f"(?P<{day}>\\b(?:{words})\\b)" for day, words in _WEEKDAYS.items()), re.IGNORECASE)
_HOUR = r"\d{1,2}|" + "|".join(HOUR_WORDS)
_NOT_AN_HOUR = (
    r"(?![.,:]?\d|\w|\s?%|\s(?:percent|por ?ciento)|[\s-](?:minut|hour|hora|d[ií]a|day|week|seman|mes|month|year|año|"
    r"d[óo]l|buck|euro|"
    r"peso|of\b|out\b|point|time|locat|place|home|house|person|people|different|de cada))"
)
_CLOCK = re.compile(
    r"(?:\ba las?\s(?P<es>"
    + _HOUR
    + r")(?::(?P<es_minute>\d{2}))?(?:\s?(?P<es_half>[ap]\.?\s?m\.?)|"
    + _NOT_AN_HOUR
    + ")"
    r"|(?:\bat\s)?\b(?P<en>\d{1,2})(?::(?P<en_minute>\d{2}))?\s?(?P<en_half>[ap]\.?m\b\.?)"
    r"|\bat (?P<bare>" + _HOUR + r")(?::(?P<bare_minute>\d{2}))?" + _NOT_AN_HOUR + ""
    r"|\b(?P<colon>[01]?\d|2[0-3]):(?P<colon_minute>[0-5]\d)\b)",
    re.IGNORECASE,
)
_SOON = {
    "tomorrow": re.compile(r"\b(?:pasado )?mañana\b|\btomorrow\b", re.IGNORECASE),
    "today": re.compile(r"\bhoy mismo\b|\bthis very day\b", re.IGNORECASE),
    "tonight": re.compile(r"\btonight\b|\besta noche\b", re.IGNORECASE),
}
_MORNING = re.compile(r"(?:\bla |\bcada |\buna |\besta |\bmedia )$", re.IGNORECASE)
SMALL = 20
"""Counts up to this are ordinary talk ("two questions"), not claims."""


def find_amounts(text: str, language: Language) -> tuple[Amount, ...]:
    """All amounts in the order of the text; a number belongs to one of them only."""
    found = [*_dates(text)]
    found += [Amount("count", Decimal(24), "always", m.start(), m.end(), m.group(0)) for m in _ALWAYS.finditer(text)]
    found += [Amount("price", Decimal(0), None, m.start(), m.end(), m.group(0)) for m in _FREE.finditer(text)]
    found += [
        Amount(
            "price",
            Decimal("0.01" if m.group(0).lower().endswith(("penny", "cent")) else 1),
            None,
            *m.span(),
            m.group(0),
        )
        for m in _ONE_COIN.finditer(text)
    ]
    for percent, pattern in _FRACTION if any(hint in text.lower() for hint in _FRACTION_HINTS) else ():
        found += [Amount("percent", percent, "discount", *m.span(), m.group(0)) for m in pattern.finditer(text)]
    found += [
        Amount("duration", Decimal(1), m.group("unit").lower(), *m.span("span"), m.group("span"))
        for m in _A_WHILE.finditer(text)
    ]
    found += [Amount("duration", Decimal(30), "minute", *m.span(), m.group(0)) for m in _HALF_HOUR.finditer(text)]
    for number in numerals(text, language):
        if any(one.start < number.end and number.start < one.end for one in found):
            continue
        found.append(_classified(text, number))
    return tuple(one for one in _with_ranges(sorted(found, key=lambda one: one.start), text) if not _small_talk(one))


def _small_talk(amount: Amount) -> bool:
    return amount.kind == "count" and isinstance(amount.value, Decimal) and amount.value <= SMALL


def _classified(text: str, number: Numeral) -> Amount:
    ahead = text[max(0, number.start - 60) : number.start]
    before = _CURRENCY_BEFORE.search(ahead)
    start = number.start - (len(before.group(0)) if before else 0)
    if match := _PERCENT_AFTER.match(text, number.end):
        if number.value == 100 and _WHOLLY.match(text, match.end()):
            return Amount("count", Decimal(1), None, start, match.end(), text[start : match.end()])
        return Amount("percent", number.value, None, start, match.end(), text[start : match.end()])
    after = _CURRENCY_AFTER.match(text, number.end)
    if before or after:
        value = number.value / 100 if after and after.group("cents") else number.value
        return _price(text, value, start, after.end() if after else number.end)
    if match := _DURATION_AFTER.match(text, number.end):
        if not _idle_talk(text, number, str(match.lastgroup)):
            return Amount("duration", number.value, match.lastgroup, start, match.end(), text[start : match.end()])
    elif _OFF_AFTER.match(text, number.end):
        return Amount("percent", number.value, "discount", start, number.end, text[start : number.end])
    elif _CENTS.search(text[start : number.end]) or (
        number.value > 1 and _SAYS_A_PRICE.search(ahead) and _NOTHING_COUNTED.match(text, number.end)
    ):
        return _price(text, number.value, start, number.end)
    return Amount("count", number.value, None, start, number.end, text[start : number.end])


def _price(text: str, value: Decimal, start: int, end: int) -> Amount:
    """The unit is the period, or ``discount`` where the sum comes off a price."""
    ahead = text[max(0, start - 60) : start]
    if _OFF_AFTER.match(text, end) or _OFF_BEFORE.search(ahead):
        return Amount("price", value, "discount", start, end, text[start:end])
    if period := _PERIOD_AFTER.match(text, end):
        return Amount("price", value, period.lastgroup, start, period.end(), text[start : period.end()])
    earlier = _PERIOD_BEFORE.search(ahead)
    return Amount("price", value, earlier.lastgroup if earlier else None, start, end, text[start:end])


def _idle_talk(text: str, number: Numeral, unit: str) -> bool:
    """ "un minuto", "a day and one hour that suit you": promises nothing, unless something takes that long."""
    if unit == "minute":
        return number.value <= 5
    article = number.value == 1 and _ARTICLE.match(text[number.start : number.end])
    return bool(article) and unit in ("hour", "day") and not _COMMITS.search(text[: number.start])


def is_reduction(percent: Amount, text: str) -> bool:
    """Whether a percentage comes off a price; a deposit or a rate of interest does not."""
    given = _GIVES.search(text[: percent.start]) and not _DUE.match(text, percent.end)
    return bool(percent.unit == "discount" or given or speaks_of_discount(text))


def speaks_of_discount(text: str) -> bool:
    return _DISCOUNT.search(text) is not None


def is_quoted(price: Amount, text: str) -> bool:
    """Whether the sentence says that something costs this: "it is $15,000"."""
    return _QUOTES.search(text[: price.start]) is not None


def speaks_of_payments(text: str) -> bool:
    return _PAYMENTS.search(text) is not None


def payment_counts(text: str, language: Language) -> Iterator[Amount]:
    """The 12 of "12 payments of $410"."""
    for number in numerals(text, language) if speaks_of_payments(text) else ():
        if number.value > 1 and _PAYMENTS_AFTER.match(text, number.end):
            yield Amount("count", number.value, "payment", number.start, number.end, text[number.start : number.end])


def time_span(amount: Decimal | str | int, unit: str | None) -> tuple[str, Decimal]:
    """Durations on two scales, so that 12 months are a year and 60 minutes an hour."""
    scale = {"minute": 1, "hour": 60, "day": 1_440, "week": 10_080, "month": 1, "year": 12}[str(unit)]
    return ("months" if unit in ("month", "year") else "minutes", Decimal(amount) * scale)


def currencies(written: str) -> frozenset[str] | None:
    """The ISO codes that an amount's text may mean; None where it says only "$" or nothing."""
    return next((codes for pattern, codes in _CURRENCIES if pattern.search(written)), None)


_RANGE = re.compile(r"\s?(?:-|–|y|a|and|to|o|or)\s?", re.IGNORECASE)


def _with_ranges(amounts: list[Amount], text: str) -> list[Amount]:
    """ "between 8,500 and $14,000", "3 a 5 días": the first figure is counted in what the second one is."""
    joined: list[Amount] = []
    for index, one in enumerate(amounts):
        following = amounts[index + 1] if index + 1 < len(amounts) else None
        ranged = following is not None and _RANGE.fullmatch(text[one.end : following.start])
        if one.kind == "count" and ranged and following is not None and following.kind != "date":
            one = Amount(following.kind, one.value, following.unit, one.start, one.end, one.text)
        joined.append(one)
    return joined


def _dates(text: str) -> Iterator[Amount]:
    taken: list[tuple[int, int]] = []
    for pattern in _DATES if _DIGIT.search(text) else ():
        for match in pattern.finditer(text):
            month = match.group("month").lower()
            number = _MONTH_NUMBER.get(month) or (int(month) if month.isdigit() else 0)
            if _ALWAYS.fullmatch(match.group(0)):
                continue
            if not 1 <= number <= 12 or not 1 <= int(match.group("day")) <= 31 or _overlaps(match, taken):
                continue
            taken.append(match.span())
            value = f"{number:02d}-{int(match.group('day')):02d}"
            yield Amount("date", value, "day", match.start(), match.end(), match.group(0))
    for match in _WEEKDAY.finditer(text) if any(hint in text.lower() for hint in _WEEKDAY_HINTS) else ():
        yield Amount("date", str(match.lastgroup), "weekday", match.start(), match.end(), match.group(0))
    for match in _CLOCK.finditer(text):
        if not _overlaps(match, taken):
            taken.append(match.span())
            yield Amount("date", _clock(match), "clock", match.start(), match.end(), match.group(0))
    for soon, pattern in _SOON.items():
        for match in pattern.finditer(text):
            if not _MORNING.search(text[max(0, match.start() - 8) : match.start()]):
                yield Amount("date", soon, "soon", match.start(), match.end(), match.group(0))


def _overlaps(match: re.Match[str], taken: list[tuple[int, int]]) -> bool:
    return any(start < match.end() and match.start() < end for start, end in taken)


def _clock(match: re.Match[str]) -> str:
    """Hour and minute on a twelve-hour dial: "a las 17:00" and "at 5 pm" are the same time."""
    said = next(match.group(name) for name in ("es", "en", "bare", "colon") if match.group(name)).lower()
    hour = HOUR_WORDS.get(said) or int(said)
    minute = next(
        (match.group(f"{name}_minute") for name in ("es", "en", "bare", "colon") if match.group(f"{name}_minute")), "00"
    )
    return f"{hour % 12:02d}:{minute}"
