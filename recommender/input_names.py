"""What the inputs of an export, of a request and of its client are called: one rule for all. It needs no TensorFlow."""

from collections.abc import Collection

__all__ = ["free_name", "length_names"]


def free_name(wanted: str, taken: set[str]) -> str:
    """The wanted name, or the first of it with `_2`, `_3`, … behind that is free; upper and lower case are the same.

    Args:
        wanted: name.
        taken: names in lower case, to which the one that is returned is added.

    Example:
        >>> taken = {"tags"}
        >>> [free_name(name, taken) for name in ("city", "Tags", "tags")]
        ['city', 'Tags_2', 'tags_3']
    """
    name = wanted
    number = 2
    while name.lower() in taken:
        name = f"{wanted}_{number}"
        number += 1
    taken.add(name.lower())
    return name


def length_names(columns: Collection[str], lists: Collection[str]) -> dict[str, str]:
    """What the second input of each list column is called, which says how many values each row has.

    Args:
        columns: all columns of the model.
        lists: those of them that hold lists; their order has no meaning.

    Returns:
        dict list column → the name of its lengths, which is no other input's.

    Example:
        >>> length_names(["tags", "city", "areas", "areas_lengths"], ["tags", "areas"])
        {'areas': 'areas_lengths_2', 'tags': 'tags_lengths'}
    """
    taken = {column.lower() for column in columns}
    return {column: free_name(f"{column}_lengths", taken) for column in sorted(lists)}
