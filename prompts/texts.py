"""What every part of a playbook is made of: strict values and texts in both languages."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Language = Literal["es", "en"]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1200)]


class Strict(BaseModel):
    """Forbids what it does not know; frozen, so a loaded playbook can be shared between turns."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(Strict):
    """The same sentence in both languages."""

    es: Sentence
    en: Sentence

    def said_in(self, language: Language) -> str:
        return self.es if language == "es" else self.en


class Lines(Strict):
    """Several lines a language; the languages need not match line by line."""

    es: Annotated[tuple[Sentence, ...], Field(min_length=1)]
    en: Annotated[tuple[Sentence, ...], Field(min_length=1)]

    def said_in(self, language: Language) -> tuple[str, ...]:
        return self.es if language == "es" else self.en
