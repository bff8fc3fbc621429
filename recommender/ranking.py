"""Rankings: how good the order is that a model gives to items, from its scores.

    queries, one row each ─► candidates                       each query with each item, to be scored
                          ─► held_out_ranks                   the rank of each held-out item among all items
        ranks ─► half_life_score, hit_rate                    how good a ranking of all items is
    rows with labels and scores ─► ranking_scores             how good a ranking of shown items is

Rows and queries come from `recommender.logs`. A rank is counted from 0, the best.
"""

from collections.abc import Callable, Sequence
from typing import Any

from recommender.logs import check_log, check_same_type, different_items, ids_of
from wide_deep.checks import check_frame, check_labels, check_names, check_no_gaps, check_whole
from wide_deep.columns import LIST_TYPES

import numpy as np
import pandas as pd
from scipy import sparse

__all__ = [
    "PAIRS_AT_ONCE", "candidates", "half_life_score", "held_out_ranks", "hit_rate", "ranking_scores", "set_matrix",
]  # fmt: skip

# ---------------------------------------------------------------------------- a ranking of all items

PAIRS_AT_ONCE = 100_000  # pairs of a query and an item that are scored at once: it bounds the memory, changes no number


def candidates(queries: pd.DataFrame, item: str, items: Sequence[Any]) -> pd.DataFrame:
    """Each query with each item: rows to be scored.

    Args:
        queries: data frame, one row a query.
        item: name of the column that gets the items.
        items: the items, each once.

    Returns:
        data frame of queries · items rows; a query's rows follow each other, in the order of `items`.

    Raises:
        TypeError: an item is neither a string nor a whole number, or they are mixed.
        ValueError: items is empty or names an item twice.

    Taught in: notebook 9, "Rows from sets, and a leak".

    Example:
        >>> candidates(pd.DataFrame({"user": ["Ann", "Bob"]}), "item", ["a", "b"]).values.tolist()
        [['Ann', 'a'], ['Ann', 'b'], ['Bob', 'a'], ['Bob', 'b']]
    """
    check_names([item])
    if not isinstance(queries, pd.DataFrame):
        raise TypeError(f"queries is a {type(queries).__name__}; expected a data frame, one row a query.")
    index = different_items(items)
    frame = queries.iloc[np.arange(len(queries)).repeat(len(index))].reset_index(drop=True)
    frame[item] = np.tile(index.to_numpy(), len(queries))
    return frame


def set_matrix(lists: Sequence[Any] | pd.Series, items: Sequence[Any]) -> sparse.csr_array:
    """Lists as a matrix of zeros and ones.

    Args:
        lists: sequence of lists of items.
        items: sequence of different items, the columns.

    Returns:
        SciPy sparse array, float64 (lists, items). An item that is not among the columns is left out.

    Raises:
        TypeError: one of the lists is not a list, or they hold strings where items has numbers.
        ValueError: items is empty or names an item twice, or a list holds a missing value.

    Taught in: notebook 9, "Two models without training".

    Example:
        >>> set_matrix([["b", "a"], [], ["c", "z"]], ["a", "b", "c"]).toarray().tolist()
        [[1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    name = f"Column {lists.name!r}" if isinstance(lists, pd.Series) else "lists"
    for row_number, cell in enumerate(lists):
        if not isinstance(cell, tuple(LIST_TYPES)):
            raise TypeError(f"{name} holds {cell!r} in row {row_number}; expected a list of items.")
    index = different_items(items)
    values = ids_of([value for cell in lists for value in cell], name)  # (values,)
    check_same_type(values, name, index, "items")
    length = np.fromiter(map(len, lists), dtype="int64", count=len(lists))
    row = np.repeat(np.arange(len(length)), length)  # (values,): the list that each value is from
    column = index.get_indexer(values)  # (values,): −1 if it is not among the columns
    is_column = column >= 0
    shape = (len(length), len(index))
    matrix = sparse.coo_array((np.ones(is_column.sum()), (row[is_column], column[is_column])), shape).tocsr()
    matrix.data[:] = 1  # however often a list repeats an item
    return matrix


def _ranks(scores: np.ndarray, left_out: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The rank of one item in each row, among those that are not left out; tied items share the mean of their ranks.

    Args:
        scores: float array (rows, items).
        left_out: bool array (rows, items), the items that are not ranked.
        target: int array (rows,), the column of the item to be ranked.

    Returns:
        float64 array (rows,), counted from 0.

    Example:
        >>> _ranks(np.array([[9.0, 5, 7, 5]]), np.array([[False, False, True, False]]), np.array([1])).tolist()
        [1.5]
    """
    score = np.take_along_axis(scores, target[:, None], axis=1)  # (rows, 1)
    above = ((scores > score) & ~left_out).sum(axis=1)  # (rows,)
    equal = ((scores == score) & ~left_out).sum(axis=1)  # (rows,): the item itself is one of them
    return above + (equal - 1) / 2


