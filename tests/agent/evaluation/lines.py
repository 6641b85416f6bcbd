"""Labelled lines to write into files."""

from typing import Any


def utterance(**other: Any) -> dict[str, Any]:
    line = {"id": "u1", "vertical": "fitness", "text": "uf, está carísimo", "objections": ["price"], "needs": []}
    return {**line, **other}


def dialogue(**other: Any) -> dict[str, Any]:
    turns = [
        {"role": "customer", "text": "hola"},
        {"role": "agent", "text": "¿Qué le gustaría lograr?"},
        {"role": "customer", "text": "quiero bajar de peso"},
    ]
    return {"id": "d1", "vertical": "fitness", "outcome": "converted", "turns": turns, **other}
