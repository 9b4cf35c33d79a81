"""Hand-written word lists, and the small grammar that turns them into sentences."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

NAMES = (
    "Anna Ben Carla David Emma Felix Grace Hugo Ivy Jonas Kate Leo Maria Nina Oscar Paula Quentin "
    "Rosa Sam Tara Umar Vera Will Xenia Yusuf Zoe Amir Bella Chen Dora Elias Fatima Gus Hana Ian "
    "Julia Karl Lena Milo Nora Omar Priya Ravi Sofia Tom Ursula Victor Wendy Yara Zack"
).split()
COLOURS = ("red blue green yellow black white brown orange purple pink grey golden silver turquoise").split()
OBJECTS = (
    "ball bag hat cup book coat kite lamp chair clock scarf bicycle violin umbrella car boat box "
    "pen ring drum jacket mug basket bottle blanket ladder mirror pillow radio tent wallet vase "
    "notebook suitcase helmet guitar candle knife puzzle phone"
).split()
PLACES = (
    "kitchen garden garage attic cellar office park school library market station harbour museum "
    "hotel bakery cinema stadium forest village bathroom bedroom hospital theatre farm beach"
).split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = ("January February March April May June July August September October November December").split()
NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
).split()
CYCLES: dict[str, list[str]] = {
    "day": DAYS,
    "month": MONTHS,
    "number": NUMBER_WORDS[:13],
}
OPPOSITES = [
    (pair.split("/")[0], pair.split("/")[1])
    for pair in (
        "hot/cold big/small fast/slow old/young high/low long/short open/closed happy/sad wet/dry "
        "light/dark rich/poor hard/soft loud/quiet early/late full/empty strong/weak clean/dirty "
        "thick/thin up/down left/right first/last near/far safe/dangerous cheap/expensive true/false "
        "good/bad easy/difficult wide/narrow deep/shallow sweet/sour heavy/light day/night win/lose "
        "buy/sell push/pull start/stop love/hate arrive/leave remember/forget inside/outside top/bottom "
        "front/back north/south east/west brave/cowardly calm/nervous smooth/rough sharp/blunt "
        "alive/dead asleep/awake ancient/modern polite/rude generous/mean friend/enemy begin/end "
        "summer/winter laugh/cry rise/fall give/take more/less always/never everything/nothing "
        "accept/refuse public/private straight/curved tight/loose raw/cooked success/failure "
        "question/answer war/peace increase/decrease simple/complicated guilty/innocent"
    ).split()
]
CATEGORIES: dict[str, list[str]] = {
    "fruit": "apple banana pear grape cherry mango peach plum lemon melon kiwi apricot".split(),
    "vegetable": "carrot onion potato cabbage spinach broccoli leek radish turnip pea celery".split(),
    "animal": "dog horse tiger rabbit elephant monkey goat camel wolf bear lion giraffe".split(),
    "bird": "robin eagle sparrow penguin owl parrot swan duck crow falcon pigeon stork".split(),
    "fish": "trout salmon herring cod tuna shark carp pike sardine eel perch mackerel".split(),
    "country": "France Japan Brazil Egypt Canada India Spain Kenya Norway Peru Italy Greece".split(),
    "colour": "red blue green yellow purple orange pink brown violet grey black white".split(),
    "instrument": "piano violin drum flute guitar trumpet cello harp oboe banjo organ tuba".split(),
    "tool": "hammer saw drill wrench chisel spade rake pliers axe screwdriver file level".split(),
    "vehicle": "car bus train lorry tram bicycle ferry taxi van scooter tractor plane".split(),
    "drink": "tea coffee milk juice water lemonade cocoa cider soda beer wine punch".split(),
    "sport": "football tennis hockey rugby golf boxing judo cricket rowing skiing polo cycling".split(),
    "metal": "iron copper gold silver tin lead zinc nickel steel bronze aluminium titanium".split(),
    "job": "teacher nurse baker pilot plumber lawyer farmer waiter painter tailor judge dentist".split(),
}
SYLLABLES = (
    "ba bel bor cal cam dar del dor en far fen gal gor hal in jor ka kel lan lor ma mir nal nor ol "
    "per quin ra ren sal sor ta tel tor ul va vel vin wor xan yel zan zor mun pli stra cro fli"
).split()


@dataclass(frozen=True)
class Topic:
    """A subject with the words that belong to it."""

    name: str
    things: tuple[str, ...]
    actions: tuple[str, ...]
    qualities: tuple[str, ...]


def load_topics() -> list[Topic]:
    """Read ``topics.txt``."""
    topics = []
    for line in Path(__file__).with_name("topics.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, words = line.split(":")
            groups = [tuple(w.replace("-", " ") for w in g.split()) for g in words.split(";")]
            topics.append(Topic(name.strip(), *groups))
    return topics


QUESTIONS = """
How do I {v} the {n}?
How can I {v} a {n} at home?
What is the best way to {v} a {n}?
Can you explain what a {n} is?
What does the {n} do?
Tell me about {t}.
Tell me something about the {n}.
Write a short text about {t}.
Write a few sentences about a {a} {n}.
Why is the {n} so {a}?
Why do people {v} the {n}?
What should I know about {n} and {n2}?
I want to learn more about {t}. Where do I start?
Give me some tips on {t}.
I have a problem with my {n}. What can I do?
My {n} is too {a}. How do I fix it?
What is the difference between a {n} and a {n2}?
Explain {t} to a child.
Explain in simple terms how to {v} the {n}.
Which {n} should I choose?
Is it hard to {v} a {n}?
Do I need a {n} to {v} the {n2}?
What happens if you {v} the {n} too often?
Please describe a {a} {n}.
Could you help me with {t}?
Help me {v} my {n}, please.
I am new to {t}. What do I need?
What is a {n} used for?
When should I {v} the {n}?
Where can I find a {a} {n}?
How long does it take to {v} a {n}?
Summarise what matters most about {t}.
List a few ideas about {t}.
What makes a good {n}?
Should I {v} or {v2} the {n}?
My friend asked me about {n} and {n2}. What should I say?
Write a short story in which somebody has to {v} a {n}.
Write a message to a colleague about the {a} {n}.
What are the main parts of {t}?
How does the {n} affect the {n2}?
Are {p} better than {p2}?
What are {p} good for?
Is {g} the {n} a good idea?
What is the easiest way of {g} {p}?
""".strip().splitlines()

STATEMENTS = """
To {v} the {n}, start with the {n2} and then {v2} it.
A {a} {n} is better than a {a2} one.
First {v} the {n}, then {v2} the {n2}.
You need a {n}, a {n2} and some patience.
The {n} must be {a} before you {v} the {n2}.
If the {n} is not {a}, {v} it again.
Most people {v} the {n} with a {n2}.
The {n} and the {n2} belong together.
It is easier to {v} the {n} when the {n2} is {a}.
A {n} is used to {v} the {n2}.
Keep the {n} {a} and the {n2} {a2}.
Do not {v} the {n} while the {n2} is {a}.
The {n} makes the {n2} {a}.
With a {a} {n} you can {v} almost any {n2}.
Choose a {a} {n} and check the {n2} every day.
When the {n} is ready, {v} it and {v2} it slowly.
In {t}, the {n} is more important than the {n2}.
Put the {n} next to the {n2} and {v} both.
The {n} is usually {a}, but the {n2} is {a2}.
Beginners often {v} the {n} too early.
Ask someone who knows {t} to show you the {n}.
Without a {n}, the {n2} cannot stay {a}.
Try to {v} the {n} for ten minutes, then look at the {n2}.
There are two kinds of {n}: the {a} kind and the {a2} kind.
A good {n} should be {a}, {a2} and easy to {v}.
{N} and {n2} are the basis of {t}.
{N} helps because it can {v} the {n2}.
{V} the {n} gently until it looks {a}.
{V} and {v2} the {n} once a week.
People who like {t} {v} the {n} and enjoy the {n2}.
One {n} is enough to {v} a {a} {n2}.
Because the {n} is {a}, we {v} it with care.
Her {n} was {a}, so she had to {v} the {n2}.
He wanted to {v} the {n}, but the {n2} was too {a}.
They found a {a} {n} behind the {n2}.
After that, {v} the {n2} and leave the {n} alone.
The last step is to {v} the {n} with your {n2}.
Buy a {n} that is {a} enough for your {n2}.
Old {n}s are often {a}, and new ones are {a2}.
You can {v} a {n} without any {n2}.
If you {v} too much, the {n} will not be {a}.
Look at the {n} closely: a {a} {n2} is a good sign.
I would {v} the {n} first and worry about the {n2} later.
Every {n} has a {n2}, and most are {a}.
The {a} {n} comes from the {n2}.
Between the {n} and the {n2} there is a {a} {n3}.
Some say the {n} is {a}; others say it is {a2}.
Learn to {v} before you {v2}, and keep your {n} close.
{P} and {p2} go well together.
{G} the {n} takes time, so be {a}.
Good {p} are {a} and {a2}.
{G} and {g2} are the main skills in {t}.
Many {p} have a {a} {n2}.
Before {g} the {n}, make sure that the {n2} is {a}.
The best {p} are {a}; the worst {p2} are {a2}.
After {g} the {n}, they put the {p2} away.
""".strip().splitlines()


def plural(noun: str) -> str:
    """The regular plural; for this data it need not know the irregular ones."""
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2:-1] not in "aeou":
        return noun[:-1] + "ies"
    return noun + "s"


def gerund(verb: str) -> str:
    """The -ing form of a regular verb."""
    return (verb[:-1] if verb.endswith("e") and not verb.endswith("ee") else verb) + "ing"


def fill(frame: str, topic: Topic, rng: random.Random, focus: tuple[str, ...] = ()) -> str:
    """Fill a sentence frame with words of ``topic``, the ``focus`` words first."""
    rest = [word for word in topic.things if word not in focus]
    nouns = [*focus, *rng.sample(rest, 3)]
    verbs = rng.sample(topic.actions, min(2, len(topic.actions)))
    qualities = rng.sample(topic.qualities, 2)
    text = frame.format(
        t=topic.name, n=nouns[0], n2=nouns[1], n3=nouns[2], N=nouns[0].capitalize(),
        p=plural(nouns[0]), p2=plural(nouns[1]), P=plural(nouns[0]).capitalize(),
        v=verbs[0], v2=verbs[-1], V=verbs[0].capitalize(), a=qualities[0], a2=qualities[1],
        g=gerund(verbs[0]), g2=gerund(verbs[-1]), G=gerund(verbs[0]).capitalize(),
    )  # fmt: skip
    return re.sub(r"\b([aA]) (?=[aeio])", r"\1n ", text)


def statements(topic: Topic, rng: random.Random, count: int, focus: tuple[str, ...] = ()) -> list[str]:
    """``count`` different sentences about ``topic``; the first one takes up ``focus``, some others too."""
    frames = rng.sample(STATEMENTS, count)
    made = []
    for place, frame in enumerate(frames):
        taken = focus if place == 0 or rng.random() < 0.35 else ()
        made.append(fill(frame, topic, rng, tuple(rng.sample(taken, len(taken)))))
    return made


def invented_name(rng: random.Random) -> str:
    """A made-up word, so that matching prompt and answer cannot rest on known words."""
    return "".join(rng.sample(SYLLABLES, rng.choice((2, 2, 3)))).capitalize()
