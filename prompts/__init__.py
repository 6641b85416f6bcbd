"""Playbooks and prompt templates: the words and the rules of a business, as data."""

from functools import lru_cache
from pathlib import Path

from prompts.errors import DocumentRefused, Fault, PlaybookRefused, TemplateRefused, UnknownPlaybook
from prompts.loading import LoadedPlaybook, read_playbook
from prompts.rendering import PromptTemplate, packaged, read_template, render, template

PLAYBOOKS = Path(__file__).parent / "playbooks"

__all__ = [
    "PLAYBOOKS",
    "DocumentRefused",
    "Fault",
    "LoadedPlaybook",
    "PlaybookRefused",
    "PromptTemplate",
    "TemplateRefused",
    "UnknownPlaybook",
    "load_playbook",
    "load_playbooks",
    "packaged",
    "playbook_names",
    "read_playbook",
    "read_template",
    "render",
    "template",
]


def playbook_names(folder: Path = PLAYBOOKS) -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in folder.glob("*.yaml")))


@lru_cache(maxsize=64)
def load_playbook(name: str, folder: Path = PLAYBOOKS) -> LoadedPlaybook:
    """The playbook ``<folder>/<name>.yaml``. Raises ``UnknownPlaybook`` or ``PlaybookRefused``."""
    if name not in playbook_names(folder):
        raise UnknownPlaybook(name, playbook_names(folder))
    return read_playbook(folder / f"{name}.yaml")


def load_playbooks(folder: Path = PLAYBOOKS) -> tuple[LoadedPlaybook, ...]:
    """All playbooks of the folder, in the order of their names. Raises ``PlaybookRefused``."""
    return tuple(load_playbook(name, folder) for name in playbook_names(folder))
