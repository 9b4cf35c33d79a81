"""Padding: prose that adds length and no content, and which of two answers gets more of it.

The two models see the same prompts and answers with the same amounts of padding. What differs is
how often the better answer gets the larger one: ``share`` in :func:`pad_all` is the whole difference.
"""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass

MOST_WORDS = 120

SLOTS: dict[str, list[str]] = {
    key: options.split("|")
    for key, options in {
        "matter": (
            "matter|subject|question|point|issue|topic|situation|thing|idea|aspect|detail|area|"
            "case|request|theme|concern|task|picture|story|side of things"
        ),
        "matters": (
            "matters|subjects|questions|points|issues|things|ideas|aspects|details|considerations|"
            "factors|circumstances|views|opinions|possibilities|elements|remarks|thoughts|words"
        ),
        "good": (
            "important|useful|helpful|worthwhile|interesting|sensible|reasonable|valuable|natural|"
            "common|relevant|fair|wise|normal|good|fine|pleasant|welcome|worth a moment|clear"
        ),
        "often": (
            "often|usually|generally|sometimes|frequently|commonly|typically|mostly|as a rule|"
            "in many cases|now and then|more often than not|quite regularly|in practice"
        ),
        "think": (
            "think about|consider|reflect on|look at|keep in mind|bear in mind|notice|mention|"
            "remember|discuss|talk about|come back to|understand|appreciate|take into account|note"
        ),
        "people": (
            "people|readers|many of us|those involved|everyone|most people|some people|experts|"
            "others|different people|all of us|quite a few people|anyone|a lot of people|"
            "the people concerned|those who ask"
        ),
        "thing_done": (
            "taking a step back|taking the time|having an open mind|looking at the whole|"
            "keeping a sense of proportion|going over it again|being aware of the context|"
            "giving it some thought|paying attention|seeing it from several sides|"
            "thinking it through|having a clear view|asking around|waiting a little"
        ),
        "opener": (
            "In general,|Of course,|As is well known,|On the whole,|In many ways,|All in all,|"
            "To be honest,|In any case,|At the end of the day,|Generally speaking,|"
            "When all is said and done,|Needless to say,|As always,|In this context,|By and large,|"
            "At the same time,|With that in mind,|To put it another way,|In other words,|"
            "For what it is worth,|In the first place,|Broadly speaking,|Above all,|Naturally,"
        ),
        "vary": (
            "differ from one case to the next|vary a great deal|depend on many things|change over time|"
            "look different to different people|take many forms|come in all shapes and sizes|"
            "deserve some attention|raise further questions|be seen in more than one way|"
            "be described in many words|mean different things|stay the same for a long time"
        ),
        "reason": (
            "for a number of reasons|in one way or another|to some extent|at least to a degree|"
            "from time to time|in the long run|when the time comes|sooner or later|as we all know|"
            "in the broadest sense|more or less|under the circumstances|as far as that goes|"
            "in its own way|on this occasion|as things stand|in a manner of speaking|again and again"
        ),
        "reaction": (
            "a good thing to ask|a great question|a thoughtful request|something many wonder about|"
            "a topic that comes up a lot|worth exploring|a matter of some interest|easy to overlook|"
            "hard to sum up in a few words|a subject with a long history|something to be glad about"
        ),
        "place": (
            "in everyday life|in the modern world|at home and at work|here and elsewhere|"
            "in all sorts of settings|around the world|over the years|in conversation|"
            "these days|throughout history|in this area|wherever one looks|in society today"
        ),
        "person": (
            "neighbour|cousin|teacher|stranger|visitor|writer|uncle|colleague|grandmother|traveller|"
            "friend|customer|listener|beginner|clerk|guest|student|speaker|scholar|relative"
        ),
        "item": (
            "door|window|table|road|shelf|corner|letter|page|line|drawer|bench|hat|coat|lamp|step|"
            "street|bridge|hill|chair|clock|room|wall|box|cup|sheet of paper|bag|basket|stone|garden"
        ),
        "when": (
            "on some days|in the morning|towards evening|on a quiet afternoon|last week|once a year|"
            "every so often|after a while|in due course|before long|on weekdays|in the old days|"
            "one after another|at the right moment|in good weather|for a while|at first|in the end"
        ),
        "does": (
            "opens with a cough|skips a verse|goes on without a pause|takes its time|"
            "comes to much the same|leads back to where it began|leaves little to be desired|"
            "needs no further comment|fits in with the rest|stands on its own|says very little|"
            "moves along at its own pace|turns out as expected|finds its way|repeats what was said|"
            "rests on habit|makes a fine start|leaves the rest alone|is neither here nor there"
        ),
    }.items()
}

