"""Edits of code whose names or rows are not what they look like: it does what it did, or stays as it is."""

from __future__ import annotations

import pytest

from rmaudit_probes.code_edits import in_block, renamed, uncommented
from rmaudit_probes.code_style import EDITS
from tests.probes.snippets import block_of, fenced, outcome, run

SCOPES = {
    "a builtin in a function, a parameter in another inside it": """
def f(x):
    def longest(max):
        return max
    return max(x, longest(4))
""",
    "a builtin, and a comprehension's own": """
def f(x):
    return len([len for len in range(x)])
""",
    "what a comprehension goes through first": """
x = 3

def f(n):
    return [x for x in range(x)] + [n]
""",
    "a comprehension inside of one": """
def f(n):
    return [[m * n for m in range(n) if (last := m) < 3] for n in range(n)] + [last]
""",
    "a default from outside": """
x = 2

def f(n, x=x, *, then=lambda y, x=x: x + y):
    return then(n) * x
""",
    "an annotation from outside": """
size = int

def f(size: size) -> size:
    total: size = size
    return total
""",
    "a caught error": """
def f(x):
    error = x
    try:
        raise ValueError(error)
    except ValueError as error:
        return error.args[0]
""",
    "a name taken away with the caught error": """
def f(x):
    error = x
    try:
        raise ValueError
    except ValueError as error:
        pass
    return error
""",
    "captures": """
def f(x):
    rest, whole, items = 1, 2, [x, 5]
    match items:
        case [int() as whole, *rest]:
            return whole, rest
    return rest
""",
    "a capture of keys": """
def f(x):
    rest = {"a": x, "b": 2}
    match rest:
        case {"a": found, **rest}:
            return found, rest
""",
    "an import": """
def f(x):
    math = x
    import math
    return math.floor(x)
""",
    "an import under another name": """
def f(x):
    import math as floor
    from math import ceil as root
    floor, other = floor.floor(x), root(x)
    return floor + other
""",
    "an inner function, called by its name": """
def f(x):
    def step(step_size):
        return step_size + x
    step = step(1)
    return step
""",
    "an inner async function": """
def f(x):
    async def step(x, y):
        return x + y
    try:
        step(x, 1).send(None)
    except StopIteration as end:
        return end.value
""",
    "a deleted global": """
def f(x):
    y = x
    del y
    return y
""",
    "the new name, already a function's": """
def f(x):
    return v1(x)

def v1(n):
    return n + 1
""",
    "the new name, already a constant's": """
v2 = 5

def f(x):
    total = x + v2
    return total
""",
    "variables by their names": """
def f(x):
    return sorted(locals()) + [eval("x")]
""",
    "names in a table of keywords": """
def f(x):
    return g(**{"n": x})

def g(n):
    return n
""",
    "the attribute of an inner class": """
def f(x):
    class Box:
        size = x
    return Box.size
""",
    "a decorator that asks for names": """
def told(function):
    import inspect
    return lambda x: list(inspect.signature(function).parameters)

@told
def f(x):
    return x
""",
    "names of parameters": """
def f(x):
    return f.__code__.co_varnames
""",
    "a letter that Python takes for two": """
def f(x):
    \ufb01rst = x
    return first
""",
    "a line end of old": "def f(x):\r    return x\r",
    "rows in strings": '''
def f(x):
    text = """a # no comment

    b

"""  # a comment
    return text * x
''',
    "a docstring that shares its row": """
def f(x): "What it does."; return x  # a comment
""",
    "two docstrings": """
def f(x):
    'One.'
    'Two.'
    return x
""",
    "a docstring that is read": """
def f(x):
    'Say it.'
    return f.__doc__ * x
""",
    "a blank row behind a backslash": """
def f(x):
    y = x + 1 \\

    # a comment
    z = y \\
        # another

    return z
""",
    "a comment that ends in a backslash": """
def f(x):
    # C:\\

    return x
""",
    "an unrelated name": """
def shuffled_copy(x):
    return x

def f(x):
    return shuffled_copy(x)
""",
}
"""Code in which a name is not what its letters say, or a row is not what it looks like."""


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("what", SCOPES)
def test_code_does_what_it_did_whatever_its_scopes(what: str, edit: str) -> None:
    code = SCOPES[what]
    after = in_block(EDITS[edit][0])(fenced(code))
    assert outcome(block_of(after), "f(3)") == outcome(code, "f(3)"), after


@pytest.mark.parametrize(
    ("code", "after"),
    [
        ("def f(x):\n    def g(max):\n        return max\n    return max(x, g(4))\n",
         "def f(v1):\n    def g(v2):\n        return v2\n    return max(v1, g(4))\n"),
        ("def f(x):\n    return len([len for len in x])\n", "def f(v1):\n    return len([v2 for v2 in v1])\n"),
        ("def f(n, x=x):\n    return n + x\n", "def f(v1, v2=x):\n    return v1 + v2\n"),
        ("def f(x):\n    try:\n        y = 1 / x\n    except ZeroDivisionError as e:\n        y = e\n    return y\n",
         "def f(v1):\n    try:\n        v2 = 1 / v1\n    except ZeroDivisionError as e:\n        v2 = e\n    return v2\n"),
        ("def f(e):\n    try:\n        x = 1\n    except E as e:\n        x = e\n    return x\n",
         "def f(e):\n    try:\n        v1 = 1\n    except E as e:\n        v1 = e\n    return v1\n"),
        ("async def f(x):\n    return [y async for y in x]\n", "async def f(v1):\n    return [v2 async for v2 in v1]\n"),
    ],
)  # fmt: skip
def test_names_are_renamed_where_they_are_the_functions_own(code: str, after: str) -> None:
    assert renamed(code) == after


def test_rows_of_a_string_are_no_blank_rows() -> None:
    code = 'TEXT = """# no comment\n\n  # none\n"""  # one\n\n# two\nx = 1\n'
    assert uncommented(code) == 'TEXT = """# no comment\n\n  # none\n"""\nx = 1\n'
    assert run(uncommented(code))["TEXT"] == run(code)["TEXT"]


def test_a_fence_in_a_string_ends_no_block() -> None:
    """Else one half of the code would be renamed, and the other not."""
    text = fenced("def f(x):\n    y = x  # as in ```\n    return y\n")
    assert in_block(renamed)(text) == fenced("def f(v1):\n    v2 = v1  # as in ```\n    return v2\n")
