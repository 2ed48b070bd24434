"""JSON with one text for every value: no duplicate key, no NaN, no other spelling."""

import json
from typing import Any

__all__ = ["canonical", "parse"]


def canonical(value: Any) -> str:
    """Write `value` as ASCII with sorted keys and no space.

    Parameters
    ----------
    value : dict, list, str, number, bool or None
        A tuple is written as a list, and a key that is no string as one.

    Returns
    -------
    str
        ``parse(text)`` gives the value, and ``canonical(parse(text))`` the same text.

    Raises
    ------
    TypeError, ValueError, RecursionError
        Where JSON cannot hold the value.
    """
    # There and back first: keys that were no strings sort differently once they are.
    plain = parse(json.dumps(value, allow_nan=False))
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def parse(text: str | bytes) -> Any:
    """Read JSON in which no object has a key twice.

    Raises
    ------
    TypeError, ValueError, RecursionError
        Where `text` is no such JSON.
    """
    return json.loads(text, object_pairs_hook=_without_duplicates)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key stands twice in one JSON object")
    return result