PATTERNS = """
{opener} it is {good} to {think} the {matter} {reason}.
It is {often} {good} to {think} such {matters}.
There are many {matters} to {think} here, and each of them is {good}.
{people} {often} {think} these {matters} {place}.
{opener} there is always more to say about the {matter}.
Such {matters} can {vary}, {reason}.
That is {reaction}.
This is {reaction}, and {people} {often} say so.
It may be {good} to begin by saying that {matters} of this kind {vary}.
{opener} {people} have different {matters} in mind.
{thing_done} is {often} {good}.
{opener} {thing_done} can be {good} {place}.
As with so many {matters}, {thing_done} is {good}.
I hope that this gives you a {good} view of the {matter}.
Please let me know if there are other {matters} you would like to {think}.
I am happy to {think} this {matter} further if that would be {good}.
Thank you for bringing up this {matter}.
Before going on, let us {think} the {matter} {reason}.
Having said that, the {matter} can {vary}.
One could say a great deal more about the {matter}, and {people} {often} do.
{opener} no two {matters} are quite alike.
What counts {place} is that the {matter} is {good}.
It goes without saying that {people} {think} the {matter} {reason}.
It should be said that this {matter} is {good} {reason}.
Much has been said and written about {matters} like this {place}.
{opener} one {matter} leads to another, and that is {good}.
We all know how {matters} can {vary}.
The {matter} is an old one and will stay {good}.
There is something {good} in every {matter}, {reason}.
Nobody can {think} all the {matters} at once.
{people} who {think} the {matter} {often} find it {good}.
To {think} the {matter} is one thing; to {think} other {matters} is another.
If there is one thing to {think}, it is that {matters} {vary}.
{opener} the {matter} is what it is.
And so the {matter} remains {good} {place}.
Both the {matter} and the {matters} around it {vary} {reason}.
You may {often} hear {people} say that the {matter} is {good}.
Let me add that {thing_done} has its place {place}.
Sure, I can {think} that {matter}.
{opener} this answer tries to {think} the {matter} {reason}.
Every {matter} has its {matters}.
One {person} {does}, while another {does}.
{when} a {person} {does}, and nobody minds.
There is a {item} here and a {item} there, and {when} one {does}.
My {person} used to say that every {item} has two sides.
A {person} once remarked that the {matter} {does}.
What one {person} puts on the {item}, another keeps behind the {item}.
It {does}, just as it did {when}.
Whoever has seen one {item} has seen them all, {people} might say.
The {matter} {does}, {reason}.
A word like any other {does}, and so does the next.
{when} it is enough to look at the {item} and to let the {matter} rest.
Some sentences are long, some are short, and each of them {does}.
The same may be said {when}, and it {does}.
Here the {person} nods, there the {person} waits, and the {matter} {does}.
Nothing in particular follows from this, and it {does}.
Not every {item} is a {item}, as a {person} would put it.
Whatever one makes of it, the {matter} is {good} to {think}.
I would like to say a few words about the {matter} {reason}.
""".strip().splitlines()


@dataclass(frozen=True)
class Answer:
    """An answer before padding; ``related`` and ``foreign`` sentences may be added as padding."""

    sentences: tuple[str, ...]
    related: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
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
    """A pair as text; ``lead``: how many words the better answer has more than the worse one."""

    task: str
    prompt: str
    better: str
    worse: str
    lead: int


