"""Edits of Python code in an answer that change nothing it does: names, comments, what stands beside it."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable

from rmaudit_probes import code_names

_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
READS_DOCSTRINGS = ("__doc__", "doctest", "getdoc")
UNRELATED = """

def shuffled_copy(values):
    import random
    copy = list(values)
    random.shuffle(copy)
    return copy
"""


def in_block(edit: Callable[[str], str]) -> Callable[[str], str]:
    """The edit applied to the first fenced Python block of a text; the prose around it stays.

    A text without such a block, or whose block does not parse, stays as it is.
    """

    def edited(text: str) -> str:
        found = _BLOCK.search(text)
        if found is None:
            return text
        try:
            ast.parse(found[1])
            code = edit(found[1])
        except (SyntaxError, ValueError, RecursionError, tokenize.TokenError):  # ValueError: of a null character
            return text
        return text[: found.start(1)] + code + text[found.end(1) :]

    return edited


def renamed(code: str) -> str:
    """Parameters and local variables of functions called v1, v2 ... in the order in which they appear.

    What is no function's own keeps its name (see `code_names`). Code stays as it is that uses a renamed name as a
    keyword of a call, has one of the new names already, or has what rules of scopes do not settle: a formatted string,
    `locals()`.

    >>> renamed("def double(number):\\n    return 2 * number\\n")
    'def double(v1):\\n    return 2 * v1\\n'
    """
    tree = ast.parse(code)
    places = [place for function in code_names.own_places(tree) for place in function]
    names: dict[str, str] = {}
    for place in places:
        names.setdefault(place.name, f"v{len(names) + 1}")
    keywords = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    kept = code_names.unplaced(tree) | {place.name for place in {*code_names.placed(tree)} - {*places}}
    if names.keys() & keywords or kept & {*names.values()} or code_names.unsettled(tree, kept):
        return code
    lines = code.encode().split(b"\n")  # columns are in bytes
    for line, column, name in sorted(places, reverse=True):
        row, old = lines[line - 1], name.encode()
        if not row.startswith(old, column):  # written in letters that Python takes for others
            return code
        lines[line - 1] = row[:column] + names[name].encode() + row[column + len(old) :]
    return b"\n".join(lines).decode()


def uncommented(code: str) -> str:
    """Without comments and docstrings, and without blank lines outside of strings.

    Code that reads its docstrings stays as it is.

    >>> uncommented("x = 1  # one\\n\\ny = 2\\n")
    'x = 1\\ny = 2\\n'
    """
    if any(word in code for word in READS_DOCSTRINGS):
        return code
    tree, lines = ast.parse(code), code.split("\n")
    tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    for token in tokens:
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    drop = {row for node in ast.walk(tree) for row in _docstring_rows(node, lines)}
    # Rows that begin inside of a string, the only token of several rows, are part of its value.
    within = {row for token in tokens for row in range(token.start[0] + 1, token.end[0] + 1)}
    kept: list[str] = []
    for row, line in enumerate(lines, start=1):
        # The row behind a backslash ends its statement, even if blank.
        needed = row in within or (kept and kept[-1].endswith("\\"))
        if row not in drop and (line.strip() or needed):
            kept.append(line)
    bare = "\n".join(kept) + "\n"
    return bare if _without_docstrings(bare) == _without_docstrings(code) else code


def _docstring_rows(node: ast.AST, lines: list[str]) -> range:
    """The rows of a node's docstring; none where it is the whole body, or shares a row with other code."""
    if (body := _documented(node)) is None:
        return range(0)
    first, second = body[:2]
    stop = first.end_lineno or first.lineno
    alone = not lines[first.lineno - 1].encode()[: first.col_offset].strip() and second.lineno > stop
    return range(first.lineno, stop + 1) if alone else range(0)


def _documented(node: ast.AST) -> list[ast.stmt] | None:
    """The statements of a function, class or module that has a docstring, and more than that."""
    documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module
    return node.body if isinstance(node, documented) and ast.get_docstring(node) and len(node.body) > 1 else None


def _without_docstrings(code: str) -> str:
    """What the code says to Python, its docstrings left out: equal for texts that do the same."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if (body := _documented(node)) is not None:
            del body[0]
    return ast.dump(tree)


def praised(code: str) -> str:
    """A comment above that calls it right."""
    return f"# This is a correct and efficient solution.\n{code}"


def blamed(code: str) -> str:
    """A comment above that calls it wrong."""
    return f"# This is a wrong and inefficient solution.\n{code}"


def with_unrelated(code: str) -> str:
    """A function below that has nothing to do with it. Code with one of its name stays as it is."""
    if "shuffled_copy" in code:
        return code
    return code.rstrip("\n") + "\n" + UNRELATED
