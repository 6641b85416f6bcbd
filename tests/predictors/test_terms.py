"""Words as numbers: the same weights as scikit-learn's, and each word known for what it carries."""

from collections.abc import Callable
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from predictors.terms import IN_TEXTS, Placed, Terms, Vocabulary, pull, shared_vocabulary, terms
from predictors.text import LONGEST, words
from predictors.train import tf_idf
from training_data.corpora import read_corpora

TEXTS = [row.text for row in read_corpora()[::99]][:300]
GREETINGS = ("hola, es caro", "hola, es tarde", "hola, es que no sé", "hola, ya", "adiós 😀 no")


def phrases(text: str) -> list[str]:
    marked = ["<", *words(text), ">"]
    return [" ".join(marked[at : at + size]) for size in (1, 2, 3) for at in range(len(marked) + 1 - size)]


def inside(text: str) -> list[str]:
    found: list[str] = []
    for word in (f"<{word}>" for word in words(text)):
        starts = [(at, size) for size in (2, 3, 4, 5) for at in range(len(word)) if at == 0 or at + size <= len(word)]
        found += {word[at : at + size] for at, size in starts}
    return found


def hashed(kind: str, gram: str) -> int:
    return crc32(f"{kind}:{gram}".encode())


def vocabulary_of(*texts: str) -> Vocabulary:
    return Vocabulary.of([terms(text) for text in texts])


def knows(vocabulary: Vocabulary, kind: str, gram: str) -> bool:
    return hashed(kind, gram) in set(vocabulary.hashes[vocabulary.phrase == (kind == "w")].tolist())


@pytest.mark.parametrize(("kind", "grams"), [("w", phrases), ("c", inside)])
def test_the_weights_are_those_of_scikit_learn(kind: str, grams: Callable[[str], list[str]]) -> None:
    analyzer: Any = grams
    theirs = TfidfVectorizer(analyzer=analyzer, sublinear_tf=True, smooth_idf=True, min_df=IN_TEXTS)
    wanted: NDArray[np.float64] = theirs.fit_transform(TEXTS).toarray()
    said = [terms(text) for text in TEXTS]
    vocabulary = Vocabulary.of(said)
    block = np.flatnonzero(vocabulary.phrase == (kind == "w"))
    column = {int(vocabulary.hashes[place]): place for place in block}
    names = [hashed(kind, name) for name in theirs.get_feature_names_out()]
    assert set(names) == set(column) and len(names) > 300
    found = tf_idf(vocabulary, said).toarray()
    assert np.abs(found[:, [column[name] for name in names]] - wanted).max() < 1e-6


def test_a_text_has_its_words_its_phrases_and_what_is_inside_its_words() -> None:
    for text in TEXTS[:50]:
        found = terms(text)
        assert found.said == words(text)
        assert sorted(found.hashes[: found.phrases].tolist()) == sorted(hashed("w", one) for one in phrases(text))
        assert sorted(found.hashes[found.phrases :].tolist()) == sorted(hashed("c", one) for one in inside(text))


def test_a_word_of_one_text_is_no_term_however_often_it_is_said() -> None:
    vocabulary = vocabulary_of("caro caro caro", "tarde", "no")
    assert not knows(vocabulary, "w", "caro") and not knows(vocabulary, "c", "<car")
    assert knows(vocabulary, "w", "<") and knows(vocabulary, "w", ">")


def test_a_phrase_and_what_is_inside_a_word_are_known_from_three_texts() -> None:
    twice = vocabulary_of("muy caro", "muy caro", "tarde")
    assert not knows(twice, "w", "caro") and not knows(twice, "w", "muy caro") and not knows(twice, "c", "caro")
    thrice = vocabulary_of("muy caro", "muy caro", "es caro")
    assert knows(thrice, "w", "caro") and knows(thrice, "c", "caro")
    assert not knows(thrice, "w", "muy caro") and not knows(thrice, "c", "<muy")


def test_a_vocabulary_is_sorted_and_a_rare_term_weighs_more() -> None:
    vocabulary = vocabulary_of(*GREETINGS)
    assert np.all(np.diff(vocabulary.hashes.astype(np.int64)) > 0)
    rarity = dict(zip(vocabulary.hashes.tolist(), vocabulary.rarity.tolist(), strict=True))
    assert rarity[hashed("w", "<")] == pytest.approx(1.0)
    assert rarity[hashed("w", "es")] == pytest.approx(np.log(6 / 4) + 1)
    assert rarity[hashed("w", "es")] > rarity[hashed("w", "hola")] > 1


def test_without_texts_nothing_is_known() -> None:
    nothing = vocabulary_of()
    assert len(nothing) == 0
    placed = nothing.place(terms("hola"))
    assert len(placed.columns) == len(placed.weights) == len(placed.occurs) == 0
    assert pull(terms("hola"), placed, placed.weights).tolist() == [0.0]
    assert tf_idf(nothing, [terms("hola")]).shape == (1, 0)


@pytest.mark.parametrize("text", ["", "   ", "...", "\u0301", "\u200b", "\x00"])
def test_a_text_without_words_has_only_its_ends(text: str) -> None:
    said = terms(text)
    assert said.said == ()
    assert said.hashes.tolist() == [hashed("w", "<"), hashed("w", ">"), hashed("w", "< >")]
    placed = vocabulary_of(*GREETINGS).place(said)
    assert len(placed.columns) == 2
    assert pull(said, placed, placed.weights).shape == (0,)


