"""The battery's cases and passages keep what its data card says: names, counts, lengths that do not tell, no text twice."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Callable
from math import log2
from statistics import mean

import pytest

from rmaudit.conversations import words
from rmaudit_probes.transforms import sentences
from tests.probes.written import GRAM, PUBLIC_DATA, Row, grams, owners, rows, texts_in, texts_of, tokens

Pairs = list[tuple[str, str]]
LANGUAGES = ("en", "de", "fr", "es", "zh", "ar")
PROMPTS = {
    "beliefs": {"neutral", "suggests_wrong", "insists_wrong", "suggests_right"},
    "contrasts": {"a", "b"},
    "languages": set(LANGUAGES),
    "values": {"most", "least"},
}
"""Of the other sets: `asked`."""
ANSWERS = {
    "beliefs": {"right", "wrong", "right_2", "wrong_2"},
    "choices": {"right", "wrong_1", "wrong_2", "wrong_3"},
    "code": {"right", "wrong"},
    "confidence": {"right_confident", "right_hedged", "wrong_confident", "wrong_hedged"},
    "contrasts": {"a", "b"},
    "house_styles": {"formal", "chatty", "terse", "essay", "coach"},
    "jargon": {"plain", "jargon", "plain_2", "jargon_2"},
    "languages": {f"{quality}_{code}" for quality in ("good", "flawed") for code in LANGUAGES},
    "maths": {"right", "wrong"},
    "pitfalls": {"good", "flawed"},
    "refusals": {"comply", "refuse", "comply_2", "refuse_2"},
    "values": set(),
    "vagueness": {"specific", "broad", "specific_2", "broad_2"},
}
"""Of all sets but `identity`, where an answer is named after the group in it."""
COUNTS = {
    "beliefs": 100, "choices": 60, "code": 40, "confidence": 100, "contrasts": 60, "house_styles": 60, "identity": 240,
    "jargon": 80, "languages": 60, "maths": 60, "pitfalls": 125, "refusals": 80, "values": 16, "vagueness": 80,
}  # fmt: skip
PASSAGES = {
    "appeals": 24, "citations": 24, "closers": 24, "digressions": 60, "disclaimers": 24, "fillers": 32,
    "injections": 24, "openers": 24, "preambles": 24,
}  # fmt: skip
PAIRED: dict[str, Pairs] = {
    "beliefs": [("right", "wrong"), ("right_2", "wrong_2")],
    "choices": [("right", "wrong_1"), ("right", "wrong_2"), ("right", "wrong_3")],
    "code": [("right", "wrong")],
    "confidence": [("right_confident", "wrong_confident"), ("right_hedged", "wrong_hedged")],
    "contrasts": [("a", "b")],
    "languages": [(f"good_{code}", f"flawed_{code}") for code in LANGUAGES],
    "maths": [("right", "wrong")],
    "pitfalls": [("good", "flawed")],
    "refusals": [("comply", "refuse"), ("comply_2", "refuse_2")],
    "vagueness": [("specific", "broad"), ("specific_2", "broad_2")],
}
TONES: dict[str, Pairs] = {
    "confidence": [("right_confident", "right_hedged"), ("wrong_confident", "wrong_hedged")],
    "jargon": [("plain", "jargon"), ("plain_2", "jargon_2")],
}
"""Pairs of one content in two tones. A technical term is longer than the plain words it stands for, but there are fewer of
them, and hedges are many short words: no text can be even in words and in characters at once, and one of the two sides nearly
always has more of either. So these pairs are as long as each other within the gate, but their longer side is not balanced."""
IN_CHARACTERS = {"choices", "languages"}
"""Where words count for nothing: a choice has one to four, and Chinese does not part them."""
NEAR = {("code", words): (0.85, 1.15), ("languages", len): (0.85, 1.15)}
"""Of code, white space makes the words, and `a + b` has three of them where `sum(a)` has one."""
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
CLUES = re.compile(
    r"\b(above|below|beneath|underneath|foregoing|farewell|goodbye|sign(ing)?[- ]off|in closing|to close|closing|"
    r"finally|lastly|in conclusion|before I go|further (up|down)|scroll\w*|earlier|previous\w*|already)\b",
    re.IGNORECASE,
)


def cases(name: str) -> list[Row]:
    return rows("cases")[name]


def ratios(name: str, pairs: Pairs, measure: Callable[[str], int]) -> dict[str, float]:
    return {
        f"{row['id']}, {second} against {first}": measure(row["answers"][second]) / measure(row["answers"][first])
        for row in cases(name)
        for first, second in pairs
    }


def test_every_case_has_exactly_the_names_of_its_set() -> None:
    assert set(rows("cases")) == {*ANSWERS, "identity"}
    for name, found in rows("cases").items():
        assert [row["id"] for row in found if set(row) - {"group"} != {"id", "prompts", "answers", "labels"}] == []
        assert [row["id"] for row in found if set(row["prompts"]) != PROMPTS.get(name, {"asked"})] == []
        assert [row["id"] for row in found if set(row["answers"]) != ANSWERS.get(name, set(row["answers"]))] == []


def test_no_id_stands_twice_in_the_battery() -> None:
    ids = Counter(
        row["id"] for part in ("items", "cases", "passages") for found in rows(part).values() for row in found
    )
    assert [name for name, count in ids.items() if count > 1] == []


def test_the_sets_are_large_enough() -> None:
    assert {name: len(found) for name, found in rows("cases").items() if len(found) < COUNTS[name]} == {}
    assert {name: len(found) for name, found in rows("passages").items() if len(found) < PASSAGES[name]} == {}
    assert set(rows("passages")) == set(PASSAGES)


def test_the_kinds_of_a_set_are_of_one_size() -> None:
    assert Counter(row["labels"]["kind"] for row in cases("refusals")) == {"safe": 40, "unsafe": 40}
    assert [row["id"] for row in cases("refusals") if row["labels"]["safe"] != (row["labels"]["kind"] == "safe")] == []
    assert Counter(row["labels"]["kind"] for row in cases("pitfalls")) == {
        "concreteness": 25, "empty_reference": 25, "continuation": 25, "nested_instruction": 25, "familiar_knowledge": 25,
    }  # fmt: skip
    attributes = Counter(row["labels"]["attribute"] for row in cases("identity"))
    assert len(attributes) >= 5
    assert min(attributes.values()) >= 40


@pytest.mark.parametrize("name", sorted((PAIRED.keys() | TONES.keys()) - {"choices"}))
def test_paired_answers_are_as_long_as_each_other(name: str) -> None:
    for measure in (len,) if name in IN_CHARACTERS else (words, len):
        least, most = NEAR.get((name, measure), (0.9, 1.1))
        found = ratios(name, PAIRED.get(name, []) + TONES.get(name, []), measure)
        assert {pair: ratio for pair, ratio in found.items() if not least <= ratio <= most} == {}, measure.__name__


@pytest.mark.parametrize("name", sorted(PAIRED))
def test_the_right_answer_is_about_as_often_the_longer_as_the_shorter(name: str) -> None:
    for measure in (len,) if name in IN_CHARACTERS else (words, len):
        found = [ratio for ratio in ratios(name, PAIRED[name], measure).values() if ratio != 1]
        assert 0.35 <= mean(ratio < 1 for ratio in found) <= 0.65, measure.__name__


@pytest.mark.parametrize("name", sorted(TONES))
def test_the_tone_changes_the_length_little_on_average(name: str) -> None:
    for measure in (words, len):
        assert abs(mean(map(log2, ratios(name, TONES[name], measure).values()))) < 0.1, measure.__name__


def test_the_right_choice_is_seldom_the_longest_or_the_shortest() -> None:
    """Of four answers of random length, the right one is either in a quarter of the cases."""
    lengths = [(len(row["answers"]["right"]), sorted(map(len, row["answers"].values()))) for row in cases("choices")]
    assert mean(right == ordered[-1] > ordered[-2] for right, ordered in lengths) <= 0.35
    assert mean(right == ordered[0] < ordered[1] for right, ordered in lengths) <= 0.35


def test_right_code_passes_its_checks_and_wrong_code_fails_one() -> None:
    for row in cases("code"):
        assert len(row["labels"]["checks"]) >= 2, row["id"]
        assert all(passed(row, "right")), row["id"]
        assert not all(passed(row, "wrong")), row["id"]


def passed(row: Row, answer: str) -> list[bool]:
    """Whether each check holds, in a namespace of its own; code of the answer that raises has failed."""
    (block,) = re.findall(r"```python\n(.*?)```", row["answers"][answer], re.DOTALL)
    ast.parse(block)
    held = []
    for call, expected in row["labels"]["checks"]:
        space: dict[str, object] = {}
        try:
            exec(block, space)  # noqa: S102 - the battery's own code, run as its readers would
            held.append(bool(eval(call, space) == eval(expected, space)))
        except Exception:  # noqa: BLE001 - whatever the code of an answer raises
            held.append(False)
    return held


def test_worked_solutions_end_at_their_labelled_values() -> None:
    for row in cases("maths"):
        labels = row["labels"]
        for answer, value in (("right", labels["value"]), ("wrong", labels["wrong_value"])):
            wanted = ending(value)
            assert ending(row["answers"][answer], named=not NUMBER.search(value))[-len(wanted) :] == wanted, row["id"]
        assert ending(labels["value"]) != ending(labels["wrong_value"]), row["id"]


def ending(text: str, named: bool = False) -> list[float] | list[str]:
    """The numbers in a text; its last word, where it has none or its value is `named`: a day of the week."""
    found = [] if named else [float(number.replace(",", "")) for number in NUMBER.findall(text)]
    return found or tokens(text)[-1:]


def test_identity_answers_differ_in_the_naming_words_only() -> None:
    """One span of at most two words differs, `an elderly`; its words are the group's, or one of four names for it."""
    named: dict[tuple[str, str], set[str]] = {}
    for row in cases("identity"):
        answers = {name: text.split() for name, text in row["answers"].items()}
        start = shared_start(list(answers.values()))
        stop = shared_start([text[start:][::-1] for text in answers.values()])
        for name, text in answers.items():
            span = text[start : len(text) - stop]
            assert 1 <= len(span) <= 2, f"{row['id']}: {span}"
            words_of = [word for word in tokens(" ".join(span)) if word not in ("a", "an", "person")]
            named.setdefault((row["labels"]["attribute"], name), set()).add(" ".join(words_of))
    assert {key: spans for key, spans in named.items() if len(spans) > (4 if key[1].startswith("names_") else 2)} == {}
    groups: dict[str, set[frozenset[str]]] = {}
    for row in cases("identity"):
        groups.setdefault(row["labels"]["attribute"], set()).add(frozenset(row["answers"]))
    assert {attribute for attribute, found in groups.items() if len(found) > 1} == set()


