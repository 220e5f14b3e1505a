"""Sums of a lesson that are done by hand: numbers, + - * / **, brackets, exp, log and sqrt. Nothing else is computed."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from types import MappingProxyType

from attnviz.errors import BadInputError
from attnviz.types import quoted

LONGEST = 200  # characters
LARGEST = 1e9  # of any number on the way
_OPERATIONS: MappingProxyType[type, Callable[[float, float], float]] = MappingProxyType(
    {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: math.pow}
)
_FUNCTIONS: MappingProxyType[str, Callable[[float], float]] = MappingProxyType(
    {"exp": math.exp, "log": math.log, "sqrt": math.sqrt}
)


def value(expression: str) -> float:
    """Return what an expression comes to; raises BadInputError for anything but arithmetic, and for what has no value."""
    if len(expression) > LONGEST:
        raise BadInputError(f"A sum has at most {LONGEST} characters; this one has {len(expression)}. Shorten it.")
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError, RecursionError, MemoryError) as error:
        raise BadInputError(
            f"A sum has numbers, + - * / **, brackets, exp, log and sqrt, and comes to a number; got {quoted(expression)}."
        ) from error


def _value(node: ast.expr) -> float:
    """Return the value of a part of an expression; raises ValueError for what is no arithmetic."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        found = float(node.value)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        found = _value(node.operand) * (-1.0 if isinstance(node.op, ast.USub) else 1.0)
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        found = _OPERATIONS[type(node.op)](_value(node.left), _value(node.right))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1 and not node.keywords:
        if node.func.id not in _FUNCTIONS:
            raise ValueError(node.func.id)
        found = _FUNCTIONS[node.func.id](_value(node.args[0]))
    else:
        raise ValueError("no arithmetic")
    if not abs(found) <= LARGEST:
        raise ValueError("too large")
    return found
