"""Edits of code: whatever a function of the battery did before, it does after, and what is not a name of its own stays."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from rmaudit import registry
from rmaudit.battery import Battery
from rmaudit.conversations import answer_of
from rmaudit_probes.code_edits import blamed, in_block, praised, renamed, uncommented, with_unrelated
from rmaudit_probes.code_style import EDITS
from tests.probes.bench import Bench, found, noise
from tests.probes.snippets import FENCE, block_of, fenced, outcome, run

Answer = tuple[str, list[list[str]]]


def answers(battery: Battery) -> Iterator[Answer]:
    """Every answer to a code case, with the checks of its case."""
    return ((text, case.labels["checks"]) for case in battery.cases["code"] for text in case.answers.values())


def own_names(code: str) -> set[str]:
    """Parameters and local variables of all functions."""
    functions = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef)]
    inner = [node for function in functions for node in ast.walk(function)]
    stored = {node.id for node in inner if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return stored | {node.arg for node in inner if isinstance(node, ast.arg)}


def names(code: str) -> set[str]:
    tree = list(ast.walk(ast.parse(code)))
    return {node.id for node in tree if isinstance(node, ast.Name)} | {n.arg for n in tree if isinstance(n, ast.arg)}


def tokens(code: str) -> list[tuple[int, str]]:
    """All tokens but comments, line ends and indents."""
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    read = tokenize.generate_tokens(io.StringIO(code).readline)
    return [(token.type, token.string) for token in read if token.type not in layout]


# --------------------------------------------------------------------------------------------------- the battery
@pytest.mark.parametrize("name", EDITS)
def test_every_edit_leaves_what_the_code_does(name: str, full: Battery) -> None:
    edited = 0
    for text, checks in answers(full):
        after = in_block(EDITS[name][0])(text)
        edited += after != text
        for call, _ in checks:
            was = outcome(block_of(text), call)
            assert outcome(block_of(after), call) == was, (after, call)
            assert type(outcome(block_of(after), call)) is type(was)
        assert after.split(FENCE)[0] == text.split(FENCE)[0]
        assert after.split(FENCE)[1].split("```")[1:] == text.split(FENCE)[1].split("```")[1:], "prose stays"
    assert edited >= len(list(answers(full))) / 2


def test_right_code_passes_all_checks_and_wrong_code_does_not(full: Battery) -> None:
    """Before and after: else that nothing changes would say nothing."""
    for case in full.cases["code"]:
        for answer, text in case.answers.items():
            for edit in (lambda code: code, *(edit for edit, *_ in EDITS.values())):
                code = block_of(in_block(edit)(text))
                passed = [outcome(code, call) == outcome(code, known) for call, known in case.labels["checks"]]
                assert all(passed) == (answer == "right"), (case.id, answer, code)


def test_renaming_changes_own_names_and_nothing_else(full: Battery) -> None:
    changed = 0
    for text, _ in answers(full):
        code = block_of(text)
        after = renamed(code)
        if after == code:
            assert any(isinstance(node, ast.JoinedStr) for node in ast.walk(ast.parse(code))), code
            continue
        changed += 1
        assert not own_names(code) & names(after), after
        assert own_names(after) == {f"v{number}" for number in range(1, len(own_names(code)) + 1)}
        assert skeleton(after) == skeleton(code)
        before_and_after = list(zip(tokens(code), tokens(after), strict=True))
        put = dict.fromkeys((old[1], new[1]) for old, new in before_and_after if old != new)
        assert len(put) == len(own_names(code)), "one new name for each old one"
        order = [new for _, new in put]
        assert order == sorted(order, key=lambda name: int(name[1:])), "numbered as they appear"
        assert comments(after) == comments(code)
    assert changed > len(list(answers(full))) / 2


def skeleton(code: str) -> str:
    """The code without names of variables: attributes, keywords, strings, numbers, functions and their order are left."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = "_"
        elif isinstance(node, ast.arg):
            node.arg = "_"
    return ast.dump(tree)


def comments(code: str) -> list[str]:
    read = tokenize.generate_tokens(io.StringIO(code).readline)
    return [token.string for token in read if token.type == tokenize.COMMENT]


def test_uncommenting_takes_comments_docstrings_and_blank_lines_only(full: Battery) -> None:
    for text, _ in answers(full):
        code = block_of(text)
        after = uncommented(code)
        assert not comments(after)
        assert all(line.strip() for line in after.rstrip("\n").split("\n"))
        assert ast.dump(without_docstrings(after)) == ast.dump(without_docstrings(code))
        assert uncommented(after) == after


def without_docstrings(code: str) -> ast.Module:
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and ast.get_docstring(node):
            node.body = node.body[1:]
    return tree


