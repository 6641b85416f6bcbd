"""Our graph of the encoder's network says what the graph of its file says."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmarks.encoder import as_shipped
from predictors.encoder import SentenceEncoder
from predictors.text import encoder_file, normalise
from training_data.corpora import read_corpora


@pytest.fixture(scope="module")
def ours() -> SentenceEncoder:
    return SentenceEncoder(encoder_file())


def test_it_says_what_the_shipped_graph_says(ours: SentenceEncoder) -> None:
    shipped = as_shipped()
    said = [normalise(row.text) for row in read_corpora()][::150]
    assert len(said) > 50
    likeness: list[float] = []
    for text in said:
        theirs = shipped.run(["outputs"], {"inputs": np.array([text], dtype=object)})[0][0]
        likeness.append(float(theirs @ ours.embed(text)))
    assert min(likeness) > 0.985
    assert np.mean(likeness) > 0.998


@pytest.mark.parametrize("text", ["", " ", "a" * 600, "no " * 200, "🙂🙂", "你好", "\u200b", "\ud7ff", "\n", "ñ́̂"])
def test_any_text_has_a_place(ours: SentenceEncoder, text: str) -> None:
    row = ours.embed(normalise(text))
    assert row.shape == (512,)
    assert row.dtype == np.float32
    assert np.linalg.norm(row) == pytest.approx(1.0, abs=1e-4)


def test_the_same_text_has_the_same_place_whoever_asks_at_the_same_time(ours: SentenceEncoder) -> None:
    texts = [f"me parece caro {number}" for number in range(40)]
    one_by_one = [ours.embed(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert all(np.array_equal(a, b) for a, b in zip(one_by_one, pool.map(ours.embed, texts), strict=True))


def test_what_is_alike_is_near_in_both_languages(ours: SentenceEncoder) -> None:
    dear, caro, roof = (ours.embed(text) for text in ("it is too expensive", "es demasiado caro", "my roof leaks"))
    assert dear @ caro > dear @ roof + 0.2


def test_another_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.onnx").write_bytes(b"")
    with pytest.raises(ValueError, match="has no tokenizer"):
        SentenceEncoder(tmp_path / "empty.onnx")
