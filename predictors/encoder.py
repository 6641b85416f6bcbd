"""The sentence encoder: Universal Sentence Encoder multilingual v3 (CNN), with the weights of its ONNX file in a graph of ours.

The file's graph has seven hundred steps, of which a few dozen do the work; a sentence takes more than twice as long in it
(``python -m benchmarks.encoder``). The weights stay as they are stored, eight bits each with a scale.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictors.base import Vector

_REACH = {2: (0, 1), 3: (1, 1), 5: (2, 2)}
"""Of the convolutions over 2, 3 and 5 tokens: how many before and after a token they see."""
_TO_THE_END = 2**31
_NAMES = {
    "deep_0": "ResidualHidden_0/dense",
    "deep_1": "ResidualHidden_1/dense",
    "deep_1_adjusted": "ResidualHidden_1/AdjustDepth/projection",
    "deep_2": "ResidualHidden_2/dense",
    "deep_3": "ResidualHidden_3/dense",
    "deep_3_adjusted": "ResidualHidden_3/AdjustDepth/projection",
}


class SentenceEncoder:
    """One text a call: shape ``(512,)``, length one. Calls may run at the same time."""

    def __init__(self, file: Path) -> None:
        """Raises ``ValueError`` when ``file`` holds another network."""
        import onnx
        import onnxruntime
        from sentencepiece import SentencePieceProcessor

        graph = onnx.load(file).graph
        stored = {tensor.name: tensor for tensor in graph.initializer}
        tokenizers = [node for node in graph.node if node.op_type == "SentencepieceTokenizer"]
        if not tokenizers:
            raise ValueError(f"{file.name} has no tokenizer")
        model = next(attribute.s for attribute in tokenizers[0].attribute if attribute.name == "model")
        self._pieces = SentencePieceProcessor(model_proto=model)
        self._rows, self._zero, self._scale = _embeddings(stored)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        content = _graph(stored).SerializeToString()
        self._session: Any = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def embed(self, text: str) -> Vector:
        tokens = self._embedded(self._pieces.encode(text, add_bos=True, add_eos=True))
        root = np.array([np.sqrt(len(tokens))], np.float32)
        sentence: Vector = self._session.run(["sentence"], {"tokens": tokens, "root": root})[0][0]
        return sentence

    def _embedded(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Shape ``(tokens, 512)``. Token ``id`` is row ``id // shards`` of shard ``id % shards``."""
        at = np.array(ids, dtype=np.int64)
        shard = at % len(self._rows)
        rows = self._rows[shard, at // len(self._rows)].astype(np.float32)
        rows -= self._zero[shard]
        rows *= self._scale[shard]
        return rows


def _embeddings(stored: Mapping[str, Any]) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.float32]]:
    """All shards as stored, ``(shards, rows, 512)``, their zero points and their scales, ``(shards, 1)``."""
    from onnx import numpy_helper

    names = sorted(
        (name.removesuffix("_quantized") for name in stored if "/input/_" in name and name.endswith("_quantized")),
        key=lambda name: int(name.rsplit("_", 1)[1].split(":")[0]),
    )

    def each(part: str) -> NDArray[Any]:
        return np.stack([numpy_helper.to_array(stored[f"{name}_{part}"]) for name in names])

    return each("quantized"), each("zero_point").astype(np.float32).reshape(-1, 1), each("scale").reshape(-1, 1)


