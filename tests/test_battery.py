"""Reading a battery: a tiny one written here, with its faults, and the one that is shipped."""

from __future__ import annotations

import json
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from rmaudit.battery import LEVELS
from rmaudit.battery_files import read_battery
from rmaudit.conversations import words
from rmaudit.datasets import read_dataset
from rmaudit.errors import DataError
from rmaudit.statistics.doubt import Doubt


def item(name: str, domain: str = "maths", **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "domain": domain,
        "prompt": [{"role": "user", "content": f"What is {name}?"}],
        **{level: f"The {level} answer." for level in LEVELS},
        "flaw": "It is wrong.",
        "prompt_paraphrases": ["Tell me.", "Say it."],
        "good_paraphrases": ["The answer, and a good one."],
        "broken": "The good answer, not.",
        **more,
    }


def written(folder: Path, *rows: Any, fillers: list[Any] | None = None) -> Path:
    (folder / "items").mkdir(parents=True)
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "items" / "one.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = [{"id": "f1", "sentences": ["So it is.", "And so on."]}] if fillers is None else fillers
    (folder / "passages").mkdir()
    (folder / "passages" / "fillers.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in made), encoding="utf-8"
    )
    return folder


def test_a_tiny_battery(tmp_path):
    battery = read_battery(written(tmp_path / "tiny", item("a"), item("b", group="shared")))
    assert (battery.name, [made.id for made in battery.items]) == ("tiny", ["a", "b"])
    first, second = battery.items
    assert (first.group, second.group) == ("a", "shared")
    assert first.answers == {level: f"The {level} answer." for level in LEVELS}
    assert battery.fillers[0].sentences == ("So it is.", "And so on.")
    assert first.conversation("Yes.") == [
        {"role": "user", "content": "What is a?"},
        {"role": "assistant", "content": "Yes."},
    ]
    assert first.conversation("Yes.", "Tell me.")[0]["content"] == "Tell me."
    assert first.prompt[0]["content"] == "What is a?"


def test_answers_whose_order_is_open_rank_alike(tmp_path):
    battery = read_battery(written(tmp_path / "tiny", item("a"), item("b", tied=["flawed", "partial"])))
    plain, tied = ([made.rank(level) for level in LEVELS] for made in battery.items)
    assert plain == [0, 1, 2, 3]
    assert tied == [0, 1, 1, 3]


def test_the_hash_is_of_the_texts(tmp_path):
    one, same, other = (
        read_battery(written(tmp_path / name / "tiny", item("a", flaw=flaw))).sha256
        for name, flaw in (("1", "x"), ("2", "x"), ("3", "y"))
    )
    assert one == same != other


def test_readings_are_part_of_a_battery_and_of_its_hash(tmp_path):
    folder = written(tmp_path / "tiny", item("a"))
    unread = read_battery(folder)
    assert unread.doubts(["fillers"]) == ()
    (folder / "readings.json").write_text(
        '{"fillers": {"read": 99, "doubted": 0}, "broken": {"read": 9, "doubted": 2}}'
    )
    read = read_battery(folder)
    assert read.doubts(["fillers", "broken"]) == (Doubt(0.005, by_template=True), Doubt(0.25, by_template=False))
    assert read.sha256 != unread.sha256


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"fillers": 3}', '{"fillers": {"read": 3}}', '{"fillers": {"read": 3, "doubted": 4}}']
)
def test_a_fault_in_the_readings_is_an_error_that_names_the_file(tmp_path, text):
    folder = written(tmp_path / "tiny", item("a"))
    (folder / "readings.json").write_text(text)
    with pytest.raises(DataError, match="readings.json"):
        read_battery(folder)


