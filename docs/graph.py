"""Draws the turn's graph from the code into the README: ``python -m docs.graph``; ``--check`` only compares."""

import sys
from pathlib import Path

from agent.graph import build_graph

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- graph: drawn by `make graph` -->", "<!-- /graph -->"


def drawing() -> str:
    """The graph as Mermaid, without colours, so that it reads on light and dark pages."""
    mermaid = build_graph().get_graph().draw_mermaid(with_styles=False)
    return f"{START}\n```mermaid\n{mermaid.strip()}\n```\n{END}"


def with_drawing(text: str) -> str:
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{drawing()}{after}"


def main() -> None:
    text = README.read_text(encoding="utf-8")
    drawn = with_drawing(text)
    if "--check" in sys.argv and drawn != text:
        sys.exit("the graph in README.md is not the code's; run `make graph`")
    README.write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