def _graph(stored: Mapping[str, Any]) -> Any:
    """The network from the tokens' embeddings on: three towers of convolutions, their mean, four dense layers.

    The mean is taken before the projection instead of after it: the same, with one product instead of one a token."""
    from onnx import TensorProto, helper

    built = _Built(stored)
    towers = ["tokens"]
    for size, reach in _REACH.items():
        place, tower = f"ngram_order_{size}", f"tower_{size}"
        projected = built.product("tokens", f"{place}/input_size_projection/dense/kernel:0", bias=True)
        tower = built.normal(projected, f"{place}/LayerNorm")
        for which in ("", "_1"):
            seen = built.windows(tower, size, reach)
            convolved = built.product(seen, f"{place}/Ngram-{size}-Conv{which}/weights:0", bias=True)
            tower = built.node("Add", tower, built.node("Relu", convolved))
        towers.append(tower)
    told = built.normal(built.node("Concat", *towers, axis=1), "CNN_layers/LayerNorm")
    summed = built.node("ReduceSum", told, built.whole_numbers(0), keepdims=1)
    dense = built.node("Div", built.product(summed, "CNN_layers/dense/kernel:0"), "root")
    mean = built.node("Add", dense, built.node("Mul", built.floats("CNN_layers/dense/bias:0"), "root"))
    deep = {key: f"{name}/kernel:0" for key, name in _NAMES.items()}
    first = built.node("Relu", built.product(mean, deep["deep_0"]))
    added = built.node("Add", built.product(first, deep["deep_1"]), built.product(mean, deep["deep_1_adjusted"]))
    second = built.node("Relu", added)
    third = built.node("Relu", built.product(second, deep["deep_2"]))
    added = built.node("Add", built.product(third, deep["deep_3"]), built.product(second, deep["deep_3_adjusted"]))
    built.node("LpNormalization", built.node("Tanh", added), out="sentence", axis=1, p=2)
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.FLOAT, [None, 512]),
        helper.make_tensor_value_info("root", TensorProto.FLOAT, [1]),
    ]
    outputs = [helper.make_tensor_value_info("sentence", TensorProto.FLOAT, [1, 512])]
    graph = helper.make_graph(built.nodes, "sentence", inputs, outputs, built.constants)
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=versions, ir_version=10)


class _Built:
    """A graph that grows: every method adds steps and gives the name of what comes out."""

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._stored = stored
        self._numbers: Iterator[int] = iter(range(10**6))

    def node(self, step: str, *inputs: str, out: str | None = None, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        out = out or f"{step}_{next(self._numbers)}"
        self.nodes.append(helper.make_node(step, list(inputs), [out], domain=domain, **attributes))
        return out

    def product(self, rows: str, kernel: str, *, bias: bool = False) -> str:
        """``rows`` times the stored eight-bit ``kernel``, the rows brought to eight bits on the way."""
        name = self._only(f"{kernel}_quantized").removesuffix("_quantized")
        parts = [self._kept(f"{name}_{part}") for part in ("quantized", "scale", "zero_point")]
        if bias:
            parts.append(self.floats(f"{kernel.rsplit('/', 1)[0]}/bias:0"))
        return self.node("DynamicQuantizeMatMul", rows, *parts, domain="com.microsoft")

    def normal(self, rows: str, place: str) -> str:
        gamma, beta = self.floats(f"{place}/gamma:0"), self.floats(f"{place}/beta:0")
        return self.node("LayerNormalization", rows, gamma, beta, axis=-1, epsilon=1e-12)

    def windows(self, rows: str, size: int, reach: tuple[int, int]) -> str:
        """Of each row it and its neighbours side by side, zeros beyond the ends."""
        padded = self.node("Pad", rows, self.whole_numbers(reach[0], 0, reach[1], 0))
        moved = [
            self.node(
                "Slice",
                padded,
                self.whole_numbers(first),
                self.whole_numbers(first - size + 1 or _TO_THE_END),
                self.whole_numbers(0),
            )
            for first in range(size)
        ]
        return self.node("Concat", *moved, axis=1)

    def whole_numbers(self, *values: int) -> str:
        from onnx import numpy_helper

        name = f"whole_{next(self._numbers)}"
        self.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def floats(self, name: str) -> str:
        """A stored vector, flat."""
        from onnx import numpy_helper

        values = numpy_helper.to_array(self._stored[self._only(name)]).astype(np.float32).reshape(-1)
        flat = f"flat_{next(self._numbers)}"
        self.constants.append(numpy_helper.from_array(values, flat))
        return flat

    def _kept(self, name: str) -> str:
        if name not in {constant.name for constant in self.constants}:
            self.constants.append(self._stored[name])
        return name

    def _only(self, ending: str) -> str:
        found = [name for name in self._stored if name.endswith(ending)]
        if len(found) != 1:
            raise ValueError(f"{len(found)} tensors are called {ending}")
        return found[0]
