"""An API key as text: ``sa_<key id>_<secret>``. The id finds the row, the secret proves that the key is the caller's.

Only the SHA-256 of the secret is stored. A slow hash (bcrypt, argon2) protects passwords, which can be guessed; a secret
of 256 random bits can't, whatever the hash costs, and a slow one would cost every request tens of milliseconds.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

ID_BYTES, SECRET_BYTES = 8, 32
_KEY = re.compile(rf"sa_([0-9a-f]{{{2 * ID_BYTES}}})_([0-9a-f]{{{2 * SECRET_BYTES}}})")


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        return f"sa_{self.id}_{self.secret}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.secret.encode()).hexdigest()


def new_key(entropy: Callable[[int], bytes]) -> Key:
    """``entropy`` gives that many random bytes: ``secrets.token_bytes``."""
    return Key(entropy(ID_BYTES).hex(), entropy(SECRET_BYTES).hex())


def read_key(text: str) -> Key | None:
    """``None`` for what can't be a key, so that it never reaches the database."""
    found = _KEY.fullmatch(text)
    return Key(found[1], found[2]) if found else None