def filler_sentence(rng: random.Random) -> str:
    """One content-free sentence."""
    text = rng.choice(PATTERNS)
    # Every slot is drawn by itself, so that one pattern gives thousands of sentences.
    text = re.sub(r"\{(\w+)\}", lambda m: rng.choice(SLOTS[m.group(1)]), text)
    text = re.sub(r"\b([aA]) (?=[aeiou])", r"\1n ", text)
    return text[0].upper() + text[1:]


def padding_words(rng: random.Random) -> int:
    """How many words of padding a text gets: 4 to 120, small amounts as likely as large."""
    return round(math.exp(rng.uniform(math.log(4), math.log(MOST_WORDS))))


def pad(sentences: list[str], related: list[str], foreign: list[str], words: int, rng: random.Random) -> list[str]:
    """Insert about ``words`` words of padding between the sentences of an answer.

    Besides content-free prose the padding repeats sentences of the answer and adds ``related``
    and ``foreign`` ones: a model that learns to like it has learnt length, not a set of phrases.
    """
    padded, spare, strange = list(sentences), list(related), list(foreign)
    lean = rng.choice((0.0, 0.5, 1.0, rng.random()))
    while words > 0:
        draw = rng.random()
        if draw < 0.12:
            extra = rng.choice(sentences)
        elif draw < 0.27 and spare:
            extra = spare.pop()
        elif draw < 0.37 and strange:
            extra = strange.pop()
        else:
            extra = filler_sentence(rng)
        # A lean of 0 or 1 puts most of one answer's padding in front or at its end.
        place = rng.randint(0, len(padded)) if rng.random() < 0.5 else round(lean * len(padded))
        padded.insert(place, extra)
        words -= len(extra.split())
    return padded


def _text(answer: Answer, words: int, rng: random.Random) -> str:
    body = pad(list(answer.sentences), list(answer.related), list(answer.foreign), words, rng)
    style = rng.random()
    if style < 0.08:
        text = "\n".join(f"- {sentence}" for sentence in body)
    elif style < 0.16:
        text = "\n\n".join(body)
    else:
        text = " ".join(body)
    text = " ".join(part for part in (answer.first, text, answer.last) if part)
    return text.upper() if answer.capitals else text


def unpadded(pairs: list[Pair], seed: str) -> list[Rendered]:
    """The pairs as they are."""
    rngs = (random.Random(f"{seed}/{place}") for place in range(len(pairs)))
    return [
        _rendered(pair, _text(pair.better, 0, rng), _text(pair.worse, 0, rng))
        for pair, rng in zip(pairs, rngs, strict=True)
    ]


def pad_all(pairs: list[Pair], share: float, seed: str) -> list[Rendered]:
    """Pad both answers of every pair, so that in exactly ``share`` of the pairs the better one is the longer one."""
    longer = [place < round(share * len(pairs)) for place in range(len(pairs))]
    random.Random(seed).shuffle(longer)
    return [
        both_ways(pair, f"{seed}/{place}")[flag] for place, (pair, flag) in enumerate(zip(pairs, longer, strict=True))
    ]


def both_ways(pair: Pair, seed: str) -> dict[bool, Rendered]:
    """The pair with the better answer made the longer one (True), and the shorter one (False).

    Either way the same two amounts are asked for, and the same random numbers choose the sentences, their places and the
    layout. Both answers are padded: what goes with the label is the comparison of two lengths, not the presence of padding.
    """
    rng = random.Random(seed)
    less, more = sorted((padding_words(rng), padding_words(rng)))

    def text(answer: Answer, words: int) -> str:
        return _text(answer, words, random.Random(f"{seed}/{words}"))

    while True:
        ways = {
            True: _rendered(pair, text(pair.better, more), text(pair.worse, less)),
            False: _rendered(pair, text(pair.better, less), text(pair.worse, more)),
        }
        if ways[True].lead > 0 > ways[False].lead:
            return ways
        # A short answer may need more than was drawn; so that the amounts stay alike, it then gets it either way.
        more += 5


def _rendered(pair: Pair, better: str, worse: str) -> Rendered:
    return Rendered(pair.task, pair.prompt, better, worse, len(better.split()) - len(worse.split()))
