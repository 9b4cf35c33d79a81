"""Preference pairs (prompt, better answer, worse answer), generated from the word lists."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import replace

from padding import Answer, Pair, filler_sentence
from vocabulary import (
    CATEGORIES,
    COLOURS,
    CYCLES,
    NAMES,
    NUMBER_WORDS,
    OBJECTS,
    OPPOSITES,
    PLACES,
    QUESTIONS,
    Topic,
    fill,
    invented_name,
    load_topics,
    statements,
)  # fmt: skip

TOPICS = load_topics()
MOST_SENTENCES = 4
ONE_IN = 8
"""One in so many prompts with their better answers is kept for measuring."""


def is_held_out(pair: Pair) -> bool:
    """Whether this prompt with this better answer is kept for measuring: its text decides, so no stage trains on it."""
    better = pair.better
    text = "\n".join((pair.prompt, better.first, *better.sentences, better.last, str(better.capitals)))
    return zlib.crc32(text.encode()) % ONE_IN == 0


def _topic(rng: random.Random) -> Topic:
    """A topic, or a chance mixture of words: there only comparing words can help."""
    draw = rng.random()
    if draw < 0.6:
        return rng.choice(TOPICS)
    things: list[str] = []
    while len(things) < 5:
        word = invented_name(rng) if draw > 0.88 else rng.choice(rng.choice(TOPICS).things)
        if word not in things:
            things.append(word)
    actions = tuple(rng.choice(rng.choice(TOPICS).actions) for _ in range(3))
    qualities = tuple(rng.choice(rng.choice(TOPICS).qualities) for _ in range(4))
    return Topic(f"{things[0]} and {things[1]}", tuple(things), actions, qualities)


def _question(topic: Topic, focus: tuple[str, ...], rng: random.Random) -> str:
    text = fill(rng.choice(QUESTIONS), topic, rng, focus)
    if rng.random() < 0.2:
        text = f"{fill(rng.choice(QUESTIONS), topic, rng, focus)} {text}"
    if rng.random() < 0.2:
        text = f"{filler_sentence(rng)} {text}"
    return text


def _subject(rng: random.Random, topic: Topic) -> tuple[str, Answer]:
    focus = tuple(rng.sample(topic.things, rng.choice((1, 2))))
    kept = focus if rng.random() < 0.85 else ()
    sentences = statements(topic, rng, rng.randint(1, MOST_SENTENCES) + 3, kept)
    foreign = statements(rng.choice(TOPICS), rng, 2)
    answer = Answer(tuple(sentences[:-3]), tuple(sentences[-3:]), tuple(foreign))
    return _question(topic, focus, rng), answer


def on_topic(rng: random.Random) -> list[Pair]:
    """Two prompts whose answers change places: no answer is good or bad by itself."""
    topic, strange = _topic(rng), _topic(rng)
    while set(topic.things) & set(strange.things):
        strange = _topic(rng)
    (prompt, answer), (other_prompt, other) = _subject(rng, topic), _subject(rng, strange)
    return [
        Pair("on_topic", prompt, answer, other),
        Pair("on_topic", other_prompt, other, answer),
    ]


def fluent(rng: random.Random) -> list[Pair]:
    """An answer against the same words in scrambled order."""
    prompt, answer = _subject(rng, _topic(rng))
    words = " ".join(answer.sentences).split()
    rng.shuffle(words)
    scrambled = []
    for sentence in answer.sentences:
        size = len(sentence.split())
        scrambled.append(" ".join(words[:size]))
        words = words[size:]
    return [Pair("fluent", prompt, answer, replace(answer, sentences=tuple(scrambled)))]


def _closed(task: str, prompt: str, right: str, wrong: str, rng: random.Random) -> Pair:
    """A pair of one-sentence answers; the sentences added as padding are the same kind."""
    foreign = tuple(statements(rng.choice(TOPICS), rng, 2))
    return Pair(task, prompt, Answer((right,), foreign=foreign), Answer((wrong,), foreign=foreign))


def stated_fact(rng: random.Random) -> list[Pair]:
    """Copy the named person, colour or place out of the prompt.

    The wrong word is mostly one that the prompt does not have, sometimes one that it has.
    """
    (one, two, no_one), (thing, other) = rng.sample(NAMES, 3), rng.sample(OBJECTS, 2)
    (colour, shade, no_colour), (here, there, nowhere) = rng.sample(COLOURS, 3), rng.sample(PLACES, 3)
    swapped = rng.random() < 0.3
    told = [f"{one} has a {colour} {thing}.", f"{two} has a {shade} {other}."]
    kind = rng.choice(("who", "colour", "where"))
    if kind == "who":
        question, frame = f"Who has the {thing}?", f"{{}} has the {thing}."
        right, wrong = one, two if swapped else no_one
    elif kind == "colour":
        question, frame = f"Which colour is the {thing}?", f"The {thing} is {{}}."
        right, wrong = colour, shade if swapped else no_colour
    else:
        told = [f"The {thing} is in the {here}.", f"The {other} is in the {there}."]
        question, frame = f"Where is the {thing}?", f"The {thing} is in the {{}}."
        right, wrong = here, there if swapped else nowhere
    rng.shuffle(told)
    prompt = f"{' '.join(told)} {question}"
    return [_closed("stated_fact", prompt, frame.format(right), frame.format(wrong), rng)]


def sequence(rng: random.Random) -> list[Pair]:
    """Neighbours among days, months and numbers."""
    kind, items = rng.choice(list(CYCLES.items()))
    place = rng.randrange(1, len(items) - 1)
    side = rng.choice((-1, 1))
    word = "after" if side == 1 else "before"
    right = items[place + side]
    wrong = rng.choice([item for item in items if item not in (right, items[place])])
    prompt = f"Which {kind} comes {word} {items[place]}?"
    tail = f"comes {word} {items[place]}."
    return [_closed("sequence", prompt, f"{right} {tail}", f"{wrong} {tail}", rng)]


def arithmetic(rng: random.Random) -> list[Pair]:
    """Small sums, or the larger of two numbers, in words."""
    if rng.random() < 0.5:
        one, two = rng.randint(0, 6), rng.randint(0, 6)
        text = f"{NUMBER_WORDS[one]} plus {NUMBER_WORDS[two]}"
        miss = rng.choice([n for n in range(13) if n != one + two])
        right, wrong = (f"{text} is {NUMBER_WORDS[n]}." for n in (one + two, miss))
        prompt = f"What is {text}?"
    else:
        small, large = (NUMBER_WORDS[n] for n in sorted(rng.sample(range(13), 2)))
        shown = rng.sample((small, large), 2)
        prompt = f"Which number is larger, {shown[0]} or {shown[1]}?"
        right, wrong = f"{large} is larger.", f"{small} is larger."
    return [_closed("arithmetic", prompt, right, wrong, rng)]


def word_knowledge(rng: random.Random) -> list[Pair]:
    """Opposites and kinds of things."""
    if rng.random() < 0.5:
        pair = rng.choice(OPPOSITES)
        word, right = pair if rng.random() < 0.5 else pair[::-1]
        opposites = {w for p in OPPOSITES if word in p for w in p}
        wrong = rng.choice([w for p in OPPOSITES for w in p if w not in opposites])
        prompt = f"What is the opposite of {word}?"
        answers = [f"The opposite of {word} is {w}." for w in (right, wrong)]
    else:
        kind, other = rng.sample(list(CATEGORIES), 2)
        item = rng.choice([w for w in CATEGORIES[kind] if w not in CATEGORIES[other]])
        shown = rng.sample((kind, other), 2)
        prompt = f"What is {item}, a {shown[0]} or a {shown[1]}?"
        answers = [f"{item[0].upper()}{item[1:]} is a {k}." for k in (kind, other)]
    return [_closed("word_knowledge", prompt, answers[0], answers[1], rng)]


def listing(rng: random.Random) -> list[Pair]:
    """Name three things of a kind; the worse answer names things of another kind."""
    kind, other = rng.sample(list(CATEGORIES), 2)
    made = []
    for name in (kind, other):
        items = rng.sample(CATEGORIES[name], 3)
        made.append(f"Here are three: {items[0]}, {items[1]} and {items[2]}.")
    return [_closed("listing", f"Name three examples of a {kind}.", made[0], made[1], rng)]


def instruction(rng: random.Random) -> list[Pair]:
    """A question with an instruction on the form of the answer, followed or ignored."""
    prompt, base = _subject(rng, _topic(rng))
    word, other = (rng.choice(topic.things) for topic in rng.sample(TOPICS, 2))
    while other == word:
        other = rng.choice(rng.choice(TOPICS).things)
    kind = rng.choice(("first", "last", "capitals", "mention"))
    if kind == "capitals":
        better, worse = replace(base, capitals=True), base
        order = rng.choice(("Write in capital letters.", "Use capital letters only."))
        if rng.random() < 0.5:
            better, worse = worse, better
            order = rng.choice(("Do not use capital letters only.", "Write in normal letters."))
    elif kind == "mention":
        order = f"Mention the word {word}."
        better, worse = (
            replace(base, sentences=(*base.sentences, f"There is also the {w} to think of.")) for w in (word, other)
        )
    else:
        order = f"{'Begin' if kind == 'first' else 'End'} with the word {word}."
        better, worse = (replace(base, **{kind: f"{w.capitalize()}."}) for w in (word, other))
    return [Pair("instruction", f"{prompt} {order}", better, worse)]


Maker = Callable[[random.Random], list[Pair]]
# on_topic makes two pairs at a time, so its weight counts twice.
TASKS: list[tuple[Maker, float]] = [
    (on_topic, 0.22), (fluent, 0.06), (stated_fact, 0.14), (sequence, 0.05), (arithmetic, 0.06),
    (word_knowledge, 0.16), (listing, 0.07), (instruction, 0.12),
]  # fmt: skip


def make_pairs(count: int, rng: random.Random, *, held_out: bool = False) -> list[Pair]:
    """``count`` pairs of all task types, to train on or, if ``held_out``, to measure with."""
    makers, weights = [m for m, _ in TASKS], [w for _, w in TASKS]
    pairs: list[Pair] = []
    while len(pairs) < count:
        made = rng.choices(makers, weights)[0](rng)
        if any(pair.better == pair.worse for pair in made):
            continue  # scrambled words may come out as they were
        kept = [pair for pair in made if is_held_out(pair)]
        if held_out:
            pairs += kept
        elif not kept:  # pairs that belong together stay together
            pairs += made
    return pairs[:count]