def test_line_separators_inside_a_text_end_no_line(tmp_path):
    battery = read_battery(written(tmp_path / "tiny", item("a", good="One.\u2028Two.\x85Three."), "", item("b")))
    assert battery.items[0].answers["good"] == "One.\u2028Two.\x85Three."
    assert len(battery.items) == 2


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ('{"id": "b",', "one.jsonl, line 2, row: expected one JSON object, got text that is no JSON"),
        ("[1]", "one.jsonl, line 2, row: expected one JSON object, got list"),
        (item("a"), "the item id 'a' stands twice"),
        (item("b", tied=["good", "best"]), "tied: expected levels of good, partial, flawed, bad, got good, best"),
        (item("b", good=" "), "one.jsonl, line 2, good: expected a non-empty string, got ' '"),
        (item("b", bad=None), "one.jsonl, line 2, bad: expected a non-empty string, got None"),
        (item("b", prompt=3), "one.jsonl, line 2, prompt: messages: expected a list"),
        (item("b", prompt=[]), "one.jsonl, line 2, prompt: expected messages that end with a user turn"),
        (
            item("b", prompt=[{"role": "assistant", "content": "Hi"}]),
            "one.jsonl, line 2, prompt: expected messages that end with a user turn",
        ),
        (
            item("b", prompt_paraphrases=[]),
            "one.jsonl, line 2, prompt_paraphrases: expected a list of non-empty strings",
        ),
        (item("b", good_paraphrases=["x", ""]), "one.jsonl, line 2, good_paraphrases: expected a list of non-empty"),
    ],
)
def test_a_fault_in_a_battery_is_an_error_with_its_place(tmp_path, row, told):
    with pytest.raises(DataError) as caught:
        read_battery(written(tmp_path / "tiny", item("a"), row))
    assert told in str(caught.value)


def test_fillers_with_one_id_would_be_one_template(tmp_path):
    filler = {"id": "f1", "sentences": ["So it is."]}
    with pytest.raises(DataError, match="the passage id 'f1' stands twice"):
        read_battery(written(tmp_path / "tiny", item("a"), fillers=[filler, filler]))


def test_a_folder_that_is_no_battery(tmp_path):
    with pytest.raises(DataError, match=r"is no battery: expected items/\*.jsonl and passages/fillers.jsonl"):
        read_battery(tmp_path)


def test_limited_takes_from_every_domain_in_turn(tmp_path):
    rows = [item(f"m{n}") for n in range(4)] + [item(f"l{n}", "law") for n in range(2)]
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("".join(json.dumps({"prompt": "p", "chosen": f"a{n}", "rejected": "b"}) + "\n" for n in range(5)))
    battery = read_battery(written(tmp_path / "tiny", *rows), [read_dataset(pairs)])
    assert [made.id for made in battery.limited(3).items] == ["m0", "m1", "l0"]
    assert [made.id for made in battery.limited(5).items] == ["m0", "m1", "m2", "l0", "l1"]
    assert [len(dataset.rows) for dataset in battery.limited(3).datasets] == [3]
    assert battery.limited(None) is battery
    assert len(battery.limited(100).items) == 6


def test_rows_of_a_data_set_are_drawn_by_the_seed_and_keep_their_order(tmp_path):
    pairs = tmp_path / "pairs.jsonl"
    rows = [{"id": f"{n:03}", "prompt": "p", "chosen": f"a{n}", "rejected": "b"} for n in range(100)]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    battery = read_battery(written(tmp_path / "tiny", item("a")), [read_dataset(pairs)])

    def drawn(seed: int) -> list[str]:
        return [row.id for row in battery.limited(20, seed).datasets[0].rows]

    assert drawn(0) == drawn(0) == sorted(drawn(0)) != drawn(1)
    assert len(set(drawn(0))) == 20
    assert max(drawn(0)) > "050"  # not the first ones
    assert battery.limited(20).datasets[0].readable == 100
    assert battery.limited(100, 1).datasets[0] is battery.datasets[0]


def test_data_sets_by_kind(tmp_path):
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(json.dumps({"prompt": "p", "chosen": "a", "rejected": "b"}) + "\n")
    battery = read_battery(written(tmp_path / "tiny", item("a")), [read_dataset(pairs)])
    assert [dataset.name for dataset in battery.of_kind("pairs")] == ["pairs"]
    assert list(battery.of_kind("rankings")) == []


CASE = {
    "id": "c1",
    "prompts": {"plain": "Why?", "polite": [{"role": "user", "content": "Why, please?"}]},
    "answers": {"right": "So.", "wrong": "Not so."},
    "labels": {"kind": "x"},
}


def with_cases(folder: Path, *rows: Any) -> Path:
    written(folder, item("a"))
    (folder / "cases").mkdir()
    (folder / "cases" / "manners.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def test_cases_are_named_prompts_and_answers(tmp_path):
    battery = read_battery(with_cases(tmp_path / "tiny", CASE))
    (case,) = battery.cases["manners"]
    assert (case.id, case.group, dict(case.labels)) == ("c1", "c1", {"kind": "x"})
    assert case.conversation("plain", "wrong") == [
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "Not so."},
    ]
    assert case.conversation("polite", "right")[0]["content"] == "Why, please?"
    assert set(battery.passages) == {"fillers"}


