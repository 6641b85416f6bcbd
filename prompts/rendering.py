"""Prompt templates. A variable that is missing raises; nothing is rendered half."""

from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

TEMPLATES = Path(__file__).parent


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(  # noqa: S701 - prompts are plain text, not HTML
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


@lru_cache(maxsize=32)
def _template(name: str) -> Template:
    return _environment().get_template(f"{name}.md.j2")


def render(name: str, **variables: object) -> str:
    """The template ``<name>.md.j2`` with its variables. Raises ``jinja2.UndefinedError`` when one is missing."""
    return _template(name).render(**variables)


def template(name: str) -> str:
    """The source of the template ``<name>.md.j2``."""
    return (TEMPLATES / f"{name}.md.j2").read_text(encoding="utf-8")
