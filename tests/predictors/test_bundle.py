"""Models on disk: no pickle, and nothing that does not match its manifest is served."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from predictors.bundle import ARRAYS, MANIFEST, BundleRefused, Manifest, load, save

MANIFEST_OF_A_MODEL = Manifest("objection", ("price",), "form-1", "data", {"numpy": "2"}, {"f1": 0.5}, ("a",))


def saved(folder: Path) -> Path:
    save(folder / "objection", MANIFEST_OF_A_MODEL, {"weights": np.arange(4.0)})
    return folder / "objection"


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    found = load(saved(tmp_path), predictor="objection", features="form-1")
    assert found.arrays["weights"].tolist() == [0, 1, 2, 3]
    assert replace(found.manifest, arrays_sha256="") == MANIFEST_OF_A_MODEL
    assert found.manifest.version == f"objection-{found.manifest.arrays_sha256[:12]}"


def test_saving_again_replaces_and_the_same_arrays_are_the_same_bytes(tmp_path: Path) -> None:
    first = (saved(tmp_path) / ARRAYS).read_bytes()
    assert (saved(tmp_path) / ARRAYS).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["objection"]


def test_a_tampered_array_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    content = bytearray((folder / ARRAYS).read_bytes())
    content[-40] ^= 1
    (folder / ARRAYS).write_bytes(bytes(content))
    with pytest.raises(BundleRefused, match="sha256"):
        load(folder, predictor="objection", features="form-1")


@pytest.mark.parametrize(
    ("predictor", "features", "why"), [("needs", "form-1", "predictor"), ("objection", "form-2", "features")]
)
def test_another_predictor_or_another_form_of_features_is_refused(
    tmp_path: Path, predictor: str, features: str, why: str
) -> None:
    with pytest.raises(BundleRefused, match=f"{why} is"):
        load(saved(tmp_path), predictor=predictor, features=features)


def test_a_manifest_with_unknown_fields_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    fields = orjson.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(orjson.dumps({**fields, "surprise": 1}))
    with pytest.raises(BundleRefused, match="surprise"):
        load(folder, predictor="objection", features="form-1")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"metrics": None}, "metrics"),
        ({"metrics": [1]}, "metrics"),
        ({"labels": "price"}, "labels"),
        ({"labels": [["price"]]}, "labels.0"),
        ({"columns": None}, "columns"),
        ({"arrays_sha256": 7}, "arrays_sha256"),
    ],
)
def test_a_manifest_of_other_types_is_refused_by_field(tmp_path: Path, changes: dict[str, object], field: str) -> None:
    folder = saved(tmp_path)
    fields = orjson.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(orjson.dumps({**fields, **changes}))
    with pytest.raises(BundleRefused, match=f"{MANIFEST}: {field}: "):
        load(folder, predictor="objection", features="form-1")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"null", b"\xff\xfe"])
def test_a_manifest_that_is_no_object_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = saved(tmp_path)
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(BundleRefused, match=MANIFEST):
        load(folder, predictor="objection", features="form-1")


def test_a_manifest_without_its_arrays_is_refused_and_not_missing(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    (folder / ARRAYS).unlink()
    with pytest.raises(BundleRefused, match=f"{ARRAYS}: is not there"):
        load(folder, predictor="objection", features="form-1")


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    fields = orjson.loads((folder / MANIFEST).read_bytes())
    np.savez(folder / ARRAYS, evil=np.array([Bomb()], dtype=object))
    import hashlib

    sha = hashlib.sha256((folder / ARRAYS).read_bytes()).hexdigest()
    (folder / MANIFEST).write_bytes(orjson.dumps({**fields, "arrays_sha256": sha}))
    with pytest.raises(ValueError, match="allow_pickle"):
        load(folder, predictor="objection", features="form-1")
    assert not Bomb.exploded


class Bomb:
    exploded = False

    def __setstate__(self, state: object) -> None:
        Bomb.exploded = True