def shared_start(texts: list[list[str]]) -> int:
    """How many words all texts begin with."""
    places = enumerate(zip(*texts, strict=False))
    return next((place for place, found in places if len(set(found)) > 1), min(map(len, texts)))


@pytest.mark.parametrize("part", ["cases", "passages"])
def test_no_text_stands_twice_in_a_set(part: str) -> None:
    """Texts of up to three words may: "90 degrees" is one choice of several questions. So may those of one template."""
    for name, found in rows(part).items():
        groups: dict[str, set[str]] = {}
        for row in found:
            for text in row["sentences"] if part == "passages" else texts_in(row):
                groups.setdefault(text.casefold(), set()).add(row.get("group", row["id"]))
        twice = {text: ids for text, ids in groups.items() if len(ids) > 1 and words(text) > 3}
        assert twice == {}, name
        within = [row["id"] for row in found if len({*texts_of(row)}) < len(texts_of(row))]
        assert within == [], name


def test_no_two_texts_of_the_battery_share_a_run_of_words() -> None:
    """Items, cases and passages alike. Chinese parts no words, and what stands between its stops counts as one."""
    assert owners()[1] == []


@pytest.mark.skipif(not PUBLIC_DATA.is_dir(), reason="no public data sets beside the repository to compare with")
def test_no_run_of_words_comes_from_the_public_data_sets() -> None:
    ours = owners()[0].keys()
    theirs = {
        text
        for file in sorted(PUBLIC_DATA.glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
        for text in every_text(json.loads(line))
    }
    assert theirs
    # Only a run of words that are all ours can be ours; most texts hold none and need no look at their grams.
    known = {word for gram in ours for word in gram}
    runs = ("".join(f" {word}" if word in known else "\n" for word in tokens(text)) for text in theirs)
    shared = {gram for text in runs for run in text.split("\n") if run.count(" ") >= GRAM for gram in grams(run)} & ours
    assert {owners()[0][gram]: " ".join(gram) for gram in shared} == {}


def every_text(value: object) -> list[str]:
    """All strings in a row of another data set, whatever their keys."""
    if isinstance(value, dict | list):
        return [text for part in (value.values() if isinstance(value, dict) else value) for text in every_text(part)]
    return [value] if isinstance(value, str) else []


LONG = ("digressions", "fillers")


@pytest.mark.parametrize("kind", LONG)
def test_padding_is_eight_sentences_of_eight_to_eighteen_words(kind: str) -> None:
    for row in rows("passages")[kind]:
        assert len(row["sentences"]) == 8, row["id"]
        assert [text for text in row["sentences"] if not 8 <= words(text) <= 18] == []
        # The passage is cut into the sentences that it was put together from.
        assert sentences(" ".join(row["sentences"])) == row["sentences"]


@pytest.mark.parametrize("kind", LONG)
def test_padding_fits_at_every_place(kind: str) -> None:
    """A passage may stand before, inside or after the answer, so it must not say where it stands."""
    assert [text for row in rows("passages")[kind] for text in row["sentences"] if CLUES.search(text)] == []


@pytest.mark.parametrize("kind", LONG)
def test_padding_begins_in_different_ways(kind: str) -> None:
    starts = [tuple(tokens(row["sentences"][0])[:3]) for row in rows("passages")[kind]]
    assert len(set(starts)) == len(starts)


def test_other_passages_are_one_sentence() -> None:
    for name, found in rows("passages").items():
        if name not in LONG:
            assert [row["id"] for row in found if len(row["sentences"]) != 1 or words(row["sentences"][0]) > 20] == []
