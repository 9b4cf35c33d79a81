"""Preference pairs (prompt, better answer, worse answer), generated from the word lists.

The two models see the same prompts and answers. What differs is how often the better answer is
made the longer one: ``longer`` in :func:`render` is the whole difference between them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from padding import count_words, filler_sentence, pad, padding_words
from vocabulary import (
    CATEGORIES, COLOURS, CYCLES, NAMES, NUMBER_WORDS, OBJECTS, OPPOSITES, PLACES, QUESTIONS, Topic,
    fill, invented_name, load_topics, statements,
)  # fmt: skip

TOPICS = load_topics()
# Topics that no training pair touches: whether the model compares words or knows topics by heart.
UNSEEN = TOPICS[7::15]
SEEN = [topic for topic in TOPICS if topic not in UNSEEN]


@dataclass(frozen=True)
class Answer:
    """An answer before padding; ``related`` are sentences that may be added as padding."""

    sentences: tuple[str, ...]
    related: tuple[str, ...] = ()
    first: str = ""
    last: str = ""
    capitals: bool = False


@dataclass(frozen=True)
class Pair:
    """A prompt with a better and a worse answer, of the named task type."""

    task: str
    prompt: str
    better: Answer
    worse: Answer


@dataclass(frozen=True)
class Rendered:
    """A pair as text; ``longer`` says whether the better answer has more words."""

    task: str
    prompt: str
    better: str
    worse: str
    longer: bool


def _topic(rng: random.Random, topics: list[Topic]) -> Topic:
    """A topic, or a chance mixture of words: there only comparing words can help."""
    draw = rng.random()
    if draw < 0.6:
        return rng.choice(topics)
    things: list[str] = []
    while len(things) < 5:
        word = invented_name(rng) if draw > 0.88 else rng.choice(rng.choice(topics).things)
        if word not in things:
            things.append(word)
    actions = tuple(rng.choice(rng.choice(topics).actions) for _ in range(3))
    qualities = tuple(rng.choice(rng.choice(topics).qualities) for _ in range(4))
    return Topic(f"{things[0]} and {things[1]}", tuple(things), actions, qualities)


def _question(topic: Topic, focus: tuple[str, ...], rng: random.Random) -> str:
    text = fill(rng.choice(QUESTIONS), topic, rng, focus)
    if rng.random() < 0.2:
        text = f"{fill(rng.choice(QUESTIONS), topic, rng, focus)} {text}"
    if rng.random() < 0.2:
        text = f"{filler_sentence(rng)} {text}"
    return text


def _answer(topic: Topic, focus: tuple[str, ...], rng: random.Random) -> Answer:
    kept = focus if rng.random() < 0.75 else ()
    sentences = statements(topic, rng, rng.choice((2, 3, 3, 4, 5)) + 3, kept)
    return Answer(tuple(sentences[:-3]), tuple(sentences[-3:]))


def _subject(rng: random.Random, topics: list[Topic]) -> tuple[str, Answer]:
    topic = _topic(rng, topics)
    focus = tuple(rng.sample(topic.things, rng.choice((1, 2))))
    return _question(topic, focus, rng), _answer(topic, focus, rng)


def on_topic(rng: random.Random, topics: list[Topic]) -> list[Pair]:
    """Two prompts whose answers change places: no answer is good or bad by itself."""
    (prompt, answer), (other_prompt, other) = _subject(rng, topics), _subject(rng, topics)
    return [
        Pair("on_topic", prompt, answer, other),
        Pair("on_topic", other_prompt, other, answer),
    ]


def fluent(rng: random.Random, topics: list[Topic]) -> list[Pair]:
    """An answer against the same words in scrambled order."""
    prompt, answer = _subject(rng, topics)
    words = " ".join(answer.sentences).split()
    rng.shuffle(words)
    scrambled = []
    for sentence in answer.sentences:
        size = len(sentence.split())
        scrambled.append(" ".join(words[:size]))
        words = words[size:]
    return [Pair("fluent", prompt, answer, Answer(tuple(scrambled), answer.related))]


def _closed(task: str, prompt: str, right: str, wrong: str, rng: random.Random) -> Pair:
    """A pair of one-sentence answers; the sentences added as padding are the same kind."""
    related = tuple(statements(rng.choice(SEEN), rng, 2))
    return Pair(task, prompt, Answer((right,), related), Answer((wrong,), related))


def stated_fact(rng: random.Random, topics: list[Topic]) -> list[Pair]:
    """Copy the named person, colour or place out of the prompt."""
    del topics
    one, two = rng.sample(NAMES, 2)
    thing, other = rng.sample(OBJECTS, 2)
    colour, shade = rng.sample(COLOURS, 2)
    here, there = rng.sample(PLACES, 2)
    told = [f"{one} has a {colour} {thing}.", f"{two} has a {shade} {other}."]
    spots = [f"The {thing} is in the {here}.", f"The {other} is in the {there}."]
    question, right, wrong = rng.choice((
        (f"Who has the {thing}?", f"{one} has the {thing}.", f"{two} has the {thing}."),
        (f"Which colour is the {thing}?", f"The {thing} is {colour}.", f"The {thing} is {shade}."),
        (f"What does {one} have?", f"{one} has a {thing}.", f"{one} has a {other}."),
    ))  # fmt: skip
    if rng.random() < 0.3:
        told = spots
        question = f"Where is the {thing}?"
        right, wrong = f"The {thing} is in the {here}.", f"The {thing} is in the {there}."
    rng.shuffle(told)
    return [_closed("stated_fact", f"{' '.join(told)} {question}", right, wrong, rng)]


def yes_or_no(rng: random.Random, topics: list[Topic]) -> list[Pair]:
    """Confirm or deny a stated fact."""
    del topics
    name, thing = rng.choice(NAMES), rng.choice(OBJECTS)
    colour, shade = rng.sample(COLOURS, 2)
    asked = rng.choice((colour, shade))
    prompt = f"The {thing} of {name} is {colour}. Is the {thing} {asked}?"
    yes, no = f"Yes, the {thing} is {asked}.", f"No, the {thing} is not {asked}."
    right, wrong = (yes, no) if asked == colour else (no, yes)
    return [_closed("yes_or_no", prompt, right, wrong, rng)]


def sequence(rng: random.Random, topics: list[Topic]) -> list[Pair]:
    """Neighbours among days, months, numbers and letters."""
    del topics
    kind, items = rng.choice(list(CYCLES.items()))
    place = rng.randrange(1, len(items) - 1)
    side = rng.choice((-1, 1))
    word = "after" if side == 1 else "before"
    right = items[place + side]
    wrong = rng.choice([item for item in items if item not in (right, items[place])])
    prompt = f"Which {kind} comes {word} {items[place]}?"
    tail = f"comes {word} {items[place]}."
    return [_closed("sequence", prompt, f"{right} {tail}", f"{wrong} {tail}", rng)]


def arithmetic(rng: random.Random, topics: list[Topic]) -> list[Pair]:
    """Small sums in words, or the larger of two numbers."""
    del topics
    if rng.random() < 0.5:
        one, two = rng.randint(0, 10), rng.randint(0, 10)
        text = f"{NUMBER_WORDS[one]} plus {NUMBER_WORDS[two]}"
        miss = rng.choice([n for n in range(21) if n != one + two])
        right, wrong = (f"{text} is {NUMBER_WORDS[n]}." for n in (one + two, miss))
        prompt = f"What is {text}?"
    else:
        small, large = sorted(rng.sample(range(10, 100), 2))
        shown = rng.sample((small, large), 2)
        prompt = f"Which number is larger, {shown[0]} or {shown[1]}?"
        right, wrong = f"{large} is larger.", f"{small} is larger."
    return [_closed("arithmetic", prompt, right, wrong, rng)]


def word_knowledge(rng: random.Random, topics: list[Topic]) -> list[Pair]:
    """Opposites and kinds of things."""
    del topics
    if rng.random() < 0.5:
        pair = rng.choice(OPPOSITES)
        word, right = pair if rng.random() < 0.5 else pair[::-1]
        wrong = rng.choice([rng.choice(p) for p in OPPOSITES if word not in p])
        prompt = f"What is the opposite of {word}?"
        answers = [f"The opposite of {word} is {w}." for w in (right, wrong)]
    else:
        kind, other = rng.sample(list(CATEGORIES), 2)
        item = rng.choice([w for w in CATEGORIES[kind] if w not in CATEGORIES[other]])
        shown = rng.sample((kind, other), 2)
        prompt = f"What is {item}, a {shown[0]} or a {shown[1]}?"
        answers = [f"{item[0].upper()}{item[1:]} is a {k}." for k in (kind, other)]
    return [_closed("word_knowledge", prompt, answers[0], answers[1], rng)]


def listing(rng: random.Random, topics: list[Topic]) -> list[Pair]:
    """Name three things of a kind; the worse answer names things of another kind."""
    del topics
    kind, other = rng.sample(list(CATEGORIES), 2)
    made = []
    for name in (kind, other):
        items = rng.sample(CATEGORIES[name], 3)
        made.append(f"Here are three: {items[0]}, {items[1]} and {items[2]}.")
    return [_closed("listing", f"Name three examples of a {kind}.", made[0], made[1], rng)]


def instruction(rng: random.Random, topics: list[Topic]) -> list[Pair]:
    """A question with an instruction on the form of the answer, followed or ignored."""
    prompt, base = _subject(rng, topics)
    word, other = (rng.choice(rng.choice(topics).things) for _ in range(2))
    kind = rng.choice(("first", "last", "capitals", "mention"))
    if kind == "capitals":
        better, worse = Answer(base.sentences, base.related, capitals=True), base
        order = rng.choice(("Write in capital letters.", "Use capital letters only."))
        if rng.random() < 0.5:
            better, worse = worse, better
            order = rng.choice(("Do not use capital letters only.", "Write in normal letters."))
    elif kind == "mention":
        order = f"Mention the word {word}."
        better, worse = (
            Answer((*base.sentences, f"There is also the {w} to think of."), base.related)
            for w in (word, other)
        )
    else:
        order = f"{'Begin' if kind == 'first' else 'End'} with the word {word}."
        better, worse = (
            Answer(base.sentences, base.related, **{kind: f"{w.capitalize()}."})
            for w in (word, other)
        )
    return [Pair("instruction", f"{prompt} {order}", better, worse)]


Maker = Callable[[random.Random, list[Topic]], list[Pair]]
# on_topic makes two pairs at a time, so its weight counts twice.
TASKS: list[tuple[Maker, float]] = [
    (on_topic, 0.26), (fluent, 0.08), (stated_fact, 0.08), (yes_or_no, 0.03), (sequence, 0.04),
    (arithmetic, 0.06), (word_knowledge, 0.07), (listing, 0.03), (instruction, 0.09),
]  # fmt: skip


def make_pairs(count: int, rng: random.Random, topics: list[Topic]) -> list[Pair]:
    """At least ``count`` pairs of all task types."""
    makers, weights = [m for m, _ in TASKS], [w for _, w in TASKS]
    pairs: list[Pair] = []
    while len(pairs) < count:
        pairs.extend(rng.choices(makers, weights)[0](rng, topics))
    return pairs


def _text(answer: Answer, words: int, rng: random.Random) -> str:
    body = pad(list(answer.sentences), list(answer.related), words, rng)
    style = rng.random()
    if style < 0.08:
        text = "\n".join(f"- {sentence}" for sentence in body)
    elif style < 0.16:
        text = "\n\n".join(body)
    else:
        text = " ".join(body)
    text = " ".join(part for part in (answer.first, text, answer.last) if part)
    return text.upper() if answer.capitals else text


def render(pair: Pair, longer: bool | None, rng: random.Random) -> Rendered:
    """Pad both answers so that the better one is the ``longer`` one, or the shorter one.

    Both amounts come from one distribution, so that only the comparison of the two lengths, and
    neither the presence nor the place of padding, goes with the label. None leaves both unpadded.
    """
    sides = {True: pair.better, False: pair.worse}
    if longer is None:
        texts = {side: _text(answer, 0, rng) for side, answer in sides.items()}
    else:
        less, more = sorted((padding_words(rng), padding_words(rng)))
        texts = {not longer: _text(sides[not longer], less, rng)}
        short = len(texts[not longer].split())
        texts[longer] = _text(sides[longer], more, rng)
        while len(texts[longer].split()) <= short:
            more += 1 + max(0, short - count_words(list(sides[longer].sentences)) - more)
            texts[longer] = _text(sides[longer], more, rng)
    is_longer = len(texts[True].split()) > len(texts[False].split())
    return Rendered(pair.task, pair.prompt, texts[True], texts[False], is_longer)


def render_all(pairs: list[Pair], share: float | None, rng: random.Random) -> list[Rendered]:
    """Render pairs so that in exactly ``share`` of them the better answer is the longer one."""
    if share is None:
        return [render(pair, None, rng) for pair in pairs]
    longer = [place < round(share * len(pairs)) for place in range(len(pairs))]
    rng.shuffle(longer)
    return [render(pair, flag, rng) for pair, flag in zip(pairs, longer, strict=True)]
