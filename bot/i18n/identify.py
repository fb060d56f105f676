"""Which language a text is written in, told by what the training sentences of each language look like.

A linear model over runs of letters. Unlike detectors made for whole sentences of clean text it knows languages typed
in Latin letters, and Italian office words inside any of them, because people's sentences in data/nlu/ are full of both.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from bot.i18n.languages import languages
from bot.settings import ROOT

MODEL = ROOT / "models" / "language.npz"
TRAINING = ROOT / "data" / "nlu"
BUCKETS = 2**16
LONGEST_RUN = 4
#: The margin by which the best language must lead before it is called sure, and the letters that must be its own.
SURE_MARGIN, OWN_LETTERS = 0.4, 4
#: The best language's own margin below which the text looks like none of them.
LIKELY_AT_ALL = -0.5
#: In Latin letters these are written nearly alike.
ALIKE_IN_LATIN = {"hi", "pa", "ur"}
#: A word that people of so many languages write (permesso, questura, ok) tells nothing about the language.
SHARED_BY = 6
# A word is letters and digits with their combining vowel signs, which \w leaves out.
_WORD = re.compile(r"[^\W_][\w\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0900-\u0dff]*")
_EXAMPLE = re.compile(r"^\s*- (.+)$", re.MULTILINE)


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFC", text.casefold())[:500])


def _features(text: str) -> np.ndarray:
    """The table places of all runs of one to four letters inside words, each once."""
    runs: set[str] = set()
    for word in _words(text):
        padded = f" {word} "
        runs.add(padded)
        for length in range(1, LONGEST_RUN + 1):
            runs.update(padded[i : i + length] for i in range(len(padded) - length + 1))
    return np.unique(np.fromiter((zlib.crc32(run.encode()) % BUCKETS for run in runs), np.int64, len(runs)))


def training_sentences(code: str) -> list[str]:
    """The examples of a language; those that are out of scope hold gibberish, which is nobody's language."""
    found: list[str] = []
    for path in sorted((TRAINING / code).glob("*.yml")):
        for block in path.read_text(encoding="utf-8").split("- intent: ")[1:]:
            if not block.startswith("out_of_scope"):
                found += _EXAMPLE.findall(block)
    return found


def train(path: Path = MODEL) -> None:
    """Learn from data/nlu/ and write the model; seconds."""
    from scipy.sparse import csr_matrix
    from sklearn.svm import LinearSVC

    examples = [(sentence, code) for code in languages() for sentence in training_sentences(code)]
    rows = [_features(sentence) for sentence, _ in examples]
    lengths = np.array([len(row) for row in rows])
    values = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    table = csr_matrix((values, np.concatenate(rows), ends), shape=(len(rows), BUCKETS))
    svm = LinearSVC(class_weight="balanced", random_state=7).fit(table, [code for _, code in examples])
    path.parent.mkdir(exist_ok=True)
    partial = path.with_suffix(".part.npz")
    np.savez(
        partial,
        weights=svm.coef_.T.astype(np.float16),
        bias=svm.intercept_,
        codes=np.array(svm.classes_),
        shared=np.array(_shared_words(examples)),
    )
    partial.replace(path)


def _shared_words(examples: list[tuple[str, str]]) -> list[str]:
    spoken: dict[str, set[str]] = defaultdict(set)
    for sentence, code in examples:
        for word in _words(sentence):
            spoken[word].add(code)
    return sorted(word for word, codes in spoken.items() if len(codes) >= SHARED_BY)


@dataclass(frozen=True)
class _Model:
    weights: np.ndarray  # table places x languages
    bias: np.ndarray
    codes: list[str]
    shared: frozenset[str]


@lru_cache
def _model() -> _Model:
    if not MODEL.exists():
        train()
    with np.load(MODEL, allow_pickle=False) as arrays:
        shared = frozenset(arrays["shared"].tolist())
        return _Model(arrays["weights"], arrays["bias"], arrays["codes"].tolist(), shared)


def margins(text: str) -> list[tuple[str, float]]:
    """(language, margin) for every language on offer, likeliest first."""
    model, places = _model(), _features(text)
    scores = model.weights[places].astype(np.float32).sum(axis=0) / np.sqrt(max(len(places), 1)) + model.bias
    return [(model.codes[i], float(scores[i])) for i in np.argsort(-scores)]


def identify(text: str, current: str | None = None) -> str | None:
    """The language on offer that the text is plainly written in, or None when one cannot be sure.

    Hindi, Punjabi and Urdu in Latin letters never change a `current` one of the three.
    """
    own = [word for word in _words(text) if word not in _model().shared]
    if sum(c.isalpha() for word in own for c in word) < OWN_LETTERS:
        return None
    (best, first), (_, second), *_ = margins(text)
    if {best, current} <= ALIKE_IN_LATIN and all(word[0] < "\u0250" for word in own):
        return current
    return best if first >= LIKELY_AT_ALL and first - second >= SURE_MARGIN else None
