"""Prompts and answers without any surface feature: English-like sentences, and answers that are spoilt."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass
from pathlib import Path

from borrowed import NAMES, TOPIC_QUESTIONS, Topic, fill, filler_sentence, invented_name, load_topics, statements

FOLDER = Path(__file__).parent
TOPICS = load_topics()
FEWEST, MOST = 2, 6
"""Sentences of an answer."""


def read_lines(name: str) -> list[str]:
    """The lines of a file of this folder, without comments."""
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _words() -> dict[str, list[str]]:
    classes = (line.split(": ") for line in read_lines("words.txt"))
    return {name: words.split("|") if "|" in words else words.split() for name, words in classes}


WORDS, FRAMES, QUESTIONS = _words(), read_lines("frames.txt"), read_lines("questions.txt")


@dataclass(frozen=True)
class Draft:
    """A pair before any feature: sentences of the better and of the worse answer, as many in both.

    spare: further sentences on the same subject, for padding.
    """

    task: str
    prompt: str
    better: tuple[str, ...]
    worse: tuple[str, ...]
    spare: tuple[str, ...]


def is_code(sentence: str) -> bool:
    """Code ends as no sentence does; no feature touches it."""
    return sentence[-1] not in '.?!:"'


def digits(rng: random.Random) -> str:
    """A number in figures, small ones as likely as large."""
    number = round(math.exp(rng.uniform(0, math.log(2500))))
    return f"{number}.{rng.randint(1, 9)}" if rng.random() < 0.1 else str(number)


def wide_sentence(frame: str, rng: random.Random) -> str:
    """A sentence of common words of all kinds; every slot is drawn by itself."""

    def word(found: re.Match[str]) -> str:
        if found[1] == "digits":
            return digits(rng)
        if found[1] in ("one", "who") and rng.random() < 0.15:
            return rng.choice(NAMES) if rng.random() < 0.5 else invented_name(rng)
        return rng.choice(WORDS[found[1]])

    text: str = re.sub(r"\{(\w+)\}", word, frame)
    text = re.sub(r"\b([aA]) (?=[aeiou])", r"\1n ", text)
    return text[0].upper() + text[1:]


def code_line(rng: random.Random) -> str:
    """One to three lines that look like code."""
    a, b, c = (rng.choice(WORDS["noun"]) for _ in range(3))
    verb, number = rng.choice(WORDS["verb"]), digits(rng)
    lines = [
        f"{a} = {verb}({b}, {number})", f"for {a[0]} in {b}s:\n    {verb}({a[0]}.{c})", f"SELECT {a}, {b} FROM {c}s;",
        f"{verb} -{a[0]} {b}/{c}.txt | sort", f"def {verb}_{a}({b}):\n    return {b}[{number}] + 1",
        f"const {a} = {b}.{verb}(({c[0]}) => {c[0]} > {number});", f"{a}.{b} += {number}", f"<{a}>{b}</{a}>",
        f"if {a} == '{b}' and {c} >= {number}:\n    {verb}({a})", f"{number} / {digits(rng)} = {digits(rng)}",
    ]  # fmt: skip
    return "\n".join(rng.sample(lines, rng.choice((1, 1, 2))))


def sentences(topic: Topic, count: int, rng: random.Random) -> list[str]:
    """Sentences of an answer: about the topic, of common words, and seldom a remark or code."""
    kind = rng.choice(("topic", "wide", "wide", "both", "both"))
    narrow = statements(topic, rng, count)
    made = [
        narrow[place] if kind == "topic" or (kind == "both" and rng.random() < 0.4)
        else wide_sentence(rng.choice(FRAMES), rng)
        for place in range(count)
    ]  # fmt: skip
    made = [filler_sentence(rng) if rng.random() < 0.06 else sentence for sentence in made]
    if rng.random() < 0.12 and count > 2:
        made[rng.randrange(1, count)] = code_line(rng)
    return made


def prompt_of(topic: Topic, rng: random.Random) -> str:
    """A question, at times with a sentence or two before it."""
    own = rng.random() < 0.4
    question = fill(rng.choice(TOPIC_QUESTIONS), topic, rng) if own else wide_sentence(rng.choice(QUESTIONS), rng)
    if rng.random() < 0.25:
        question = " ".join([*sentences(topic, 3, rng)[: rng.randint(1, 2)], question])
    return question


def scrambled(text: list[str], rng: random.Random) -> list[str]:
    """Some words of an answer put at each other's places: from one swap, hard to see, to nearly all words."""
    words = [sentence.split(" ") for sentence in text]
    places = [(row, at) for row, sentence in enumerate(words) if not is_code(text[row]) for at in range(len(sentence))]
    for _ in range(_amount(len(places) // 2, rng)):
        (row, at), (other, there) = rng.sample(places, 2)
        words[row][at], words[other][there] = words[other][there], words[row][at]
    return [_closed(" ".join(sentence)) for sentence in words]


def misspelt(text: list[str], rng: random.Random) -> list[str]:
    """Letters of some words in another order."""
    words = [sentence.split(" ") for sentence in text]
    places = [
        (row, at) for row, sentence in enumerate(words) if not is_code(text[row])
        for at, word in enumerate(sentence) if word.isalpha() and len(word) > 3
    ]  # fmt: skip
    for row, at in rng.sample(places, min(len(places), _amount(len(places), rng))):
        letters = list(words[row][at])
        rng.shuffle(letters)
        words[row][at] = "".join(letters)
    return [" ".join(sentence) for sentence in words]


def _amount(most: int, rng: random.Random) -> int:
    """From 1 to ``most``, small amounts as likely as large."""
    return round(math.exp(rng.uniform(0, math.log(max(1, most)))))


def _closed(sentence: str) -> str:
    """A scrambled sentence ends as the others do: its marks tell nothing."""
    if is_code(sentence) or sentence[-1] != ".":
        sentence = re.sub(r"[.,:;?!]*$", "", sentence) + "."
    return sentence


SPOILERS = {"scrambled": scrambled, "misspelt": misspelt}


def make_draft(rng: random.Random) -> Draft:
    """A pair: a fluent answer against a spoilt one, of the same text or of another one to the same prompt."""
    topic, count = rng.choice(TOPICS), rng.randint(FEWEST, MOST)
    prompt, better = prompt_of(topic, rng), sentences(topic, count, rng)
    task = rng.choice(("scrambled", "scrambled", "misspelt"))
    source = better if rng.random() < 0.6 else sentences(topic, count, rng)
    worse = SPOILERS[task](source, rng)
    return Draft(task, prompt, tuple(better), tuple(worse), tuple(sentences(topic, 8, rng)))


def make_drafts(count: int, rng: random.Random) -> list[Draft]:
    """``count`` pairs whose answers differ."""
    drafts: list[Draft] = []
    while len(drafts) < count:
        draft = make_draft(rng)
        if draft.better != draft.worse:
            drafts.append(draft)
    return drafts
