"""A catalogue: what models say of each item to each query, by the features of a log of sets.

The pairs' inputs are made some queries at a time, so that the memory does not grow with queries × items:

    queries × items ─► candidate_inputs ─► model_ranks                 where each held-out item is ranked
    log × new items ─► new_item_logits ─► beyond_visitor, item_aucs     who takes an item that training never saw
"""

from collections.abc import Callable, Iterator

from recommender import ranking
from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.features import DeepFeatures, WideFeatures, joint_inputs
from wide_deep.training import predict_logits

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

__all__ = ["beyond_visitor", "candidate_inputs", "item_aucs", "model_ranks", "new_item_logits"]


def candidate_inputs(
    queries: pd.DataFrame, items: pd.DataFrame, wide: WideFeatures, deep: DeepFeatures, *, item: str, others: str
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """The inputs of a joint model for each query with each item, some of the queries at a time.

    Args:
        queries: data frame, one row a query, with a column of lists.
        items: data frame, one row an item; its other columns are features of the candidate.
        wide: what `fit_wide` returned.
        deep: what `fit_deep` returned.
        item: name of the column of items, of the candidates and in `items`.
        others: name of the column of lists.

    Yields:
        the row numbers of some queries, int (q,), and their inputs, whose first axis has q · items rows: a query's
        follow each other, in the order of `items`.

    Raises:
        KeyError: a column is missing.
        TypeError: the items are neither strings nor whole numbers, or mixed.
        ValueError: items is empty or names an item twice.

    Taught in: notebook 9, "Wide, deep, and both".

    Example:
        >>> import wdl_helpers as wdl
        >>> rows = pd.DataFrame({"read": [["a"], ["b"]], "book": ["b", "a"]})
        >>> wide, deep = wdl.fit_wide(rows, [("read", "book")]), wdl.fit_deep(rows, ["read", "book"], [])
        >>> queries, books = rows[["read"]], pd.DataFrame({"book": ["a", "b"]})
        >>> ((numbers, inputs),) = candidate_inputs(queries, books, wide, deep, item="book", others="read")
        >>> numbers.tolist(), inputs["wide_ids"].shape
        ([0, 1], (4, 1))
    """
    by_length = np.argsort(queries[others].map(len).to_numpy(), kind="stable")  # short lists need less room
    at_once = max(ranking.PAIRS_AT_ONCE // max(len(items), 1), 1)
    for start in range(0, len(queries), at_once):
        rows = by_length[start : start + at_once]
        pairs = ranking.candidates(queries.iloc[rows], item, items[item])
        for column in items.columns.drop(item):
            pairs[column] = np.tile(items[column].to_numpy(), len(rows))
        yield rows, joint_inputs(pairs, wide, deep)


def _rows_of(table: np.ndarray) -> Callable[[pd.DataFrame], np.ndarray]:
    """A score function for `held_out_ranks`: it looks the rows of the queries, counted from 0, up in the table."""
    return lambda block: table[block.index]


def model_ranks(
    models: dict[str, keras.Model],
    queries: pd.DataFrame,
    items: pd.DataFrame,
    wide: WideFeatures,
    deep: DeepFeatures,
    *,
    item: str,
    others: str,
) -> pd.DataFrame:
    """Where models put the item that is held out, among all that the query's list does not hold.

    Args:
        models: dict name → trained model.
        queries: data frame, one row a query: the held-out item and the list of the others, from `hold_one_out`.
        items: data frame, one row an item, all that are ranked; its other columns are features of the candidate.
        wide: what `fit_wide` returned.
        deep: what `fit_deep` returned.
        item: name of the column of held-out items, and of the items in `items`.
        others: name of the column of lists.

    Returns:
        data frame of places, counted from 0: a row a query, with its index, and a column a model.

    Raises:
        KeyError: a column is missing.
        TypeError: the items are neither strings nor whole numbers, or mixed; a list is none.
        ValueError: a held-out item is not among the items, or stands in its own list.

    Taught in: notebook 4, "On the real log".

    Example:
        >>> import wdl_helpers as wdl
        >>> rows = pd.DataFrame({"read": [["a"], ["b"]], "book": ["b", "a"]})
        >>> wide, deep = wdl.fit_wide(rows, ["book"]), wdl.fit_deep(rows, ["book"], [])
        >>> models = {"says nothing": wdl.wide_model(wide)}
        >>> books = pd.DataFrame({"book": ["a", "b", "c"]})
        >>> model_ranks(models, rows, books, wide, deep, item="book", others="read")
           says nothing
        0           0.5
        1           0.5
    """
    places = np.empty((len(queries), len(models)))
    for rows, inputs in candidate_inputs(queries, items, wide, deep, item=item, others=others):
        block = queries.iloc[rows].reset_index(drop=True)
        for column, model in enumerate(models.values()):
            table = predict_logits(model, inputs).reshape(len(rows), len(items))
            places[rows, column] = ranking.held_out_ranks(block, item, others, items[item], _rows_of(table))
    return pd.DataFrame(places, queries.index, list(models))


def new_item_logits(
    models: dict[str, keras.Model],
    log: pd.DataFrame,
    new: pd.DataFrame,
    wide: WideFeatures,
    deep: DeepFeatures,
    *,
    user: str,
    item: str,
    others: str,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """What models say of items that training never saw, to each user who has another item.

    Args:
        models: dict name → trained model.
        log: data frame with a row for each item of each user.
        new: data frame, one row an item that was left out; its other columns are features of the candidate.
        wide: what `fit_wide` returned.
        deep: what `fit_deep` returned.
        user: name of the column of users.
        item: name of the column of items.
        others: name of the column of lists that the models know.

    Returns:
        float64 array (users, new items) of 1 where the user has it and 0 elsewhere; and a dict name → float64 array of
        the same shape, the logits. The lists of the users hold the items that are not new.

    Raises:
        KeyError: a column is missing.
        TypeError: the items are neither strings nor whole numbers, or mixed.
        ValueError: nobody has both a new item and another one.

    Example:
        >>> import wdl_helpers as wdl
        >>> log = pd.DataFrame({"reader": [1, 1, 2], "book": ["a", "new", "b"]})
        >>> rows = pd.DataFrame({"read": [["a"], ["b"]], "book": ["b", "a"]})
        >>> wide, deep = wdl.fit_wide(rows, ["book"]), wdl.fit_deep(rows, ["book"], [])
        >>> models, new = {"says nothing": wdl.wide_model(wide)}, pd.DataFrame({"book": ["new"]})
        >>> names = {"user": "reader", "item": "book", "others": "read"}
        >>> has, logits = new_item_logits(models, log, new, wide, deep, **names)
        >>> has.tolist(), logits["says nothing"].tolist()
        ([[1.0], [0.0]], [[0.0], [0.0]])
    """
    is_new = log[item].isin(new[item])
    queries = log[~is_new].groupby(user)[item].agg(list).reset_index(name=others)
    taken = log[is_new & log[user].isin(queries[user])]
    if taken.empty:
        raise ValueError(f"No {user} has both a new {item} and another one, so there is nobody to tell apart.")
    row = pd.Index(queries[user]).get_indexer(taken[user])  # (taken,)
    column = pd.Index(new[item]).get_indexer(taken[item])  # (taken,)
    has = np.zeros((len(queries), len(new)))
    has[row, column] = 1
    logits = {name: np.zeros(has.shape) for name in models}
    for rows, inputs in candidate_inputs(queries, new, wide, deep, item=item, others=others):
        for name, model in models.items():
            logits[name][rows] = predict_logits(model, inputs).reshape(len(rows), len(new))
    return has, logits


def beyond_visitor(logits: np.ndarray) -> np.ndarray:
    """What logits say beyond how much the visitor takes at all: each less the visitor's own mean.

    Args:
        logits: (visitors, items).

    Returns:
        float64 array (visitors, items), rounded to six decimals, so that logits that were equal stay equal.

    Example:
        >>> beyond_visitor(np.array([[1.0, 3.0], [7.0, 9.0]])).tolist()
        [[-1.0, 1.0], [-1.0, 1.0]]
    """
    return (logits - logits.mean(axis=1, keepdims=True)).round(6)


def item_aucs(has: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """For each item the chance that one who has it scores higher for it than one who has not.

    Args:
        has: (users, items), 0 and 1.
        scores: (users, items), higher is better.

    Returns:
        float64 array (items,), the AUC in each column; NaN for an item that nobody has, or everybody.

    Taught in: notebook 3, "A new area".

    Example:
        >>> item_aucs(np.array([[1, 0], [0, 0]]), np.array([[0.9, 0.5], [0.1, 0.5]])).tolist()
        [1.0, nan]
    """
    mixed = (has.min(axis=0) == 0) & (has.max(axis=0) == 1)  # (items,)
    return np.array(
        [roc_auc_score(has[:, i], scores[:, i]) if has_both else np.nan for i, has_both in enumerate(mixed)]
    )
