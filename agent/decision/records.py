"""What a front-end's customer data say of a customer's age, under whatever name."""

import re
from datetime import date, datetime

from agent.turn import Customer

_AGE = ("age", "edad", "age_years", "customer_age", "años", "anos")
_BIRTH = (
    "birthdate", "birth_date", "birthday", "date_of_birth", "dob", "born", "birth_year", "year_of_birth",
    "fecha_nacimiento", "fecha_de_nacimiento", "nacimiento", "año_nacimiento", "ano_nacimiento",
)  # fmt: skip
_NUMBER = re.compile(r"\d{1,3}")
_ISO = re.compile(r"^\s*(\d{4})-(\d{1,2})-(\d{1,2})")
_YEAR = re.compile(r"\b(19\d\d|20\d\d)\b")


def recorded_age(customer: Customer, now: datetime | None) -> int | None:
    """Completed years. A birth year alone, or a date whose order of day and month is open, counts as the younger age."""
    if customer.age is not None:
        return customer.age
    facts = {key.lower().replace("-", "_").replace(" ", "_"): value for key, value in customer.facts.items()}
    for name in _AGE:
        if (match := _NUMBER.search(str(facts.get(name, "")))) is not None:
            return int(match.group(0))
    written = next((str(facts[name]) for name in _BIRTH if name in facts), "")
    if now is None or not written:
        return None
    if (match := _ISO.match(written)) is not None:
        year, month, day = (int(part) for part in match.groups())
        return now.year - year - ((now.month, now.day) < (month, day))
    year = _YEAR.search(written)
    return youngest(int(year.group(1)), now) if year else None


def youngest(born: int, now: date) -> int:
    """The age of one who was born in the year ``born`` and may have his birthday still to come."""
    return now.year - born - 1
