"""Which names in Python code are a function's own, by the language's rules of scopes.

A name that the function also binds by an import, `except ... as`, a pattern or an inner `def` is left out: the tree
does not tell where it stands there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

LOOKED_UP = frozenset({
    "__annotations__", "__code__", "__kwdefaults__", "dir", "doctest", "eval", "exec", "f_locals", "get_type_hints",
    "inspect", "locals", "query", "vars",
})  # fmt: skip
"""What finds variables by their names as text; `query` is that of pandas, `table.query("price < @limit")`."""


class Place(NamedTuple):
    """Where a name stands: line from 1, column in bytes from 0, both of its first letter."""

    line: int
    column: int
    name: str


def own_places(tree: ast.Module) -> list[list[Place]]:
    """All places of the parameters and variables of every function of a module, of those inside it too."""
    return [sorted(_own_places(node)) for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def unsettled(tree: ast.Module, others: set[str]) -> bool:
    """Whether the code has what could find a variable by its name, or a scope whose rules are not followed here.

    others: the names in it that are no function's own.
    """
    nodes = list(ast.walk(tree))
    words = others | {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    inner = [node for function in tree.body if isinstance(function, Function) for node in ast.walk(function)]
    return (
        bool(words & LOOKED_UP)
        # Before Python 3.12 the places of names in formatted strings are wrong.
        or any(isinstance(node, ast.JoinedStr | ast.Global | ast.Nonlocal) for node in nodes)
        or any(type(node).__name__ == "TemplateStr" or getattr(node, "type_params", ()) for node in nodes)
        # A class has a scope of its own, and a decorator may ask for the names of parameters.
        or any(isinstance(node, ast.ClassDef) or getattr(node, "decorator_list", ()) for node in inner)
        # f(**{"number": 1})
        or any(isinstance(node, ast.keyword) and node.arg in (None, "kwargs") for node in nodes)
    )


def placed(tree: ast.AST) -> Iterator[Place]:
    """All names that are nodes, and so have a place: uses of variables, and parameters."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield Place(node.lineno, node.col_offset, node.id)
        elif isinstance(node, ast.arg):
            yield Place(node.lineno, node.col_offset, node.arg)


def unplaced(tree: ast.AST) -> set[str]:
    """Names that are bare text in a node: of functions, classes, imports, caught errors, captures."""
    named = ast.Name | ast.arg | ast.Attribute | ast.keyword | ast.Constant
    values = [value for node in ast.walk(tree) if not isinstance(node, named) for _, value in ast.iter_fields(node)]
    texts = [text for value in values for text in (value if isinstance(value, list) else [value])]
    return {text.partition(".")[0] for text in texts if isinstance(text, str)}


def _own_places(function: Function) -> set[Place]:
    scopes = _Scopes()
    scopes.visit(function)
    fixed = unplaced(function)
    return {place for place in scopes.own if place.name not in fixed}


class _Scopes(ast.NodeVisitor):
    """Walks through a function with the names of the scopes that it is in; `own` are the places of such names."""

    def __init__(self) -> None:
        self.scopes: list[set[str]] = []
        self.own: set[Place] = set()

    def visit_Name(self, node: ast.Name) -> None:
        if any(node.id in names for names in self.scopes):
            self.own |= set(placed(node))

    def visit_FunctionDef(self, node: Function) -> None:
        self._visit(_outside(node))
        parameters, body = _parameters(node), node.body if isinstance(node.body, list) else [node.body]
        self.own |= {Place(one.lineno, one.col_offset, one.arg) for one in parameters}
        self.scopes.append({one.arg for one in parameters} | {name for part in body for name in _stored(part)})
        self._visit(body)
        self.scopes.pop()

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef

    def visit_ListComp(self, node: Comprehension) -> None:
        first, *others = node.generators
        # What is gone through first is looked up outside: in `[x for x in x]` the last x is another variable.
        self.visit(first.iter)
        targets = [clause.target for clause in node.generators]
        self.scopes.append({name for target in targets for name in _stored(target)})
        self._visit(targets)
        self._visit([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        self._visit([*first.ifs, *others])
        self.scopes.pop()

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp

    def _visit(self, nodes: Sequence[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)


def _parameters(function: Function) -> list[ast.arg]:
    every = function.args
    starred = [one for one in (every.vararg, every.kwarg) if one]
    return [*every.posonlyargs, *every.args, *every.kwonlyargs, *starred]


def _outside(function: Function) -> list[ast.AST]:
    """What is written at a function and belongs to the scope around it: defaults, annotations, decorators."""
    defaults = [one for one in [*function.args.defaults, *function.args.kw_defaults] if one]
    annotations = [one.annotation for one in _parameters(function) if one.annotation]
    if isinstance(function, ast.Lambda):
        return [*defaults]
    return [*function.decorator_list, *defaults, *annotations, *([function.returns] if function.returns else [])]


def _stored(node: ast.AST) -> Iterator[str]:
    """Names that are bound or deleted in the scope that the node stands in, and not in one inside of it."""
    parts: list[ast.AST]
    if isinstance(node, ast.Name):
        parts = []
        if not isinstance(node.ctx, ast.Load):
            yield node.id
    elif isinstance(node, Function):
        parts = _outside(node)
    elif isinstance(node, ast.comprehension):
        # Its target is the comprehension's own; `:=` in it binds outside.
        parts = [node.iter, *node.ifs]
    else:
        parts = list(ast.iter_child_nodes(node))
    for part in parts:
        yield from _stored(part)
