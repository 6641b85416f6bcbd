"""Draws the turn's graph from the code into the README: ``python -m docs.graph``; ``--check`` only compares."""

import sys
from dataclasses import fields
from pathlib import Path

from agent.graph import build_graph
from agent.nodes import Workers
from predictors.guard import Guard

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- graph: drawn by `make graph` -->", "<!-- /graph -->"


def drawing() -> str:
    """The graph as Mermaid, without colours, so that it reads on light and dark pages. The guarded predictors, which run
    in parallel inside the node ``predict``, stand in it."""
    graph = build_graph().get_graph()
    predictors = [f"        {field.name}" for field in fields(Workers) if field.type is Guard]
    edges = sorted(graph.edges, key=lambda edge: list(graph.nodes).index(edge.source))
    arrows = [f"    {edge.source} --> {edge.target}" for edge in edges]
    lines = ["graph TD", "    subgraph predict", *predictors, "    end", *arrows]
    return "\n".join([START, "```mermaid", *lines, "```", END])


def with_drawing(text: str) -> str:
    """``text`` with the drawing between its two marks. Raises ``ValueError`` when a mark is missing."""
    before, rest = text.split(START)
    _, after = rest.split(END)
    return f"{before}{drawing()}{after}"


def main() -> None:
    text = README.read_text(encoding="utf-8")
    drawn = with_drawing(text)
    if "--check" not in sys.argv:
        README.write_text(drawn, encoding="utf-8")
    elif drawn != text:
        sys.exit("the graph in README.md is not the code's; run `make graph`")


if __name__ == "__main__":
    main()
