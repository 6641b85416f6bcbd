"""The report where there is little to show."""

import pytest

from agent.evaluation.figures import dialogue_scores
from agent.evaluation.report import render_report
from agent.evaluation.run import Dialogues, Evaluation
from tests.agent.evaluation.test_figures import played


@pytest.mark.parametrize(
    ("probability", "says", "plots"), [(None, "No probability was given", 0), (0.4, "Conversion: AUC by turn", 2)]
)
def test_dialogues_of_one_outcome_or_without_probability(probability: float | None, says: str, plots: int) -> None:
    lost = (played("lost", probability),)
    scores = dialogue_scores(lost)
    assert scores is not None
    page = render_report(Evaluation(("few.jsonl",), None, None, Dialogues(lost, scores)))
    assert says in page
    assert page.count("<svg") == plots
