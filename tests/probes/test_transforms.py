"""Rule-based edits: what must not change does not, and code is left in one piece."""

from __future__ import annotations

import numpy as np
import pytest

from rmaudit.battery import LEVELS, Battery
from rmaudit_probes import synonyms, transforms

CODE = """Sort it, and take the first:

def first(items):
    # Sort it. Then return.
    return sorted(items)[0]

That is 1. Try it."""
LETTER = "Good morning,\n\nthe lift is broken. Please send help.\n\nKind regards"
POEM = "Rain on the roof,\nrain on the pane."


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One.", ["One."]),
        ("No full stop at all", ["No full stop at all"]),
        ("Boil them. Peel them! Hot? Wait.", ["Boil them.", "Peel them!", "Hot?", "Wait."]),
        ('He said "Go." Then he left.', ['He said "Go."', "Then he left."]),
        ("It works (mostly.) Try it.", ["It works (mostly.)", "Try it."]),
        ('Say it. "Loudly," he said.', ["Say it.", '"Loudly," he said.']),
        ("Ask Dr. Smith, e.g. Mondays. He knows.", ["Ask Dr. Smith, e.g. Mondays.", "He knows."]),
        ("See No. 5 and Fig. 2. No. It is not there.", ["See No. 5 and Fig. 2.", "No.", "It is not there."]),
        ("J. Doe wrote it. It is 3.5 m long.", ["J. Doe wrote it.", "It is 3.5 m long."]),
        ("It has vitamin C. The rest is water.", ["It has vitamin C.", "The rest is water."]),
        ("Take Plan B. J. R. Doe wrote it.", ["Take Plan B.", "J. R. Doe wrote it."]),
        ("Do this:\n1. Mix. \n2. Bake.", ["Do this:\n1. Mix.", "2. Bake."]),
        ("One line.\nAnother line.", ["One line.", "Another line."]),
        (POEM, [POEM]),
        (LETTER, ["Good morning,\n\nthe lift is broken.", "Please send help.\n\nKind regards"]),
        (CODE, [CODE[: CODE.index("That")].strip(), "That is 1.", "Try it."]),
        (
            "Run:\n\n```\na = 1. # A. B\n\nC. D\n```\n\nDone. Go.",
            ["Run:\n\n```\na = 1. # A. B\n\nC. D\n```", "Done.", "Go."],
        ),
        ("Use `a. B` here. Then stop.", ["Use `a. B` here.", "Then stop."]),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    assert transforms.sentences(text) == parts


@pytest.mark.parametrize("text", ["Boil them. Peel them!", POEM, LETTER, CODE])
def test_insert_changes_no_character_of_the_text(text: str) -> None:
    count = len(transforms.sentence_starts(text))
    edited = [transforms.insert(text, "XX YY.", place) for place in range(count + 1)]
    assert len(set(edited)) == count + 1
    for one in edited:
        before, after = one.split("XX YY.")
        assert any(text == before.removesuffix(gap) + after or text == before + after.removeprefix(gap) for gap in GAPS)
    assert edited[0].startswith("XX YY.")
    assert edited[-1].endswith("XX YY.")


GAPS = (" ", "\n", "\n\n")


def test_a_passage_between_lines_is_a_line_of_its_own() -> None:
    assert transforms.insert("One two.", "XX.", 0) == "XX. One two."
    assert transforms.insert("One two.", "XX.", 9) == "One two. XX."
    assert transforms.insert(POEM, "XX.", 0) == f"XX.\n\n{POEM}"
    assert transforms.insert(POEM, "XX.", 1) == f"{POEM}\n\nXX."
    assert transforms.insert(CODE, "XX.", 1) == CODE.replace("That", "XX.\n\nThat")
    assert transforms.insert(CODE, "XX.", 2) == CODE.replace("Try", "XX. Try")


def test_repeated_says_the_same_again() -> None:
    assert transforms.repeated("A b. C d. E f.", 2) == "A b. C d. E f. A b. C d."
    assert transforms.repeated("A b. C d.") == "A b. C d. A b. C d."
    for text in (POEM, LETTER, CODE):
        assert transforms.repeated(text) == f"{text}\n\n{text}", "with its own lines, not a paragraph a sentence"
    assert transforms.repeated("A b. C d.\nE f.", 2) == "A b. C d.\nE f.\n\nA b. C d."


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("One.", "One."),
        ("Boil them. Peel them! Wait.", "Boil them.  Peel them!  Wait."),
        ("Ask Dr. Smith. He knows.\nSo do I.", "Ask Dr. Smith.  He knows.\nSo do I."),
        ("Use `a. B` here.  Then stop.", "Use `a. B` here.  Then stop."),
    ],
)
def test_double_spaced(text: str, after: str) -> None:
    assert transforms.double_spaced(text) == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("It's the dogs' bowl, don't you think?", "It’s the dogs' bowl, don’t you think?"),
        ("'Yes', said he at 5'3.", "'Yes', said he at 5'3."),
        ("Don't run `f'a'` here.", "Don’t run `f'a'` here."),
    ],
)
def test_curly(text: str, after: str) -> None:
    assert transforms.curly(text) == after


