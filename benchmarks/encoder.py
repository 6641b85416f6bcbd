"""What a sentence costs in the encoder: our graph of its network against the graph of its file, the same sentences by turns.

    python -m benchmarks.encoder [--sentences 500]

Milliseconds of CPU on one core; ``likeness`` is the cosine of the two embeddings. Writes ``benchmarks/results/encoder.json``.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import onnxruntime_extensions
import orjson
from rich.console import Console
from rich.progress import track

from predictors.encoder import SentenceEncoder
from predictors.text import encoder_file, normalise
from training_data.corpora import read_corpora

RESULTS = Path(__file__).parent / "results"


def as_shipped() -> Any:
    """The file's own graph, on one thread as ours."""
    options = onnxruntime.SessionOptions()
    options.register_custom_ops_library(onnxruntime_extensions.get_library_path())
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(encoder_file()), options, providers=["CPUExecutionProvider"])


def measure(sentences: list[str]) -> dict[str, Any]:
    shipped, ours = as_shipped(), SentenceEncoder(encoder_file())
    taken: dict[str, list[float]] = {"shipped": [], "ours": []}
    likeness: list[float] = []
    for sentence in track(sentences, "sentences", console=Console(stderr=True)):
        began = time.process_time()
        theirs = shipped.run(["outputs"], {"inputs": np.array([sentence], dtype=object)})[0][0]
        between = time.process_time()
        own = ours.embed(sentence)
        taken["ours"].append((time.process_time() - between) * 1000)
        taken["shipped"].append((between - began) * 1000)
        likeness.append(float(theirs @ own))
    medians = {name: float(np.median(values)) for name, values in taken.items()}
    return {
        "sentences": len(sentences),
        **{f"{name}_p50_ms": round(median, 3) for name, median in medians.items()},
        **{f"{name}_p95_ms": round(float(np.quantile(values, 0.95)), 3) for name, values in taken.items()},
        "times_cheaper": round(medians["shipped"] / medians["ours"], 2),
        "likeness_mean": round(float(np.mean(likeness)), 4),
        "likeness_lowest": round(min(likeness), 4),
        "measured_at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=500)
    chosen = parser.parse_args()
    said = [normalise(row.text) for row in read_corpora()]
    result = measure(said[:: max(1, len(said) // chosen.sentences)])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "encoder.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    Console().print(result)


if __name__ == "__main__":
    main()