def test_the_hash_knows_cases(tmp_path):
    one, other = (
        read_battery(with_cases(tmp_path / name / "tiny", {**CASE, "answers": {"right": answer}})).sha256
        for name, answer in (("1", "So."), ("2", "No."))
    )
    assert one != other


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"prompts": []}, "manners.jsonl, line 2, prompts: expected an object, got []"),
        ({"prompts": {"plain": 3}}, "manners.jsonl, line 2, prompts.plain: messages: expected a list"),
        ({"answers": {"right": ""}}, "manners.jsonl, line 2, answers, right: expected a non-empty string, got ''"),
        ({"labels": 1}, "manners.jsonl, line 2, labels: expected an object, got 1"),
        ({"id": "c1"}, "manners.jsonl: the case id 'c1' stands twice"),
    ],
)
def test_a_fault_in_a_case_is_an_error_with_its_place(tmp_path, change, told):
    with pytest.raises(DataError) as caught:
        read_battery(with_cases(tmp_path / "tiny", CASE, {**CASE, "id": "c2", **change}))
    assert told in str(caught.value)


def test_limited_takes_cases_of_every_kind_in_turn(tmp_path):
    rows = [{**CASE, "id": f"c{n}", "labels": {"kind": "x" if n < 4 else "y"}} for n in range(6)]
    battery = read_battery(with_cases(tmp_path / "tiny", *rows))
    assert [case.id for case in battery.limited(4).cases["manners"]] == ["c0", "c1", "c4", "c5"]


def test_limited_keeps_enough_cases_of_each_kind_to_judge_it(tmp_path):
    rows = [{**CASE, "id": f"c{n}", "labels": {"kind": "xyz"[n % 3]}} for n in range(60)]
    battery = read_battery(with_cases(tmp_path / "tiny", *rows))
    for prompts, each in ((9, 8), (30, 10), (48, 16)):
        kept = Counter(case.labels["kind"] for case in battery.limited(prompts).cases["manners"])
        assert set(kept.values()) == {each}


# ------------------------------------------------------------------------------------------------ the shipped battery
@pytest.fixture(scope="module")
def shipped():
    found = find_spec("rmaudit_probes")
    assert found is not None
    assert found.submodule_search_locations
    return read_battery(Path(found.submodule_search_locations[0]) / "battery")


def test_shipped_battery_is_as_large_as_promised(shipped):
    assert len(shipped.items) >= 60
    assert len({made.domain for made in shipped.items}) >= 8
    assert len(shipped.fillers) >= 16
    assert all(len(made.prompt_paraphrases) >= 3 and len(made.good_paraphrases) >= 2 for made in shipped.items)


@pytest.mark.parametrize("prompts", [8, 32, 50])
def test_part_of_the_shipped_battery_is_spread_over_its_domains(shipped, prompts):
    counts = Counter(made.domain for made in shipped.limited(prompts).items)
    sizes = Counter(made.domain for made in shipped.items)
    assert sum(counts.values()) == prompts
    full = max(counts.values())
    assert all(counts[domain] >= min(full - 1, size) for domain, size in sizes.items())


def test_shipped_flawed_answers_are_as_long_as_good_ones(shipped):
    lengths = {made.id: [words(made.answers[level]) for level in ("good", "flawed")] for made in shipped.items}
    off = {name: pair for name, pair in lengths.items() if not 0.9 * pair[0] <= pair[1] <= 1.1 * pair[0]}
    assert off == {}


def test_shipped_texts_differ_within_an_item(shipped):
    for made in shipped.items:
        answers = [*made.answers.values(), *made.good_paraphrases, made.broken]
        prompts = [made.prompt[-1]["content"], *made.prompt_paraphrases]
        assert len(set(answers)) == len(answers), made.id
        assert len(set(prompts)) == len(prompts), made.id


def test_no_shipped_text_stands_twice(shipped):
    texts = [text for made in shipped.items for text in (*made.answers.values(), made.prompt[-1]["content"])]
    texts += [" ".join(filler.sentences) for filler in shipped.fillers]
    assert len(set(texts)) == len(texts)