def test_truncated_keeps_the_start() -> None:
    assert transforms.truncated("A b. C d. E f.", 2) == "A b. C d."
    assert transforms.truncated(CODE, 1) == CODE[: CODE.index("That")].rstrip()
    assert transforms.truncated("A b. C d.", 2) == "A b. C d."


def test_the_battery_is_cut_at_sentences_only(full: Battery) -> None:
    for item in full.items:
        for level in LEVELS:
            text = item.answers[level]
            starts = transforms.sentence_starts(text)
            assert starts[0] == 0
            assert starts == sorted(set(starts))
            assert " ".join(" ".join(transforms.sentences(text)).split()) == " ".join(text.split())
            for start in starts[1:]:
                assert not text[start].isspace()
                assert text[start - 1].isspace()
                line = text[text.rfind("\n", 0, start) + 1 :].split("\n")[0]
                assert not line.startswith((" ", "\t", "def ", "git ", "FROM "))


# ---------------------------------------------------------------------------------------------- synonyms
def words(text: str) -> list[str]:
    return [synonyms.SYNONYMS[place.pair][place.side] for place in synonyms.places(text)]


def exchanged(text: str) -> list[str]:
    return [synonyms.swapped(text, place) for place in synonyms.places(text)]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("Perhaps so.", ["Maybe so."]),
        ("It is late, because it rained.", ["It is late, since it rained."]),
        ("the whole day", ["the entire day"]),
        ("a big dog", ["a large dog"]),
        ("Somebody saw the mistake.", ["Someone saw the mistake.", "Somebody saw the error."]),
        ("We stay in each morning, although everybody hates it.", [
            "We stay in every morning, although everybody hates it.",
            "We stay in each morning, though everybody hates it.",
            "We stay in each morning, although everyone hates it.",
        ]),
        ("It costs only two. Begin with the roof.", ["It costs just two. Begin with the roof.",
                                                   "It costs only two. Start with the roof."]),
        ("It is mostly that sort of thing, for instance.", [
            "It is mainly that sort of thing, for instance.",
            "It is mostly that kind of thing, for instance.",
            "It is mostly that sort of thing, for example.",
        ]),
        ("Pick a day when it rains too.", ["Choose a day when it rains too.", "Pick a day when it rains as well."]),
    ],
)  # fmt: skip
def test_one_word_is_exchanged_and_nothing_else(text: str, after: list[str]) -> None:
    assert exchanged(text) == after


@pytest.mark.parametrize(
    "text",
    [
        "on the whole", "the whole of it", "I would like to", "because of rain", "since 1990", "an error", "a mistake",
        "by mistake", "grep ERROR", "there is no need to", "it has to do with tides", "we have to do with it",
        "look as though", "even though", "hard, though.", "at large", "almost nothing", "he breathes normally.",
        "Run `while big:` now", "Try:\n\nwhile big:\n    often()\n\nthen go", "bigger", "weekend", "they love each other",
        "five each.", "at the start of it", "that was kind of you", "the only one", "not only two",
        "just then", "pick up", "too late", "just as well.", "you don't have to go", "what you may have to say",
        # Of another register, of one country, or far more frequent than the other: no pairs.
        "Don't wait until it's often wrong.", "cannot, while I quickly walk towards it afterwards",
    ],
)  # fmt: skip
def test_a_word_that_has_no_synonym_there_stays(text: str) -> None:
    assert words(text) == []


def test_every_pair_comes_back(full: Battery) -> None:
    """Exchanged twice, a text is the same again: the pairs are symmetric."""
    for item in full.items:
        for text in item.answers.values():
            for place in synonyms.places(text):
                once = synonyms.swapped(text, place)
                stop = place.start + len(once) - len(text) + (place.stop - place.start)
                back = synonyms.Place(place.pair, 1 - place.side, place.start, stop)
                assert synonyms.swapped(once, back) == text
                assert once[: place.start] == text[: place.start]
                assert once[stop:] == text[place.stop :]


def test_no_word_stands_in_two_pairs() -> None:
    every = [word for pair in synonyms.SYNONYMS for word in pair]
    assert len(every) == len(set(every))
    assert set(synonyms._FITS) <= set(every)


def test_most_answers_hold_a_synonym(full: Battery) -> None:
    answers = [text for item in full.items for text in item.answers.values()]
    assert sum(bool(synonyms.places(text)) for text in answers) > len(answers) / 2
    seen = {(place.pair, place.side) for text in answers for place in synonyms.places(text)}
    assert len(seen) == 2 * len(synonyms.SYNONYMS), "every word of the list is written somewhere"


def test_a_balanced_choice_takes_both_ways_or_none() -> None:
    texts = ["a big dog", "a big cat", "a large hen", "maybe", "perhaps a big one", "no word"]
    chosen = synonyms.balanced(texts, np.random.default_rng(0))
    told = [synonyms.SYNONYMS[place.pair][place.side] for place in chosen.values()]
    assert told == ["big", "large", "maybe", "perhaps"]
    assert synonyms.balanced(["a big dog", "a big cat"], np.random.default_rng(0)) == {}
    assert synonyms.balanced(["a big dog, a large cat"], np.random.default_rng(0)) == {}
