"""Models on disk without pickle: numpy arrays and a manifest. What does not match its manifest is refused, with the reason."""

import hashlib
import importlib.metadata
import io
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

FORMAT = 1
ARRAYS = "arrays.npz"
MANIFEST = "manifest.json"

Arrays = Mapping[str, NDArray[Any]]


class BundleRefused(ValueError):
    """A model that is not what its manifest says, or that this version cannot serve."""


class Trained(StrEnum):
    """What has a bundle."""

    OBJECTION = "objection"
    NEEDS = "needs"
    ACTS = "acts"
    CONVERSION = "conversion"


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Manifest:
    """``features`` is the form of the feature function; ``data_sha256`` that of the training rows; ``metrics`` held out."""

    predictor: str
    labels: tuple[str, ...]
    features: str
    data_sha256: str
    libraries: Mapping[str, str]
    metrics: Mapping[str, Any] = field(default_factory=dict[str, Any])
    columns: tuple[str, ...] = ()
    arrays_sha256: str = ""
    format: int = FORMAT

    @property
    def version(self) -> str:
        return f"{self.predictor}-{self.arrays_sha256[:12]}"


@dataclass(frozen=True, slots=True)
class Bundle:
    manifest: Manifest
    arrays: Arrays


def versions(*libraries: str) -> dict[str, str]:
    """Of installed libraries, for a manifest."""
    return {name: importlib.metadata.version(name) for name in libraries}


def save(folder: Path, manifest: Manifest, arrays: Arrays) -> Manifest:
    """Writes the bundle so that a reader sees the old one or the new one, never half; returns the manifest as written."""
    content = _npz(arrays)
    manifest = _with_sha(manifest, content)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as new:
        written = Path(new) / "bundle"
        written.mkdir()
        (written / ARRAYS).write_bytes(content)
        (written / MANIFEST).write_bytes(orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2))
        if folder.exists():
            folder.replace(Path(new) / "old")
        written.replace(folder)
    return manifest


def load(folder: Path, *, predictor: str, features: str) -> Bundle:
    """Reads and checks a bundle. Raises ``FileNotFoundError`` if there is none, ``BundleRefused`` if it does not match."""
    manifest = _manifest(folder / MANIFEST)
    for name, found, wanted in (
        ("format", manifest.format, FORMAT),
        ("predictor", manifest.predictor, predictor),
        ("features", manifest.features, features),
    ):
        if found != wanted:
            raise BundleRefused(f"{folder / MANIFEST}: {name} is {found!r}, this version serves {wanted!r}")
    try:
        content = (folder / ARRAYS).read_bytes()
    except FileNotFoundError:
        raise BundleRefused(f"{folder / ARRAYS}: is not there, but its manifest is") from None
    if hashlib.sha256(content).hexdigest() != manifest.arrays_sha256:
        raise BundleRefused(f"{folder / ARRAYS}: sha256 is not the one in the manifest")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, zipfile.BadZipFile) as error:
        raise BundleRefused(f"{folder / ARRAYS}: {error}") from None
    return Bundle(manifest, arrays)


_MANIFEST = TypeAdapter(Manifest)


def _manifest(file: Path) -> Manifest:
    content = file.read_bytes()
    try:
        return _MANIFEST.validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "(file)"
        raise BundleRefused(f"{file}: {field}: {first['msg']}") from None


def _npz(arrays: Arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{name: arrays[name] for name in sorted(arrays)})  # type: ignore[arg-type]
    return buffer.getvalue()


def _with_sha(manifest: Manifest, content: bytes) -> Manifest:
    return Manifest(**{**asdict(manifest), "arrays_sha256": hashlib.sha256(content).hexdigest()})
