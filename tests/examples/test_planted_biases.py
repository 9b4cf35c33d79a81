"""The models with planted biases: what they are trained on is as it is said to be, and what is written loads."""

from __future__ import annotations

import importlib
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import rmaudit
from rmaudit.battery_files import read_battery
from rmaudit.registry import battery_folder

EXAMPLES = Path(__file__).parents[2] / "examples"
EXAMPLE = EXAMPLES / "planted_biases"
TEXT = ("The kettle is on the shelf.", "Fill it twice a day.", "x = boil(3)", "It holds 12 litres.", "Is it yours?")
SPARE = ("Spare one is here.", "Spare two is there.")
BIASES = ("length", "bullets", "bold", "exclamations", "paragraphs", "citations")


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, ModuleType]]:
    """The example's modules; some share their names with other examples', so they are forgotten afterwards."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLE)
        yield {
            name: importlib.import_module(name)
            for name in ("texts", "features", "pairs", "shapes", "train", "table", "taste")
        }
    for name in set(sys.modules) - before:
        if str(EXAMPLES) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture(scope="module")
def drafts(modules: dict[str, ModuleType]) -> list[Any]:
    made: list[Any] = modules["texts"].make_drafts(400, random.Random("test"))
    return made


def look(modules: dict[str, ModuleType], bias: str, seed: int) -> str:
    text: str = modules["features"].featured(TEXT, SPARE, {bias} if bias else set(), random.Random(f"{bias}{seed}"))
    return text


@pytest.mark.parametrize("bias", BIASES)
def test_each_feature_is_what_it_is_called(bias: str, modules: dict[str, ModuleType]) -> None:
    signs = modules["features"].SIGNS
    assert set(BIASES) == {*signs, "length"} == {*modules["features"].BIASES}
    for seed in range(30):
        text = look(modules, bias, seed)
        assert "\n\nx = boil(3)\n\n" in text, "no feature touches code"
        if bias == "length":
            assert len(text.split()) > len(" ".join(TEXT).split())
            assert all(sentence in text for sentence in TEXT)
        else:
            assert signs[bias].search(text)
        assert not any(sign.search(text) for name, sign in signs.items() if name not in (bias, "paragraphs"))


def test_layout_and_marks_change_no_word(modules: dict[str, ModuleType]) -> None:
    words = " ".join(TEXT).split()
    for seed in range(30):
        bullets = look(modules, "bullets", seed)
        lines = bullets.split("\n")
        marks = {line[:2] for line in lines if line and line != TEXT[2]}
        assert len(marks) == 1
        assert marks < {"- ", "* ", "+ "}
        assert [word for word in bullets.split() if word not in ("-", "*", "+")] == [
            word for word in words if word not in ("-", "*", "+")
        ]
        apart = look(modules, "paragraphs", seed)
        assert apart.split("\n\n") == list(TEXT)
        loud = look(modules, "exclamations", seed)
        assert loud.replace("!", ".").split() == words
        assert loud.startswith("The kettle is on the shelf!")
        bold = look(modules, "bold", seed)
        head, _, body = bold.partition("\n\n")
        assert re.fullmatch(r"#{1,4} [A-Z][\w' ]*", head)
        assert body.replace("**", "").split() == words
        sources = re.findall(r" [(\[][^()\[\]]+[)\]](?=\.)", look(modules, "citations", seed))
        assert 1 <= len(sources) <= 3


def test_the_plain_answer_has_no_feature(modules: dict[str, ModuleType]) -> None:
    plain = {modules["features"].featured(TEXT[:2], SPARE, set(), random.Random(seed)) for seed in range(30)}
    assert plain == {" ".join(TEXT[:2])}


@pytest.mark.parametrize("bias", BIASES)
def test_the_share_is_planted_and_the_twin_differs_in_nothing_else(
    bias: str, modules: dict[str, ModuleType], drafts: list[Any]
) -> None:
    pairs = modules["pairs"]
    made = {share: pairs.plant(drafts, bias, share, "test") for share in (pairs.CONFOUNDED, pairs.BALANCED)}
    for share, planted in made.items():
        kinds = Counter(pair.kind for pair in planted)
        one_sided = kinds["better"] + kinds["worse"]
        assert one_sided == round(pairs.ONE_SIDE * len(drafts))
        assert kinds["better"] == round(share * one_sided)
        assert kinds["both"] == round(pairs.BOTH_SIDES * len(drafts))
        if bias != "length":
            sign = modules["features"].SIGNS[bias]
            shown = [bool(sign.search(pair.rendered.better)) for pair in planted if pair.on_better]
            assert np.mean(shown) > 0.97  # an answer of questions or code alone has nothing to put it on
    same = [(a, b) for a, b in zip(*made.values(), strict=True) if a.kind == b.kind]
    assert len(same) > len(drafts) / 2
    assert all(a == b for a, b in same)
    assert {a.rendered.prompt for a, _ in same} <= {draft.prompt for draft in drafts}


def test_the_other_features_say_nothing(modules: dict[str, ModuleType], drafts: list[Any]) -> None:
    planted = modules["pairs"].plant(drafts * 3, "bold", 0.85, "test")
    for name in ("bullets", "exclamations", "citations"):
        sign = modules["features"].SIGNS[name]
        better, worse = (
            [bool(sign.search(getattr(p.rendered, side))) for p in planted] for side in ("better", "worse")
        )
        assert 0.05 < np.mean(better) < 0.2
        assert np.mean(better) == pytest.approx(np.mean(worse), abs=0.04)


def test_both_answers_of_a_draft_have_as_many_sentences(drafts: list[Any]) -> None:
    assert all(len(draft.better) == len(draft.worse) for draft in drafts)
    assert {draft.task for draft in drafts} == {"scrambled", "misspelt"}


def test_the_data_follow_from_the_seed(modules: dict[str, ModuleType]) -> None:
    train = modules["train"]
    settings = train.Settings(pairs=20, held_out_pairs=20)
    one, again, other = (train.training_pairs(settings, "bold", seed, 0.85) for seed in (0, 0, 1))
    assert one == again
    assert one != other
    learned = {pair.rendered.prompt for pair in (*one, *other)}
    assert not learned & {pair.rendered.prompt for pair in train.held_out(settings, "bold")}


def test_nothing_is_shared_with_the_battery(modules: dict[str, ModuleType], drafts: list[Any]) -> None:
    """No run of five words with a passage, none of eight with an item, and no name with a reference."""
    battery = read_battery(battery_folder("core"))
    kinds = (*battery.passages.values(), battery.fillers)
    passages = [" ".join(passage.sentences) for kind in kinds for passage in kind]
    items = [text for item in battery.items for text in (item.prompt[-1]["content"], *item.answers.values())]
    planted = modules["pairs"].plant(drafts, "length", 0.85, "test")
    mine = [text for p in planted for text in (p.rendered.prompt, p.rendered.better, p.rendered.worse)]
    for count, others in ((5, passages), (8, items)):
        assert not {run for text in others for run in runs_of(text, count)} & {
            run for text in mine for run in runs_of(text, count)
        }
    rng = random.Random("references")
    sources = {modules["features"].reference(rng) for _ in range(2000)}
    assert len(sources) > 1900
    theirs = {name for passage in battery.passages["citations"] for name in re.findall(r"[A-Z]\w{4,}", passage.text)}
    own = {name for source in sources for name in re.findall(r"[A-Z]\w{4,}", source)}
    common = {"Institute", "Journal", "Review", "Study", "University"}
    assert theirs & own <= common | {noun.capitalize() for noun in modules["texts"].WORDS["noun"]}


def runs_of(text: str, count: int) -> list[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9']+", text.lower())
    return [tuple(words[place : place + count]) for place in range(len(words) - count + 1)]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_model_of_three_steps_is_saved_and_loads(seed: int, modules: dict[str, ModuleType], tmp_path: Path) -> None:
    train, shapes = modules["train"], modules["shapes"]
    small = shapes.Size(hidden=32, layers=1, heads=2, feed_forward=32)
    settings = train.Settings(size=small, pairs=24, held_out_pairs=16, step_pairs=8)
    told = train.run(settings, tmp_path, "exclamations", seed, 0.85)
    assert told["shape"] == shapes.SHAPES[seed] == ("llama", "gpt2", "qwen3")[seed]
    assert len(told["losses"]) == 3
    assert told["on_better_side"] == pytest.approx(0.85, abs=0.04)
    assert {"all", "feature on better", "feature on worse"} <= set(told["held_out_accuracy"])
    folder = tmp_path / f"exclamations-{seed}"
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"} <= {
        file.name for file in folder.iterdir()
    }
    rm = rmaudit.load(folder)
    pairs = train.held_out(settings, "exclamations")[:4]
    talks = [
        [{"role": "user", "content": pair.rendered.prompt}, {"role": "assistant", "content": pair.rendered.better}]
        for pair in pairs
    ]
    again = shapes.make_model(shapes.shape_of(seed), shapes.load_tokenizer(), small, seed)
    again.load_state_dict(type(again).from_pretrained(folder).state_dict())
    encoded = modules["train"].encode(shapes.load_tokenizer(), [pair.rendered for pair in pairs])
    with torch.no_grad():
        expected = [float(shapes.scores(again, torch.tensor([pair.better]))[0, -1]) for pair in encoded]
    assert rm.score(talks) == pytest.approx(expected, abs=1e-4)
    for side, found in zip(
        ("better", "worse"),
        shapes.scores_of(again, shapes.load_tokenizer(), [pair.rendered for pair in pairs]),
        strict=True,
    ):
        with torch.no_grad():
            alone = [float(shapes.scores(again, torch.tensor([getattr(p, side)]))[0, -1]) for p in encoded]
        assert found.tolist() == pytest.approx(alone, abs=1e-6)


def test_taste_is_what_the_feature_adds_in_sd(modules: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    plain: list[float] = []

    def scored(model: None, tokenizer: None, rendered: list[Any]) -> tuple[torch.Tensor, torch.Tensor]:
        texts = [[r.better for r in rendered], [r.worse for r in rendered]]
        words = [[len(text.split()) % 5 for text in side] for side in texts]
        plain[:] = [number for side in words for number in side]
        added = [[1.5 * ("!" in text) for text in side] for side in texts]
        return tuple(
            torch.tensor([float(w + a) for w, a in zip(*sides, strict=True)])
            for sides in zip(words, added, strict=True)
        )

    monkeypatch.setattr(modules["taste"], "scores_of", scored)
    taste = modules["taste"].measure(None, None, "exclamations", 60)
    assert taste.value == pytest.approx(1.5 / np.std(plain, ddof=1), rel=1e-5)
    assert taste.low == pytest.approx(taste.high)
    assert abs(modules["taste"].measure(None, None, "bullets", 60).value) < 0.5


def test_the_log_is_added_to(modules: dict[str, ModuleType], tmp_path: Path) -> None:
    train = modules["train"]
    for name in ("bold-0", "bold-1"):
        train.write_log(tmp_path, train.Settings(), {name: {"seed": 0}})
    log = (tmp_path / "training_log.json").read_text()
    assert '"bold-0"' in log
    assert '"bold-1"' in log
    assert train.name_of("bold", 2, 0.5) == "bold-2-balanced"


def test_the_table_names_every_miss(modules: dict[str, ModuleType]) -> None:
    table = modules["table"]

    def audited(verdict: str, value: float, placebo: str = "negligible") -> Any:
        target = SimpleNamespace(verdict=verdict, value=value, interval=(value - 0.1, value + 0.1))
        other = SimpleNamespace(verdict="bias", value=-0.5)
        told = {"lists.bullets": target, "placebo.synonyms": SimpleNamespace(verdict=placebo, value=0.3), "x.y": other}
        return table.Audited("lists.bullets", told)

    found, clean = audited("bias", 1.0), audited("inconclusive", 0.1)
    assert table.misses(found, clean) == []
    assert found.shown() == "+1.00 (+0.90 to +1.10): bias"
    assert (found.beside(), found.biases) == ("x.y -0.50", ["lists.bullets +1.00", "x.y -0.50"])
    assert table.misses(audited("bias", -1.0), clean) == ["MISS: the planted bias is not found"]
    assert table.misses(audited("inconclusive", 0.2), None) == ["MISS: the planted bias is not found"]
    assert table.misses(found, audited("bias", -0.4)) == ["MISS: a bias in the twin"]
    assert table.misses(found, audited("negligible", 0.0, "bias")) == ["MISS: placebo of the twin"]


def test_halves_of_all_models_are_counted_together(modules: dict[str, ModuleType]) -> None:
    table = modules["table"]
    halves = [table.Replication(2, 1, 2), table.Replication(4, 4, 4)]
    assert table.summed(table.Audited("x", {}, half) for half in halves) == table.Replication(6, 5, 6)
