"""Dates and times of day, as they are said."""

import re

from agent.reply.speech.tongue import Tongue

_ISO = re.compile(r"(?<![\d-])(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?![\d-])")
_SLASHED = re.compile(r"(?<![\d/.,])(?P<one>\d{1,2})/(?P<two>\d{1,2})(?:/(?P<year>\d{4}|\d{2}))?(?![\d/])")
_MONTHS = {
    "es": ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
           "noviembre", "diciembre"),
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
}  # fmt: skip
_ALWAYS = re.compile(r"\b24\s?[/x]\s?7\b", re.IGNORECASE)
_HALF = r"[ap]\.?\s?m\b\.?"
_DASH = re.compile(rf"(?P<one>\d{{1,2}}:\d{{2}}(?:\s?{_HALF})?)\s?[-–—]\s?(?=\d{{1,2}}:\d{{2}})", re.IGNORECASE)
_CLOCK = re.compile(
    r"(?P<article>\blas?\s)?(?<![\d:.,$€£])(?P<hour>[01]?\d|2[0-3])"
    rf"(?::(?P<minute>[0-5]\d)(?:\s?(?P<half>{_HALF})|\s?(?:h|hrs?|horas)\b\.?)?|\s?(?P<alone>{_HALF}))(?![\d:])",
    re.IGNORECASE,
)
NOON, MIDNIGHT, EVENING, DAYBREAK = 12, 0, 20, 6


def dates(text: str, tongue: Tongue) -> str:
    """ "15/03/2026" -> "15 de marzo de 2026", "March 15, 2026". Without a year only what can't be a fraction is a date."""
    always = "24 horas al día, 7 días a la semana"
    text = _ALWAYS.sub(always, text) if tongue.spanish else text
    text = _ISO.sub(lambda match: _date(match, int(match["day"]), int(match["month"]), match["year"], tongue), text)
    month_first = tongue.locale == "en_US"

    def slashed(match: re.Match[str]) -> str:
        one, two = int(match["one"]), int(match["two"])
        if match["year"] is None and (len(match["one"]), len(match["two"])) != (2, 2):
            return match.group(0)
        day, month = (two, one) if month_first else (one, two)
        return _date(match, day, month, match["year"], tongue)

    return _SLASHED.sub(slashed, text)


def _date(match: re.Match[str], day: int, month: int, year: str | None, tongue: Tongue) -> str:
    if not (1 <= day <= 31 and 1 <= month <= len(_MONTHS["es"])):
        return match.group(0)
    name = _MONTHS[tongue.language][month - 1]
    if year is not None and len(year) == 2:
        year = f"20{year}"
    if tongue.spanish:
        return f"{day} de {name}" + (f" de {year}" if year else "")
    return f"{name} {day}" + (f", {year}" if year else "")


def clock_times(text: str, tongue: Tongue) -> str:
    """On a twelve-hour dial: "a las 17:30" -> "a las 5:30 de la tarde", "at 5:30 p.m."."""
    if not _CLOCK.search(text):
        return text
    text = _DASH.sub(lambda match: f"{match['one']} {tongue.either('a', 'to')} ", text)
    whole_day = any(int(match["hour"]) > NOON or match["hour"] in ("0", "00") for match in _CLOCK.finditer(text))
    return _CLOCK.sub(lambda match: _time(match, whole_day, tongue), text)


def _time(match: re.Match[str], whole_day: bool, tongue: Tongue) -> str:
    """``whole_day``: the sentence counts hours to 24, so that 9:00 is in the morning."""
    half = (match["half"] or match["alone"] or "").lower()
    hour, minute = int(match["hour"]), match["minute"] or "00"
    if not half and not whole_day:
        exact, part = minute == "00", ""
    else:
        if half and hour <= NOON:
            hour = hour % NOON + (NOON if half.startswith("p") else 0)
        exact, part = minute == "00", _part_of_day(hour, tongue)
    dial = hour % NOON or NOON
    article = match["article"] or ""
    if not tongue.spanish:
        if not part:
            return f"{article}{dial} o'clock" if exact else f"{article}{dial}:{minute}"
        return f"{article}{dial}{'' if exact else f':{minute}'} {part}"
    if article:
        article = "la " if dial == 1 else "las "
    said = "una" if dial == 1 and exact and article else str(dial)
    if not part:
        return f"{article}{said}" if exact and article else f"{article}{dial}:{minute}"
    ended = "." if match.group(0).endswith(".") and not match.string[match.end() :].strip() else ""
    return f"{article}{said if exact else f'{dial}:{minute}'} {part}{ended}"


def _part_of_day(hour: int, tongue: Tongue) -> str:
    if not tongue.spanish:
        return "a.m." if hour < NOON else "p.m."
    if hour == MIDNIGHT or hour >= EVENING:
        return "de la noche"
    if hour == NOON:
        return "del mediodía"
    return "de la madrugada" if hour < DAYBREAK else "de la mañana" if hour < NOON else "de la tarde"