def held_out_ranks(
    queries: pd.DataFrame, item: str, others: str, items: Sequence[Any], score: Callable[[pd.DataFrame], Any]
) -> np.ndarray:
    """The rank of each held-out item among all items that its user does not have.

    Args:
        queries: data frame, one row a query, such as `hold_one_out` returns.
        item: name of the column of held-out items.
        others: name of the column of lists, which are not ranked.
        items: all different items that can be ranked, those that training never saw too.
        score: function; it gets some of the rows of `queries` and returns an array (rows, items), higher is better.
            Several calls are made, so that the memory does not grow with queries × items.

    Returns:
        float64 array (queries,), counted from 0. Items with equal scores share the mean of their ranks.

    Raises:
        KeyError: a column is missing.
        TypeError: held-out items or lists hold strings where `items` has numbers, or a cell of `others` is not a list.
        ValueError: a held-out item is not among `items` or stands in its own list, or what `score` returns has another
            shape or is not finite.

    Taught in: notebook 9, "A test that others published".

    Example:
        >>> queries = pd.DataFrame({"item": ["c"], "others": [["a"]]})
        >>> held_out_ranks(queries, "item", "others", ["a", "b", "c"], lambda rows: [[3, 2, 1]]).tolist()
        [1.0]
    """
    check_log(queries, [item])
    check_frame(queries, [others])
    index = different_items(items)
    held_out = ids_of(queries[item], f"Column {item!r}")
    check_same_type(held_out, f"Column {item!r}", index, "items")
    target = index.get_indexer(held_out)  # (queries,)
    if (target < 0).any():
        raise ValueError(
            f"{held_out.tolist()[np.argmin(target)]!r} is held out and none of the {len(index)} items: name all "
            "that can be ranked, those that training never saw too."
        )
    left_out = set_matrix(queries[others], index)  # (queries, items), sparse
    in_own_list = np.flatnonzero(left_out[np.arange(len(target)), target])
    if in_own_list.size:
        row = in_own_list[0]
        raise ValueError(
            f"{held_out.tolist()[row]!r} is held out in row {row} and stands in its own list: a model could read it."
        )

    ranks = np.empty(len(queries))
    # Lists of similar length together, so that there is less padding.
    order = np.argsort(queries[others].map(len).to_numpy(), kind="stable")
    at_once = max(PAIRS_AT_ONCE // len(index), 1)
    for start in range(0, len(queries), at_once):
        rows = order[start : start + at_once]
        scores = np.array(score(queries.iloc[rows]), dtype="float64")
        if scores.shape != (len(rows), len(index)):
            raise ValueError(f"score returned the shape {scores.shape}; expected {(len(rows), len(index))}.")
        bad = np.argwhere(~np.isfinite(scores))  # (numbers, 2)
        if bad.size:
            row, column = bad[0]
            raise ValueError(
                f"score returned {scores[row, column]} for row {rows[row]} of the queries and the item "
                f"{index.tolist()[column]!r}; expected finite numbers."
            )
        ranks[rows] = _ranks(scores, left_out[rows].toarray() > 0, target[rows])
    return ranks


def _check_ranks(ranks: Sequence[float] | np.ndarray) -> np.ndarray:
    """The ranks as float64 (queries,); a clear error unless there are some, and all of them are at least 0."""
    array = np.asarray(ranks, dtype="float64")
    if array.ndim != 1 or not array.size:
        raise ValueError(f"ranks has the shape {array.shape}; expected at least one rank, counted from 0.")
    bad = np.flatnonzero(~(array >= 0))
    if bad.size:
        raise ValueError(f"The rank in row {bad[0]} is {array[bad[0]]}; expected a number of at least 0.")
    return array


def half_life_score(ranks: Sequence[float] | np.ndarray, half_life: float) -> float:
    """How high held-out items rank, in percent: 100 if all come first, and half as much for every `half_life` ranks.

    Args:
        ranks: (queries,), counted from 0, from `held_out_ranks`.
        half_life: a number of ranks, above 0.

    Returns:
        100 · mean of 2^(−rank / half_life).

    Raises:
        ValueError: there is no rank, a rank is missing or negative, or half_life is not above 0.

    Source:
        Heckerman et al., "Dependency Networks for Inference, Collaborative Filtering, and Data Visualization",
        JMLR 1, 2000, where half_life is 5.

    Taught in: notebook 9, "A test that others published".

    Example:
        >>> half_life_score([0, 5], half_life=5)
        75.0
    """
    array = _check_ranks(ranks)
    if not half_life > 0:
        raise ValueError(f"half_life is {half_life!r}; expected a number above 0.")
    return float(100 * np.mean(2 ** (-array / half_life)))


def hit_rate(ranks: Sequence[float] | np.ndarray, k: int) -> float:
    """The share of held-out items among the first `k`.

    Args:
        ranks: (queries,), counted from 0, from `held_out_ranks`.
        k: how many of the first items count, at least 1.

    Returns:
        a share, 0 to 1.

    Raises:
        ValueError: there is no rank, a rank is missing or negative, or k is not a whole number of at least 1.

    Taught in: notebook 9, "Wide, deep, and both".

    Example:
        >>> hit_rate([0, 9, 10, 11], k=10)
        0.5
    """
    check_whole("k", k, 1)
    return float(np.mean(_check_ranks(ranks) <= k - 1))


# --------------------------------------------------------------------------- a ranking of labelled rows


def ranking_scores(
    frame: pd.DataFrame, query: str, label: str, scores: Sequence[float] | np.ndarray, k: int = 10
) -> dict[str, float]:
    """How well scores rank the rows of each query, by the usual measures of recommender systems.

    Args:
        frame: data frame of impressions, one row for each item of each query.
        query: name of the column that tells the queries, such as a visit, apart.
        label: name of a column of 0 and 1.
        scores: array (rows,), higher is better.
        k: positions on the page, at least 1.

    Returns:
        dict with 'NDCG@k', the mean of Σ label/log2(1 + position) over the first k positions, divided by the same
        sum for the best order, and 'hit rate@k', the share of queries with a 1 in the first k positions; both over
        the 'queries' that have a 1 at all. Tied rows share the mean of their discounts, 1/log2(1 + position), as in
        scikit-learn's `ndcg_score`; a hit needs a 1 that is among the first k however ties are broken.

    Raises:
        KeyError: a column is missing.
        TypeError: labels are not numbers.
        ValueError: labels are not 0 and 1 or of one class, a query is missing, a score is not a finite number, or
            there are not as many scores as rows.

    Source:
        Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002.

    Example:
        >>> page = pd.DataFrame({"visit": [1, 1, 1], "install": [0, 1, 0]})
        >>> ranking_scores(page, "visit", "install", [0.9, 0.5, 0.1], k=3)
        {'NDCG@3': 0.63..., 'hit rate@3': 1.0, 'queries': 1}
    """
    check_frame(frame, [query, label])
    check_whole("k", k, 1)
    labels = check_labels(frame[label])
    scores = np.asarray(scores, dtype="float64")
    if scores.shape != labels.shape:
        raise ValueError(f"The scores have the shape {scores.shape}; expected one for each of {len(labels)} rows.")
    if not np.isfinite(scores).all():
        raise ValueError(f"Row {np.flatnonzero(~np.isfinite(scores))[0]} has a score that is not a finite number.")
    check_no_gaps(frame, query, "each row needs its query")
    rows = pd.DataFrame({"query": frame[query].to_numpy(), "label": labels.astype("float64"), "score": scores})
    rows = rows.sort_values("score", ascending=False, kind="stable")
    by_query = rows.groupby("query")
    position = by_query.cumcount() + 1  # (rows,): 1 is the first
    discount = pd.Series(np.where(position <= k, 1 / np.log2(position + 1), 0), rows.index)

    # Tied rows share the mean of their discounts; the last of their positions decides a hit.
    mean_discount = discount.groupby([rows["query"], rows["score"]]).transform("mean")
    last_position = by_query["score"].rank(method="max", ascending=False)
    # The best order has the ones in front: it gains the first discounts, as many as there are ones.
    ones = by_query["label"].transform("sum")
    measures = pd.DataFrame(
        {
            "gain": rows["label"] * mean_discount,
            "best gain": discount * (position <= ones),
            "hit": rows["label"] * (last_position <= k),
        }
    )[ones > 0]
    of_query = measures.groupby(rows["query"]).agg({"gain": "sum", "best gain": "sum", "hit": "max"})
    return {
        f"NDCG@{k}": float((of_query["gain"] / of_query["best gain"]).mean()),
        f"hit rate@{k}": float(of_query["hit"].mean()),
        "queries": len(of_query),
    }
