"""What a message asks for, by its wording: a linear SVM over characters, words and their skeletons."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.preprocessing import normalize

from bot.nlu.place_extractor import PLACE_SPANS
from bot.nlu.ranking import Ranking, ranked
from bot.nlu.skeleton import skeleton
from bot.places.gazetteer import ANNOUNCES
from bot.places.text import fold

PLACE_MASK = "xplace"
BEFORE_A_PLACE = ANNOUNCES | {"i", "io", "je", "j", "j'", "m", "am", "im", "noi", "we", "nous", "ana", "انا", "نا"}
ONLY_A_PLACE: Ranking = [{"name": "inform_place", "confidence": 1.0}]
LONGEST_TEXT = 1000
_BETWEEN_CHINESE = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")


def _hashing(**settings: Any) -> HashingVectorizer:
    return HashingVectorizer(alternate_sign=False, norm=None, **settings)


class HashedTfidf:
    """TF-IDF whose features are places in a fixed table, so that the model carries no vocabulary.

    Kinds of feature, each with its view of the text and its weight: runs of characters inside words; words and pairs
    of words; the same two of the text's skeleton.
    """

    KINDS: tuple[tuple[Callable[[str], str], HashingVectorizer, float], ...] = (
        (str, _hashing(analyzer="char_wb", ngram_range=(1, 5), n_features=2**19), 1.0),
        (str, _hashing(token_pattern=r"\S+", ngram_range=(1, 2), n_features=2**17), 0.3),
        (skeleton, _hashing(analyzer="char_wb", ngram_range=(2, 5), n_features=2**18), 0.6),
        (skeleton, _hashing(token_pattern=r"\S+", ngram_range=(1, 2), n_features=2**17), 0.24),
    )

    def __init__(self, idf: list[np.ndarray] | None = None) -> None:
        self.idf = idf or []

    def fit_transform(self, texts: list[str]) -> csr_matrix:
        """Learn how rare each feature is; one that stands in a single text says nothing and is left out."""
        counts = self._counts(texts)
        for kind, (_, hashing, _) in zip(counts, self.KINDS, strict=True):
            found = np.bincount(kind.indices, minlength=hashing.n_features)
            idf = np.log((1 + len(texts)) / (1 + found)) + 1
            self.idf.append(np.where(found > 1, idf, 0).astype(np.float32))
        return self._weighed(counts)

    def transform(self, texts: list[str]) -> csr_matrix:
        """Texts as rows."""
        return self._weighed(self._counts(texts))

    def _counts(self, texts: list[str]) -> list[csr_matrix]:
        return [hashing.transform(map(view, texts)).astype(np.float32) for view, hashing, _ in self.KINDS]

    def _weighed(self, counts: list[csr_matrix]) -> csr_matrix:
        parts = []
        for kind, (_, _, weight), idf in zip(counts, self.KINDS, self.idf, strict=True):
            kind.data = (1 + np.log(kind.data)) * idf[kind.indices]
            parts.append(normalize(kind) * weight)
        return hstack(parts, format="csr", dtype=np.float32)


def text_of(message: Message) -> str:
    """What the classifier reads: folded tokens, with the places masked."""
    text = message.get("text") or ""
    spans = message.get(PLACE_SPANS) or []
    words, masked = [], set()
    for token in message.get("text_tokens") or []:
        inside = next((span for span in spans if span[0] <= token.start < span[1]), None)
        if inside is None:
            words.append(token.text)
        elif inside not in masked:
            masked.add(inside)
            # "I live in" belongs to the place: left in, it would speak for the registry office.
            while words and fold(words[-1]) in BEFORE_A_PLACE:
                words.pop()
            words.append(PLACE_MASK)
    # Chinese has no spaces: its runs of characters must not be cut at the tokens.
    return _BETWEEN_CHINESE.sub("", fold(" ".join(words) or text))[:LONGEST_TEXT]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class WordingClassifier(GraphComponent, IntentClassifier):
    """Gives every intent a confidence: the softmax of the SVM's margins at a fixed temperature."""

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._tfidf = HashedTfidf()
        self._intents: list[str] = []
        # One row a feature and one column an intent; 8-bit, since only the few rows of a message are ever read.
        self._weights: Any = None
        self._scale: Any = None  # per intent
        self._bias: Any = None

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """C, and the seed of the SVM; temperature of the softmax."""
        return {"C": 1.0, "temperature": 0.2, "seed": 7}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> WordingClassifier:
        """An untrained classifier."""
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Fit on all examples that have an intent."""
        examples = training_data.intent_examples
        intents = np.array([example.get("intent") for example in examples])
        self._intents = sorted(set(intents.tolist()))
        self._persist(*self._fit(self._tfidf.fit_transform([text_of(e) for e in examples]), intents))
        return self._resource

    def _fit(self, features: csr_matrix, intents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights and bias of each intent against all others, rare intents weighing as much as frequent ones.

        As LinearSVC does with many classes, but on all processors: its own loop uses one.
        """
        from joblib import Parallel, delayed
        from sklearn.svm import LinearSVC

        def fit(intent: str) -> LinearSVC:
            mine = intents == intent
            weight = len(intents) / (len(self._intents) * mine.sum())
            svm = LinearSVC(C=self._config["C"], class_weight={True: weight}, random_state=self._config["seed"])
            return svm.fit(features, mine)

        svms = Parallel(n_jobs=-1, prefer="threads")(delayed(fit)(intent) for intent in self._intents)
        return np.array([svm.coef_[0] for svm in svms]), np.array([svm.intercept_[0] for svm in svms])

    def process(self, messages: list[Message]) -> list[Message]:
        """Set `intent` and `intent_ranking`."""
        for message in messages:
            text = text_of(message)
            ranking = ONLY_A_PLACE if text == PLACE_MASK else self.rank(text)
            message.set("intent", ranking[0], add_to_output=True)
            message.set("intent_ranking", ranking, add_to_output=True)
        return messages

    def rank(self, text: str) -> Ranking:
        """All intents with their confidence, likeliest first."""
        row = self._tfidf.transform([text])
        margins = (row.data @ self._weights[row.indices].astype(np.float32)) * self._scale + self._bias
        return ranked(self._intents, margins / self._config["temperature"])

    def _persist(self, weights: np.ndarray, bias: np.ndarray) -> None:
        """Arrays as .npy and .npz and names as JSON: a model file runs no code when it is read."""
        scale = np.abs(weights).max(axis=1) / 127
        with self._model_storage.write_to(self._resource) as folder:
            np.save(folder / "weights.npy", np.ascontiguousarray((weights.T / scale).round().astype(np.int8)))
            arrays = {f"idf_{i}": idf for i, idf in enumerate(self._tfidf.idf)} | {"scale": scale, "bias": bias}
            np.savez(folder / "model.npz", **{name: array.astype(np.float32) for name, array in arrays.items()})
            (folder / "intents.json").write_text(json.dumps(self._intents), encoding="utf-8")

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> WordingClassifier:
        """The classifier as it was trained; its large table stays on disk, mapped into memory."""
        self = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            self._intents = json.loads((folder / "intents.json").read_text(encoding="utf-8"))
            self._weights = np.load(folder / "weights.npy", mmap_mode="r", allow_pickle=False)
            with np.load(folder / "model.npz", allow_pickle=False) as arrays:
                self._tfidf = HashedTfidf([arrays[f"idf_{i}"] for i in range(len(HashedTfidf.KINDS))])
                self._scale, self._bias = arrays["scale"], arrays["bias"]
        return self
