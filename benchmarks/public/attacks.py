"""Protocol for orders to the machine: the detector that the product runs on each message, as it is."""

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.public.figures import Figure
from predictors.language import language_of
from predictors.orders import orders
from predictors.rules import lexicon
from predictors.text import plain
from training_data.public.attacks import Prompt, read_labelled_prompts, read_notinject


def found_in(text: str) -> bool:
    """Does the product see an injection in this message? Its model has no such label: the rules decide."""
    rule = lexicon(language_of(text, None, "en"))["acts.injection"]
    return bool(rule.hits(plain(text)) or orders(text))


def share_found(prompts: Sequence[Prompt]) -> float:
    return sum(found_in(prompt.text) for prompt in prompts) / len(prompts)


def injection(data: Path, seed: int, advance: Callable[[int], None]) -> list[Figure]:
    notinject, labelled = list(read_notinject(data)), list(read_labelled_prompts(data))
    advance(0)
    attacks = [prompt for prompt in labelled if prompt.attack]
    harmless = [prompt for prompt in labelled if not prompt.attack]
    found: list[Figure] = []
    for name, prompts in (
        ("false alarms, NotInject", notinject),
        ("false alarms, harmless of the labelled", harmless),
        ("recall, attacks", attacks),
    ):
        found.append(Figure("injection", name, share_found(prompts), n=len(prompts)))
        for kind in sorted({prompt.kind for prompt in prompts}):
            some = [prompt for prompt in prompts if prompt.kind == kind]
            found.append(Figure("injection", f"{name}: {kind}", share_found(some), n=len(some)))
    return found
