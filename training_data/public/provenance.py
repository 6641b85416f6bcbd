"""Where each public set comes from, under which licence, and what it is good for here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PublicSet:
    """``name`` is also the folder, inside the folder that the user names. ``source`` is the citation."""

    name: str
    licence: str
    source: str
    purpose: str


SETS: tuple[PublicSet, ...] = (
    PublicSet(
        "banking77",
        "CC BY 4.0",
        "Casanueva et al., NLP4ConvAI 2020",
        "needs: 77 intents of bank customers; few examples a label",
    ),
    PublicSet(
        "clinc150",
        "CC BY 3.0",
        "Larson et al., EMNLP 2019",
        "needs: 150 intents, and knowing when it is none of these",
    ),
    PublicSet(
        "nlupp_banking",
        "CC BY 4.0",
        "Casanueva et al., NAACL Findings 2022 (NLU++)",
        "needs as several labels a turn, spoken style",
    ),
    PublicSet(
        "casino",
        "CC BY 4.0",
        "Chawla et al., NAACL 2021",
        "what a negotiator does with a message: needs, empathy, downplaying",
    ),
    PublicSet(
        "persuasionforgood",
        "Apache-2.0",
        "Wang et al., ACL 2019",
        "conversion against money that was really given; what the persuaded person does",
    ),
    PublicSet(
        "craigslistbargain",
        "code MIT; the data's licence is not stated",
        "He et al., EMNLP 2018 (development part, DialoGraph split)",
        "conversion: does a bargain end in a deal",
    ),
    PublicSet(
        "bank_marketing",
        "CC BY 4.0",
        "Moro et al., Decision Support Systems 2014 (UCI, additional)",
        "conversion of leads on the telephone, in the order of time",
    ),
    PublicSet(
        "obd_small",
        "CC BY 4.0",
        "Saito et al., NeurIPS Datasets 2021 (Open Bandit Dataset, small sample)",
        "off-policy evaluation with logged propensities",
    ),
    PublicSet(
        "injection",
        "MIT",
        "Li et al., 2024 (NotInject and validation set of PIGuard/InjecGuard)",
        "finding orders to the machine, and not seeing them where there are none",
    ),
)
"""All sets that can be read, in the order of the report."""