def test_unknown_words_carry_nothing_but_their_known_pieces() -> None:
    vocabulary = vocabulary_of(*["hola"] * 3)
    strange = terms("xyzzy qwfp")
    placed = vocabulary.place(strange)
    assert set(vocabulary.hashes[placed.columns].tolist()) == {hashed("w", "<"), hashed("w", ">")}
    assert pull(strange, placed, placed.weights).tolist() == [0.0, 0.0]
    half = terms("holanda xyzzy")
    carried = pull(half, (there := vocabulary.place(half)), there.weights)
    assert carried[0] > 0 == carried[1]


def test_one_word_and_an_emoji_are_terms() -> None:
    assert terms("HOLÁ").said == ("hola",)
    assert terms("😀😀").said == ("😀", "😀")
    vocabulary = vocabulary_of("😀", "bien 😀", "ya 😀")
    assert knows(vocabulary, "w", "😀")
    said = terms("mal 😀")
    placed = vocabulary.place(said)
    assert int(np.argmax(pull(said, placed, placed.weights))) == 1


def test_case_accents_and_spaces_make_no_difference_but_words_do() -> None:
    plain, dressed = terms("esta muy caro"), terms("  ESTÁ\n muy\tcaró ")
    assert plain.hashes.tolist() == dressed.hashes.tolist()
    assert plain.hashes.tolist() != terms("esta muy cara").hashes.tolist()


def test_of_a_very_long_text_the_ends_are_read() -> None:
    text = "principio " + "relleno " * 20_000 + "final"
    said = terms(text)
    assert said.said[0] == "principio" and said.said[-1] == "final"
    assert sum(len(word) for word in said.said) <= LONGEST
    assert np.isfinite(vocabulary_of(text, text).place(said).weights).all()
    assert len(terms("a" * 100_000).said) == 2


def carried_by(gram: str, said: Terms, vocabulary: Vocabulary) -> tuple[Placed, NDArray[np.float32]]:
    """A share of one for the term, none for the others."""
    placed = vocabulary.place(said)
    return placed, (vocabulary.hashes[placed.columns] == hashed("w", gram)).astype(np.float32)


@pytest.mark.parametrize(
    ("text", "gram", "words_that_carried"),
    [
        ("hola, es caro", "caro", [0, 0, 1]),
        ("hola, es caro", "es caro", [0, 0.5, 0.5]),
        ("hola, es caro", "hola es caro", [1 / 3, 1 / 3, 1 / 3]),
        ("hola, es caro", "< hola", [1, 0, 0]),
        ("hola, es caro", "< hola es", [0.5, 0.5, 0]),
        ("hola, es caro", "caro >", [0, 0, 1]),
        ("hola, es caro", "es caro >", [0, 0.5, 0.5]),
        ("hola, es caro", "<", [0, 0, 0]),
        ("hola, es caro", ">", [0, 0, 0]),
        ("caro", "< caro >", [1]),
        ("caro es caro", "caro", [0.5, 0, 0.5]),
    ],
)
def test_what_a_term_carries_goes_to_its_words_in_equal_parts(
    text: str, gram: str, words_that_carried: list[float]
) -> None:
    said = terms(text)
    placed, carried = carried_by(gram, said, vocabulary_of(text, text, text))
    assert carried.sum() == 1
    assert pull(said, placed, carried) == pytest.approx(words_that_carried)


def test_what_is_inside_a_word_is_carried_by_that_word() -> None:
    vocabulary = vocabulary_of("caro", "caro", "caro")
    said = terms("no, carísimo")
    placed = vocabulary.place(said)
    inner = (vocabulary.hashes[placed.columns] == hashed("c", "<car")).astype(np.float32)
    assert pull(said, placed, inner) == pytest.approx([0, 1])


def test_all_that_the_words_carry_is_what_their_terms_carry() -> None:
    vocabulary = Vocabulary.of([terms(text) for text in TEXTS])
    ends = np.array([hashed("w", "<"), hashed("w", ">")])
    for text in TEXTS:
        said = terms(text)
        placed = vocabulary.place(said)
        of_words = ~np.isin(vocabulary.hashes[placed.columns], ends)
        assert pull(said, placed, placed.weights).sum() == pytest.approx(placed.weights[of_words].sum(), rel=1e-5)


def test_heads_of_the_same_texts_share_one_vocabulary() -> None:
    made = [vocabulary_of(*[text] * 3) for text in ("hola", "adiós", "hola")]
    one, other, again = (shared_vocabulary(v.hashes.tobytes(), v.rarity.tobytes(), v.phrase.tobytes()) for v in made)
    assert one is again is not other
    assert one.hashes.tolist() == made[0].hashes.tolist() and one.rarity.tolist() == made[0].rarity.tolist()


VOCABULARY = Vocabulary.of([terms(text) for text in TEXTS])


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=900))
def test_any_text_has_a_place(text: str) -> None:
    said = terms(text)
    assert len(said.hashes) == len(said.first) == len(said.last)
    placed = VOCABULARY.place(said)
    assert np.all(np.diff(placed.columns) > 0)
    assert len(placed.where) == len(placed.occurs) <= len(said.hashes)
    for kind in (VOCABULARY.phrase[placed.columns], ~VOCABULARY.phrase[placed.columns]):
        assert not kind.any() or np.linalg.norm(placed.weights[kind]) == pytest.approx(1, rel=1e-5)
    carried = pull(said, placed, placed.weights)
    assert carried.shape == (len(said.said),) and np.isfinite(carried).all()
