"""Recommendations that a shop logged with their propensities: the small sample of the Open Bandit Dataset."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from training_data.public.files import OpenRecord, read_table, set_folder

Policy = Literal["random", "bts"]
Campaign = Literal["men", "women"]


@dataclass(frozen=True, slots=True)
class Choice:
    """``item`` was shown at ``position`` (1 to 3) with probability ``propensity``, and was ``clicked`` or not."""

    item: int
    position: int
    propensity: float
    clicked: bool


class _ChoiceRow(OpenRecord):
    item_id: int = Field(ge=0)
    position: int = Field(ge=1, le=3)
    click: Literal["0", "1"]
    propensity_score: float = Field(gt=0, le=1)


def read_obd_small(folder: Path, policy: Policy, campaign: Campaign) -> Iterator[Choice]:
    """What ``policy`` logged in ``campaign``: ``obd_small/<policy>/<campaign>/<campaign>.csv.gz``."""
    file = set_folder(folder, "obd_small") / policy / campaign / f"{campaign}.csv.gz"
    for _, row in read_table(file, _ChoiceRow):
        yield Choice(row.item_id, row.position, row.propensity_score, row.click == "1")
