import pytest

from agent.reading import age_in


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("tengo 44 años", 44), ("soy Ana, tengo 61 y trabajo", 61), ("I'm 16", 16), ("im 52 yo", 52),
        ("cumplí 30 años ayer", 30), ("tengo 3 hijos", None), ("I'm 100% sure", None), ("el techo tiene 20 años", None),
        ("tengo 12 semanas libres", None), ("my roof is 25 years old", None), ("tengo 500 años", None),
    ],
)  # fmt: skip
def test_an_age_is_the_customers_own(text: str, age: int | None) -> None:
    assert age_in(text) == age
