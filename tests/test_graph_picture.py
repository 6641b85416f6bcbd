"""The picture in the README is the one the code draws."""

import subprocess
import sys
from itertools import pairwise

import pytest

from agent.graph import build_graph
from docs.graph import END, README, START, drawing, with_drawing

NODES = ("understand", "predict", "decide", "respond", "check")


def test_the_picture_in_the_readme_is_the_codes() -> None:
    check = [sys.executable, "-m", "docs.graph", "--check"]
    before = README.read_bytes()
    done = subprocess.run(check, cwd=README.parent, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert README.read_bytes() == before


def test_the_picture_walks_the_five_nodes_in_order() -> None:
    arrows = [line.strip() for line in drawing().splitlines() if " --> " in line]
    assert arrows == [f"{source} --> {target}" for source, target in pairwise(("__start__", *NODES, "__end__"))]
    assert tuple(name for name in build_graph().get_graph().nodes if not name.startswith("__")) == NODES


def test_the_three_predictors_stand_side_by_side_inside_predict() -> None:
    _, _, inside = drawing().partition("subgraph predict\n")
    inside, closed, _ = inside.partition("\n    end\n")
    assert closed
    assert inside.split() == ["objection", "needs", "conversion"]


def test_github_is_told_that_it_is_mermaid_and_it_has_no_colours_of_its_own() -> None:
    assert drawing().startswith(f"{START}\n```mermaid\ngraph TD\n")
    assert drawing().endswith(f"```\n{END}")
    assert "classDef" not in drawing()


def test_drawing_replaces_what_stands_between_the_marks_and_nothing_else() -> None:
    assert with_drawing(f"before\n{START}\nold\n{END}\nafter") == f"before\n{drawing()}\nafter"
    assert with_drawing(with_drawing(f"{START}{END}")) == drawing()


@pytest.mark.parametrize("text", ["", f"{START} and no end", f"{END} and no start", f"{END}{START}"])
def test_a_page_without_both_marks_is_refused_instead_of_cut(text: str) -> None:
    with pytest.raises(ValueError, match="unpack"):
        with_drawing(text)
