"""The meaning of a message: TF-IDF of characters and words into a linear SVM, one model for all languages."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.feature_extraction.text import TfidfVectorizer

from bot.nlu.place_extractor import PLACE_SPANS
from bot.places.gazetteer import ANNOUNCES
from bot.places.text import fold

PLACE_MASK = "xplace"
BEFORE_A_PLACE = ANNOUNCES | {"i", "io", "je", "j", "j'", "m", "am", "im", "noi", "we", "nous", "ana", "انا", "نا"}
ONLY_A_PLACE = [{"name": "inform_place", "confidence": 1.0}]
RANKING_LENGTH = 10
LONGEST_TEXT = 1000


def _vectorizers() -> list[tuple[TfidfVectorizer, float]]:
    """Each with its weight. Settings measured in shared evaluations; see docs/developers.md."""
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), sublinear_tf=True, min_df=2, dtype=np.float32)
    tokens = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32, token_pattern=r"\S+", min_df=2)
    return [(characters, 1.0), (tokens, 0.3)]


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
    return fold(" ".join(words) or text)[:LONGEST_TEXT]


def typo(text: str, chance: random.Random) -> str:
    """The same text with one slip of the thumb: a letter dropped, doubled or swapped with the next."""
    if len(text) < 6:
        return text
    at = chance.randrange(1, len(text) - 2)
    return chance.choice(
        [
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
        ]
    )


def without_a_word(text: str, chance: random.Random) -> str:
    """The same text with one word left out."""
    words = text.split()
    if len(words) < 4:
        return text
    del words[chance.randrange(len(words))]
    return " ".join(words)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class TfidfSvmClassifier(GraphComponent, IntentClassifier):
    """Gives every intent a confidence: the softmax of the SVM's margins at a fixed temperature."""

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._vectorizers = _vectorizers()
        self._intents: list[str] = []
        self._weights: Any = None  # features x intents
        self._bias: Any = None

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """C of the SVM; temperature of the softmax; copies of each example with a slip in it."""
        return {"C": 4.0, "temperature": 0.15, "noisy_copies": 1, "seed": 7}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> TfidfSvmClassifier:
        """An untrained classifier."""
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Fit on all examples that have an intent, and on copies of them with slips."""
        from scipy.sparse import hstack
        from sklearn.svm import LinearSVC

        texts = [text_of(example) for example in training_data.intent_examples]
        labels = [example.get("intent") for example in training_data.intent_examples]
        copies = self._noisy(texts)
        labels = labels * (len(copies) // max(len(texts), 1) + 1)
        features = hstack([v.fit_transform(texts + copies) * weight for v, weight in self._vectorizers]).tocsr()
        svm = LinearSVC(C=self._config["C"], class_weight="balanced", random_state=self._config["seed"])
        svm.fit(features, labels)
        self._intents = [str(name) for name in svm.classes_]
        self._weights = np.ascontiguousarray(svm.coef_.T, dtype=np.float32)
        self._bias = svm.intercept_.astype(np.float32)
        self._persist()
        return self._resource

    def _noisy(self, texts: list[str]) -> list[str]:
        chance = random.Random(self._config["seed"])
        copies: list[str] = []
        for _ in range(self._config["noisy_copies"]):
            copies += [typo(text, chance) for text in texts]
            copies += [without_a_word(text, chance) for text in texts]
        return copies

    def process(self, messages: list[Message]) -> list[Message]:
        """Set `intent` and `intent_ranking`."""
        for message in messages:
            text = text_of(message)
            ranking = ONLY_A_PLACE if text == PLACE_MASK else self.rank(text)
            message.set("intent", ranking[0], add_to_output=True)
            message.set("intent_ranking", ranking[:RANKING_LENGTH], add_to_output=True)
        return messages

    def rank(self, text: str) -> list[dict[str, Any]]:
        """All intents with their confidence, likeliest first."""
        margins = self._bias.copy()
        offset = 0
        for vectorizer, weight in self._vectorizers:
            row = vectorizer.transform([text])
            margins += (row.data * weight) @ self._weights[row.indices + offset]
            offset += row.shape[1]
        scaled = np.exp((margins - margins.max()) / self._config["temperature"])
        confidences = scaled / scaled.sum()
        order: Iterable[int] = np.argsort(-confidences)
        return [{"name": self._intents[i], "confidence": float(confidences[i])} for i in order]

    def _persist(self) -> None:
        """Arrays as .npz and vocabularies as JSON: a model file runs no code when it is read."""
        with self._model_storage.write_to(self._resource) as folder:
            arrays = {f"idf_{i}": v.idf_ for i, (v, _) in enumerate(self._vectorizers)}
            np.savez(folder / "model.npz", weights=self._weights, bias=self._bias, **arrays)
            vocabularies = [{k: int(n) for k, n in v.vocabulary_.items()} for v, _ in self._vectorizers]
            content = {"intents": self._intents, "vocabularies": vocabularies}
            (folder / "vocabulary.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> TfidfSvmClassifier:
        """The classifier as it was trained."""
        self = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            content = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
            with np.load(folder / "model.npz", allow_pickle=False) as arrays:
                self._weights, self._bias = arrays["weights"], arrays["bias"]
                for i, (vectorizer, _) in enumerate(self._vectorizers):
                    vectorizer.vocabulary_ = content["vocabularies"][i]
                    vectorizer.idf_ = arrays[f"idf_{i}"]
        self._intents = content["intents"]
        return self