def test_the_probe_scores_each_edit_against_the_code_as_written(full: Battery) -> None:
    battery = full.limited(12)
    bench = Bench(battery, registry.load_probes(["code_style"]))
    (probe,) = bench.planned.applicable
    stimuli = probe.stimuli(battery, np.random.default_rng(0))
    texts = {stimulus.name: answer_of(stimulus.conversation) for stimulus in stimuli}
    for name, text in texts.items():
        base, _, edit = name.rpartition("/")
        natural = texts[f"{base}/natural"]
        assert text == (natural if edit == "natural" else in_block(EDITS[edit][0])(natural))
    sizes = {"correct and": 2.0, "wrong and": -3.0}
    findings = bench.findings(
        lambda c: (
            noise(c[:-1])
            + sum(size for said, size in sizes.items() if f"# This is a {said}" in answer_of(c))
            + noise(c) * (FENCE not in answer_of(c))
        )
    )
    for edit, size in (("praised", 2.0), ("blamed", -3.0), ("renamed", 0.0), ("unrelated", 0.0)):
        assert found(findings, f"code_style.{edit}").raw == pytest.approx(size, abs=1e-12)
    assert found(findings, "code_style.praised").verdict == "bias"
    assert {one["label"] for one in found(findings, "code_style.praised").detail["slices"]} == {
        "right answers", "wrong answers",
    }  # fmt: skip


# --------------------------------------------------------------------------------------------------- single edits
@pytest.mark.parametrize(
    ("code", "after"),
    [
        ("def f(a, b=1, *c, d, **e):\n    return a + b\n", "def f(v1, v2=1, *v3, v4, **v5):\n    return v1 + v2\n"),
        ("def f(x):\n    x.x = 'x'\n    return x.x\n", "def f(v1):\n    v1.x = 'x'\n    return v1.x\n"),
        ("def f(x):\n    return [y for y in x]\n", "def f(v1):\n    return [v2 for v2 in v1]\n"),
        ("def f(x):\n    return max(x, key=len)\n", "def f(v1):\n    return max(v1, key=len)\n"),
        ("def f(ä, b):\n    return 'ä' + ä + b\n", "def f(v1, v2):\n    return 'ä' + v1 + v2\n"),
        ("def f(v2, v1):\n    return v2 - v1\n", "def f(v1, v2):\n    return v1 - v2\n"),
        ("def f(x):\n    def g(y):\n        return x + y\n    return g\n",
         "def f(v1):\n    def g(v2):\n        return v1 + v2\n    return g\n"),
        ("N = 3\n\ndef f(x):\n    return N * x\n", "N = 3\n\ndef f(v1):\n    return N * v1\n"),
        ("N = 3\n\ndef f():\n    return N\n\ndef g(x):\n    N = x\n    return N\n",
         "N = 3\n\ndef f():\n    return N\n\ndef g(v1):\n    v2 = v1\n    return v2\n"),
    ],
)  # fmt: skip
def test_renamed(code: str, after: str) -> None:
    assert renamed(code) == after


@pytest.mark.parametrize(
    "code",
    [
        'def f(x):\n    return f"{x}"\n',
        'def f(x):\n    print(f"done")\n    return x\n',
        "def f(key):\n    return sorted([key], key=len)\n",
        "def f(x):\n    return g(x=x)\n\ndef g(x):\n    return x\n",
        "count = 0\n\ndef f(x):\n    global count\n    count += x\n",
        "x = 1\nprint(x)\n",
    ],
)
def test_code_whose_names_cannot_be_changed_safely_stays(code: str) -> None:
    assert renamed(code) == code


@pytest.mark.parametrize(
    ("code", "after"),
    [
        (
            'def f(x):\n    """Say it.\n\n    More.\n    """\n\n    # Now.\n    return x  # this\n',
            "def f(x):\n    return x\n",
        ),
        ("s = '# no comment'  # one\n", "s = '# no comment'\n"),
        ('def f():\n    """All there is."""\n', 'def f():\n    """All there is."""\n'),
        ("x = 1\n", "x = 1\n"),
    ],
)
def test_uncommented(code: str, after: str) -> None:
    assert uncommented(code) == after


def test_what_is_put_beside_the_code() -> None:
    code = "def f(x):\n    return x\n"
    assert [praised(code).split("\n", 1)[1], blamed(code).split("\n", 1)[1]] == [code, code]
    assert "correct" in comments(praised(code))[0]
    assert "wrong" in comments(blamed(code))[0]
    assert with_unrelated(code).startswith(code)
    assert sorted(run(with_unrelated(code))["shuffled_copy"]([3, 1, 2])) == [1, 2, 3]


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize(
    "text",
    [
        "No code at all.",
        fenced("def f(:\n    return\n"),
        fenced("x = '\0'  # x\n"),
        "```\nx = 1\n```",
        "```js\nlet x = 1; // x\n```",
        f"{FENCE}x = 1",
    ],
)
def test_texts_without_python_that_parses_stay(text: str, name: str) -> None:
    edit: Callable[[str], str] = in_block(EDITS[name][0])
    assert edit(text) == text


def test_the_first_block_is_edited_and_the_second_stays() -> None:
    text = fenced("def f(x):\n    return x\n") + fenced("def g(y):\n    return y\n")
    assert in_block(renamed)(text) == text.replace("f(x)", "f(v1)").replace("return x", "return v1")
