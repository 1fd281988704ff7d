"""Expressions: components joined by ``*`` and ``+``, as nested tuples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..exceptions import RequestError
from .components import Component

__all__ = [
    "Tree",
    "combine",
    "component_names",
    "derivative",
    "expression_text",
    "is_additive",
    "leaves",
    "product",
    "shifted",
    "total",
]

#: A place in the list of components, or an operator and its operands.
Tree: TypeAlias = "int | tuple[str, tuple[Tree, ...]]"
Floats = NDArray[np.float64]


def shifted(tree: Tree, by: int) -> Tree:
    """The same tree for components that come after `by` others."""
    if isinstance(tree, int):
        return tree + by
    return tree[0], tuple(shifted(part, by) for part in tree[1])


def is_additive(tree: Tree, components: Sequence[Component]) -> bool:
    """Whether a tree emits photons, rather than being a factor."""
    if isinstance(tree, int):
        return components[tree].is_additive
    return any(is_additive(part, components) for part in tree[1])


def product(one: Tree, two: Tree, components: Sequence[Component]) -> Tree:
    """Two trees multiplied.

    Raises
    ------
    RequestError
        If both emit photons.
    """
    if is_additive(one, components) and is_additive(two, components):
        text = " and ".join(expression_text(part, components) for part in (one, two))
        raise RequestError(f"{text} both emit photons and cannot be multiplied; add them, or multiply by an absorber")
    return "*", (*_parts(one, "*"), *_parts(two, "*"))


def total(one: Tree, two: Tree, components: Sequence[Component]) -> Tree:
    """Two trees added.

    Raises
    ------
    RequestError
        If one of them is a factor only.
    """
    for part in (one, two):
        if not is_additive(part, components):
            text = expression_text(part, components)
            raise RequestError(f"{text} emits no photons and cannot be added; multiply it with what does")
    return "+", (*_parts(one, "+"), *_parts(two, "+"))


def _parts(tree: Tree, operator: str) -> tuple[Tree, ...]:
    return tree[1] if not isinstance(tree, int) and tree[0] == operator else (tree,)


def leaves(tree: Tree) -> tuple[int, ...]:
    """Places of all components of a tree."""
    return (tree,) if isinstance(tree, int) else tuple(leaf for part in tree[1] for leaf in leaves(part))


def combine(tree: Tree, arrays: Sequence[Floats]) -> Floats:
    """Value of the tree from the values of its components."""
    if isinstance(tree, int):
        return arrays[tree]
    operator, parts = tree
    value = combine(parts[0], arrays)
    for part in parts[1:]:
        other = combine(part, arrays)
        value = value * other if operator == "*" else value + other
    return value


def derivative(tree: Tree, arrays: Sequence[Floats], place: int, slope: Floats) -> Floats | None:
    """How the value of the tree changes with one component, whose own change is given; None if it is not in the tree."""
    if isinstance(tree, int):
        return slope if tree == place else None
    operator, parts = tree
    for number, part in enumerate(parts):
        change = derivative(part, arrays, place, slope)
        if change is None:
            continue
        others = parts[:number] + parts[number + 1 :]
        if operator == "*":
            for other in others:
                change = change * combine(other, arrays)
        return change
    return None


def expression_text(tree: Tree, components: Sequence[Component], *, names: Sequence[str] | None = None) -> str:
    """The tree as text, such as ``"tbabs*(powerlaw+blackbody)"``."""
    known = [component.name for component in components] if names is None else names
    if isinstance(tree, int):
        return known[tree]
    operator, parts = tree
    texts = [expression_text(part, components, names=known) for part in parts]
    if operator == "*":
        texts = [f"({text})" if _is_sum(part) else text for text, part in zip(texts, parts, strict=True)]
    return operator.join(texts)


def _is_sum(tree: Tree) -> bool:
    return not isinstance(tree, int) and tree[0] == "+"


def component_names(components: Sequence[Component]) -> tuple[str, ...]:
    """Names of the components, numbered where there are several of a kind."""
    kinds = [component.name for component in components]
    numbers = [kinds[: place + 1].count(kind) for place, kind in enumerate(kinds)]
    return tuple(
        f"{kind}_{number}" if kinds.count(kind) > 1 else kind for kind, number in zip(kinds, numbers, strict=True)
    )
