"""What `bot sentences` says of training sentences; `make check` runs it on those that are shipped."""

from bot.nlu import check


def write(folder, language, **examples):
    (folder / language).mkdir(parents=True)
    blocks = "".join(
        f"- intent: {intent}\n  examples: |\n" + "".join(f"    - {text}\n" for text in texts)
        for intent, texts in examples.items()
    )
    (folder / language / "topic.yml").write_text(f'version: "3.1"\nnlu:\n{blocks}', encoding="utf-8")


def test_few_and_repeated_and_nearly_equal_sentences_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "SENTENCES", tmp_path)
    monkeypatch.setattr(check, "QUESTIONS", [])
    write(
        tmp_path,
        "it",
        housing=["cerco casa", "mi hanno mandato via di casa oggi"],
        legal_aid=["Cerco casa!", "mi hanno mandato via di casa oggii"],
    )

    found = [problem for problem in check.problems() if problem.startswith("it:")]

    assert "it: housing has 2 sentences; write at least 40." in found
    assert 'it: "Cerco casa!" stands under housing and legal_aid.' in found
    assert any("are nearly the same" in problem for problem in found)


def test_a_challenge_question_that_is_nearly_a_training_sentence_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "SENTENCES", tmp_path / "nlu")
    monkeypatch.setattr(check, "QUESTIONS", [tmp_path / "challenge"])
    write(tmp_path / "nlu", "it", housing=["mi hanno mandato via di casa"])
    (tmp_path / "challenge").mkdir()
    question = 'questions:\n- {text: "Mi hanno mandato via di casa.", intent: housing, style: plain}\n'
    (tmp_path / "challenge" / "it.yml").write_text(question, encoding="utf-8")

    assert any("is nearly the training sentence" in problem for problem in check.problems())
