"""Logs of any data frame: what is held out, and rows for a model from who had what.

    log ─► split_by_user, split_by_time                       what is held out
        ─► leave_one_out ─► with_negatives                    rows: a list, a candidate, label 1 or 0
    held-out users ─► hold_one_out                            queries, to be ranked

A log has a row for each item that a user had: a visit, an installation, a purchase. It is taken as sets, so a repeated
pair counts once. Users and items are strings, or whole numbers, in columns of any name: 1 and 1.0 are the same item,
and 1 and '1' would be two, so a column that mixes them, or two frames that differ in this, get an error.
"""

import decimal
import math
import numbers
from collections.abc import Iterable
from typing import Any, NamedTuple

from wide_deep.checks import check_frame, check_names, check_no_gaps, check_whole
from wide_deep.columns import LIST_TYPES, exact_below, is_missing
from wide_deep.times import parse_times

import numpy as np
import pandas as pd

__all__ = [
    "check_log", "check_same_type", "check_share", "different_items", "hold_one_out", "ids_of", "leave_one_out",
    "split_by_time", "split_by_user", "with_negatives",
]  # fmt: skip

# ---------------------------------------------------------------------------------------------- checks


def check_log(log: pd.DataFrame, columns: list[str]) -> None:
    """Raise a clear error unless the `log` is a data frame with rows and with one value in each of the `columns`.

    Raises:
        TypeError: it is not a data frame, or a column holds lists.
        KeyError: a column is missing.
        ValueError: the frame is empty, or a value is missing.

    Example:
        >>> check_log(pd.DataFrame({"user": ["Ann", None]}), ["user"])
        Traceback (most recent call last):
        ValueError: Column 'user' has 1 missing values, first in row 1.
    """
    check_names(columns)
    check_frame(log, columns)
    for column in columns:
        check_no_gaps(log, column)
        if isinstance(log[column].iloc[0], tuple(LIST_TYPES)):
            raise TypeError(f"Column {column!r} holds lists; expected one value a row: `explode` the frame first.")


def check_share(share: float) -> None:
    """Raise a ValueError unless the `share` is a number between 0 and 1, both excluded.

    Example:
        >>> check_share(0.2)
    """
    if not isinstance(share, numbers.Real) or isinstance(share, bool) or not 0 < share < 1:
        raise ValueError(f"share is {share!r}; expected a number between 0 and 1.")


# ------------------------------------------------------------------------------------- users and items


def _whole_number(value: Any) -> int | None:
    """The value as an int, or None if it is not a whole number."""
    if isinstance(value, bool) or not isinstance(value, (numbers.Real, decimal.Decimal)) or not math.isfinite(value):
        return None
    if isinstance(value, (float, np.floating)) and abs(value) >= exact_below(type(value)):
        return None  # two whole numbers may be this float
    number: Any = value
    whole = int(number)  # and not math.floor, which makes a float of a uint64
    return whole if whole == value else None


def _make_error(cells: np.ndarray, whole_numbers: list[int | None], name: str) -> Exception:
    """What to say of values of which some are neither strings nor whole numbers, or of a mixture."""
    texts = [isinstance(cell, str) for cell in cells]
    is_usable = [text or number is not None for text, number in zip(texts, whole_numbers, strict=True)]
    unusable = [row for row, usable in enumerate(is_usable) if not usable]
    if not unusable:
        row = texts.index(not texts[0])
        return TypeError(
            f"{name} mixes strings and numbers, as in row {row}: make all of them strings, by astype(str)."
        )
    row = unusable[0]
    value = cells[row]
    if is_missing(value):
        return ValueError(f"{name} has a missing value in row {row}.")
    return TypeError(
        f"{name} holds {value!r}, a {type(value).__name__}, in row {row}; expected strings or whole numbers."
    )


def ids_of(values: Iterable[Any], name: str) -> pd.Index:
    """Users or items as an index in which the same ones are equal: all of them strings, or all of them whole numbers.

    Args:
        values: strings or whole numbers.
        name: what an error calls them, such as "Column 'user'".

    Returns:
        index (values,) of str or int, whatever the type of the column: category, Arrow, decimals, enums of str.

    Raises:
        TypeError: a value is something else, or there are both.
        ValueError: a value is missing.

    Example:
        >>> ids_of([2.0, decimal.Decimal(3)], "items").tolist(), ids_of(["2", "3"], "items").tolist()
        ([2, 3], ['2', '3'])
    """
    series = values if isinstance(values, pd.Series) else pd.Series(list(values))
    if series.empty or series.dtype == "int64":
        return pd.Index(series)
    if isinstance(series.dtype, pd.StringDtype) and not series.hasnans:
        return pd.Index(series)
    cells = series.astype(object).to_numpy()
    if all(issubclass(each, str) for each in set(map(type, cells))):
        return pd.Index(cells)
    whole_numbers = [_whole_number(cell) for cell in cells]
    if None not in whole_numbers:
        return pd.Index(whole_numbers)
    raise _make_error(cells, whole_numbers, name)


def check_same_type(ids: pd.Index, name: str, others: pd.Index, other_name: str) -> None:
    """Raise a TypeError if the one are strings and the other whole numbers, since none of them would be equal.

    Args:
        ids: from `ids_of`.
        name: what an error calls them, at the beginning of a sentence.
        others: from `ids_of`.
        other_name: what an error calls those, within a sentence.

    Example:
        >>> check_same_type(pd.Index([1]), "Column 'item'", pd.Index(["1"]), "the history's")
        Traceback (most recent call last):
        TypeError: Column 'item' holds numbers and the history's strings, ... make both strings, by astype(str).
    """
    if len(ids) and len(others) and isinstance(ids[0], str) != isinstance(others[0], str):
        own_type, other_type = ("strings", "numbers") if isinstance(ids[0], str) else ("numbers", "strings")
        raise TypeError(
            f"{name} holds {own_type} and {other_name} {other_type}, so that none of them are equal: "
            "make both strings, by astype(str)."
        )


def different_items(items: Iterable[Any]) -> pd.Index:
    """The `items` to draw from or to rank, as `ids_of` returns them; a clear error unless each is there once.

    Raises:
        TypeError: they are a single string, or one is neither a string nor a whole number.
        ValueError: there is none, one is missing, or one is there twice.

    Example:
        >>> different_items(["a", "b", "a"])
        Traceback (most recent call last):
        ValueError: items names 'a' more than once.
    """
    if isinstance(items, str):
        raise TypeError(f"items is the string {items!r}; expected a list of items.")
    index = ids_of(items, "items")
    if not len(index):
        raise ValueError("items is empty: name at least one.")
    if not index.is_unique:
        raise ValueError(f"items names {index[index.duplicated()].tolist()[0]!r} more than once.")
    return index


class _Pairs(NamedTuple):
    """A log as sets: each pair of a user and an item once, in the order of the log."""

    frame: pd.DataFrame  # the two columns, as they were
    users: pd.Index  # (pairs,)
    items: pd.Index  # (pairs,)

    def positions_of(self, users: pd.Index, items: pd.Index) -> np.ndarray:
        """The position of each of other pairs among these, −1 if it is not among them: int array (other pairs,)."""
        pairs = pd.MultiIndex.from_arrays([self.users, self.items])
        return pairs.get_indexer(pd.MultiIndex.from_arrays([users, items]))


def _pairs_of(log: pd.DataFrame, user: str, item: str, where: str = "") -> _Pairs:
    """The pairs of a `log`; `where`, such as " of the log", tells it apart in errors."""
    check_log(log, [user, item])
    users = ids_of(log[user], f"Column {user!r}{where}")
    items = ids_of(log[item], f"Column {item!r}{where}")
    first = ~pd.MultiIndex.from_arrays([users, items]).duplicated()  # (rows,)
    return _Pairs(log[[user, item]][first].reset_index(drop=True), users[first], items[first])


# ---------------------------------------------------------------------------------------------- splits


def split_by_user(log: pd.DataFrame, user: str, share: float, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold a share of the users out, each with all of their rows.

    Args:
        log: data frame.
        user: name of the column of users.
        share: number between 0 and 1, of the users.
        seed: of the draw, which depends on the users and not on the order of the rows.

    Returns:
        Two data frames, kept and held out, with no user in common; rows keep their order.

    Raises:
        KeyError: the column is missing.
        TypeError: a user is neither a string nor a whole number.
        ValueError: a user is missing, or one side would be empty.

    Taught in: notebook 9, "Rows from sets, and a leak".

    Example:
        >>> log = pd.DataFrame({"user": ["Ann", "Ann", "Bob"], "item": ["a", "b", "a"]})
        >>> kept, held_out = split_by_user(log, "user", share=0.5)
        >>> kept["user"].tolist(), held_out["user"].tolist()
        (['Bob'], ['Ann', 'Ann'])
    """
    check_log(log, [user])
    check_share(share)
    ids = ids_of(log[user], f"Column {user!r}")
    users = np.sort(ids.unique().to_numpy())
    n = round(share * len(users))
    if not 0 < n < len(users):
        raise ValueError(f"A share of {share} of {len(users)} users leaves one side empty.")
    held_out = ids.isin(np.random.default_rng(seed).permutation(users)[:n])
    return log[~held_out], log[held_out]


def _as_ordered_times(times: pd.Series, column: str) -> pd.Series:
    """The times as values that are ordered as time is: an ordered categorical by its order, texts by what they mean."""
    if isinstance(times.dtype, pd.CategoricalDtype):
        if times.cat.ordered:
            return times.cat.codes
        times = times.astype(times.cat.categories.dtype)
    return parse_times(times, column) if pd.api.types.is_string_dtype(times) else times


def split_by_time(log: pd.DataFrame, time: str, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold the latest share of the rows out: train on the past, test on what came after.

    Args:
        log: data frame.
        time: name of a column that can be ordered: times, dates, numbers, an ordered categorical, or texts in
            ISO 8601 such as '2024-01-31' or '2024-01-31 09:30'.
        share: number between 0 and 1, of the rows.

    Returns:
        Two data frames, before and after; rows keep their order. Rows of one moment stay together, before it
        if their moment began before, so that 'after' may be smaller than the share.

    Raises:
        KeyError: the column is missing.
        TypeError: its values cannot be compared with each other.
        ValueError: a time is missing or a text of another form, or one side would be empty.

    Taught in: notebook 8, "Leaks and drift".

    Example:
        >>> log = pd.DataFrame({"day": ["2024-01-09", "2024-01-10", "2023-12-30"]})
        >>> before, after = split_by_time(log, "day", share=1 / 3)
        >>> before["day"].tolist(), after["day"].tolist()
        (['2024-01-09', '2023-12-30'], ['2024-01-10'])
    """
    check_log(log, [time])
    check_share(share)
    moments = _as_ordered_times(log[time], time)
    try:
        order = moments.argsort(kind="stable").to_numpy()  # (rows,): row numbers, the earliest first
    except TypeError as error:
        raise TypeError(f"Column {time!r} cannot be ordered by time: {error}.") from None
    last = order[max(len(log) - round(share * len(log)) - 1, 0)]  # row of the last moment of what is kept
    after = (moments > moments.iloc[last]).to_numpy(dtype=bool)  # (rows,)
    if not after.any():
        raise ValueError(f"Column {time!r}: no row is later than {log[time].iloc[last]}, so there is none to hold out.")
    return log[~after], log[after]


# ------------------------------------------------------------------------------------------ rows from sets


def _other_items(items: list[Any], position: int, longest: int | None, rng: np.random.Generator) -> list[Any]:
    """A user's `items` but for the one at the `position`, −1 if it is not among them; at most `longest`, at random."""
    n = len(items) - (position >= 0)
    if longest is not None and n > longest:
        drawn = rng.choice(n, longest, replace=False).tolist()  # positions in the list without the item
        return [items[other + (0 <= position <= other)] for other in drawn]
    return items[:position] + items[position + 1 :] if position >= 0 else items.copy()


def leave_one_out(
    log: pd.DataFrame,
    user: str,
    item: str,
    others: str,
    history: pd.DataFrame | None = None,
    longest: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """A row for each item of each user, with the list of that user's other items, in which the item itself is not.

    Args:
        log: data frame.
        user: name of its column of users.
        item: name of its column of items.
        others: name of the new column of lists.
        history: data frame with the same columns, where the other items come from; None takes the log itself.
            For a log that was split by time it is the part before.
        longest: the most others that a row keeps, drawn at random, at least 1; None keeps all.
        seed: of that draw.

    Returns:
        data frame with the columns user, item and others. A user without other items has an empty list.

    Raises:
        KeyError: a column is missing.
        TypeError: a user or item is neither a string nor a whole number, or the log has strings where the history
            has numbers.
        ValueError: a value is missing, `longest` is not usable, or no user of the log is in the history.

    Taught in: notebook 9, "Rows from sets, and a leak".

    Example:
        >>> log = pd.DataFrame({"user": ["Ann", "Ann", "Ann", "Bob"], "item": ["a", "b", "c", "a"]})
        >>> leave_one_out(log, "user", "item", "others")["others"].tolist()
        [['b', 'c'], ['a', 'c'], ['a', 'b'], []]
    """
    pairs = _pairs_of(log, user, item)
    past = pairs if history is None else _pairs_of(history, user, item, " of the history")
    check_names([user, item, others])
    if longest is not None:
        check_whole("longest", longest, 1)
    check_same_type(pairs.users, f"Column {user!r}", past.users, "that of the history")
    check_same_type(pairs.items, f"Column {item!r}", past.items, "that of the history")
    owner, users = pd.factorize(past.users)  # (past pairs,): the number of each one's user
    user_of_row = users.get_indexer(pairs.users)  # (rows,): the number of the row's user, −1 without a past
    if (user_of_row < 0).all():
        raise ValueError(f"No user of the log is in the history's column {user!r}, so every list would be empty.")

    order = np.argsort(owner, kind="stable")  # the items of each user one after another
    sizes = np.bincount(owner)  # (users,)
    items = past.frame[item].iloc[order].tolist()
    items_of = [items[end - size : end] for end, size in zip(np.cumsum(sizes).tolist(), sizes.tolist(), strict=True)]
    position = np.empty(len(order), dtype="int64")  # (past pairs,): the position of each one in its user's list
    position[order] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    past_pair = past.positions_of(pairs.users, pairs.items)
    position_of_row = np.where(past_pair >= 0, position[past_pair], -1)  # (rows,), −1 if not in the list

    rng = np.random.default_rng(seed)
    lists = np.empty(len(position_of_row), dtype=object)
    for row, (number, own_position) in enumerate(zip(user_of_row.tolist(), position_of_row.tolist(), strict=True)):
        lists[row] = _other_items(items_of[number] if number >= 0 else [], own_position, longest, rng)
    rows = pairs.frame.copy()
    rows[others] = lists
    return rows


def _draw(rng: np.random.Generator, low: np.ndarray, n: int) -> np.ndarray:
    """For each entry of `low`, n different whole numbers in [0, low), each set of them as likely: int array (rows, n).

    Floyd's algorithm: Bentley and Floyd, "Programming pearls: a sample of brilliance", 1987.
    """
    drawn = np.empty((len(low), n), dtype="int64")
    for k in range(n):
        top = low - n + k
        number = rng.integers(0, top + 1)
        is_drawn = (drawn[:, :k] == number[:, None]).any(axis=1)
        drawn[:, k] = np.where(is_drawn, top, number)
    return drawn


def _nth_not_owned(
    owner: np.ndarray, owned: np.ndarray, n_items: int, user_of_row: np.ndarray, nth: np.ndarray
) -> np.ndarray:
    """The n-th of the items that a user does not own, counted from 0, for many users and n at once.

    Who owns the items 1 and 4 of 0 … 5 is left with 0, 2, 3 and 5. Before the 1 one item is left, 1 − 0; before
    the 4 there are three, 4 − 1. For n = 2 one of these numbers is at most n: one owned item stands before what is
    looked for, so that is 2 + 1 = 3.

    Args:
        owner: int array (pairs,), the users, ascending.
        owned: int array (pairs,), an item of each, each once, ascending for one user.
        n_items: how many items there are.
        user_of_row: int array (rows,), the users that are asked about.
        nth: int array (rows, columns), n for each of them.

    Returns:
        int array (rows, columns), items.

    Example:
        >>> _nth_not_owned(np.array([7, 7]), np.array([1, 4]), 6, np.array([7]), np.array([[0, 1, 2, 3]])).tolist()
        [[0, 2, 3, 5]]
    """
    first_of_user = np.searchsorted(owner, user_of_row)  # (rows,): the pair where the user's items begin
    position = np.arange(len(owner)) - np.searchsorted(owner, owner)  # (pairs,): 0, 1, … in each user
    free_before = owned - position  # (pairs,): ascending for one user, and at most n_items
    # A single search for all users: each of them has the numbers from user · (n_items + 1) on.
    numbers_of_pairs = owner * (n_items + 1) + free_before
    looked_for = user_of_row[:, None] * (n_items + 1) + nth
    owned_before = np.searchsorted(numbers_of_pairs, looked_for, side="right") - first_of_user[:, None]
    return nth + owned_before


def _check_in_log(users: pd.Index, items: pd.Index, pairs: _Pairs) -> None:
    """Raise a ValueError unless each user and item, one a row, is among the `pairs` of the log."""
    unknown = np.flatnonzero(pairs.users.unique().get_indexer(users) < 0)
    if unknown.size:
        raise ValueError(f"User {users.tolist()[unknown[0]]!r} is in no row of the log.")
    not_in_log = np.flatnonzero(pairs.positions_of(users, items) < 0)
    if not_in_log.size:
        row = not_in_log[0]
        raise ValueError(
            f"User {users.tolist()[row]!r} and {items.tolist()[row]!r}, in row {row}, are not in the log, so this item "
            "could be drawn as a negative: give a log of all that users have, such as pd.concat([log, rows])."
        )


def with_negatives(
    rows: pd.DataFrame,
    log: pd.DataFrame,
    user: str,
    item: str,
    n: int,
    label: str = "label",
    items: Iterable[Any] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Put n items that the user does not have beside each row: the row has label 1, they have label 0.

    They are drawn at random, each item as likely as any other, and no item twice for one row. All other columns,
    such as the list of `leave_one_out`, are those of the row.

    Args:
        rows: data frame with the columns `user` and `item`, one row for each label 1; each pair is in the log.
        log: data frame with the same two columns: all that users have, what is held out for a test left aside.
        user: name of the column of users.
        item: name of the column of items.
        n: negatives a row, at least 1.
        label: name of the new column of 0 and 1.
        items: the items to draw from, each once; None takes those of the log.
        seed: of the draw.

    Returns:
        data frame of (1 + n) · rows: each row is followed by its negatives.

    Raises:
        KeyError: a column is missing.
        TypeError: a user or item is neither a string nor a whole number, or strings stand where the log has numbers.
        ValueError: a value is missing, a row is not in the log, the items repeat or none of them is in the log, or a
            user has fewer than n items left.

    Taught in: notebook 9, "Negatives that nobody gave us".

    Example:
        >>> log = pd.DataFrame({"user": ["Ann", "Ann", "Bob"], "item": ["a", "b", "c"]})
        >>> with_negatives(log[:2], log, "user", "item", n=1)[["user", "item", "label"]].values.tolist()
        [['Ann', 'a', 1], ['Ann', 'c', 0], ['Ann', 'b', 1], ['Ann', 'c', 0]]
    """
    check_whole("n", n, 1)
    check_log(rows, [user, item])
    check_names([label])
    if label in rows.columns:
        raise ValueError(f"The rows have a column {label!r} already: give the label another name.")
    row_users = ids_of(rows[user], f"Column {user!r} of the rows")
    row_items = ids_of(rows[item], f"Column {item!r} of the rows")
    pairs = _pairs_of(log, user, item, " of the log")
    candidates = different_items(pairs.items.unique() if items is None else items)
    check_same_type(row_users, f"Column {user!r} of the rows", pairs.users, "that of the log")
    check_same_type(row_items, f"Column {item!r} of the rows", pairs.items, "that of the log")
    check_same_type(candidates, "items", pairs.items, f"column {item!r} of the log")

    _check_in_log(row_users, row_items, pairs)
    owner, users = pd.factorize(pairs.users)  # (pairs,)
    user_of_row = users.get_indexer(row_users)  # (rows,)
    owned = candidates.get_indexer(pairs.items)  # (pairs,): −1 if it cannot be drawn
    if (owned < 0).all():
        raise ValueError(f"None of the {len(candidates)} items is in the log's column {item!r}.")
    order = np.lexsort([owned, owner])
    order = order[owned[order] >= 0]
    owner, owned = owner[order], owned[order]

    size = np.bincount(owner, minlength=len(users))
    n_free = len(candidates) - size  # (users,)
    if (n_free[user_of_row] < n).any():
        worst = user_of_row[np.argmin(n_free[user_of_row])]
        has = f"User {users.tolist()[worst]!r} has {size[worst]} of the {len(candidates)} items"
        raise ValueError(f"{has}, so {n_free[worst]} are left: {n} negatives a row are too many.")
    nth = _draw(np.random.default_rng(seed), n_free[user_of_row], n)  # (rows, n)
    negatives = candidates.to_numpy()[_nth_not_owned(owner, owned, len(candidates), user_of_row, nth)]

    frame = rows.iloc[np.arange(len(rows)).repeat(1 + n)].reset_index(drop=True)
    frame[item] = np.column_stack([row_items.to_numpy(), negatives]).ravel()
    frame[label] = np.tile([1] + [0] * n, len(rows))
    return frame


def hold_one_out(log: pd.DataFrame, user: str, item: str, others: str, seed: int = 0) -> pd.DataFrame:
    """Hold one item of each user out, drawn at random: the queries of a test.

    Args:
        log: data frame.
        user: name of its column of users.
        item: name of its column of items.
        others: name of the new column of lists.
        seed: of the draw.

    Returns:
        data frame with the columns user, item, what is held out, and others, the list of what is left.

    Raises:
        KeyError: a column is missing.
        TypeError: a user or item is neither a string nor a whole number.
        ValueError: a value is missing, or a user has a single item.

    Taught in: notebook 9, "A test that others published".

    Example:
        >>> log = pd.DataFrame({"user": ["Ann", "Ann", "Ann"], "item": ["a", "b", "c"]})
        >>> hold_one_out(log, "user", "item", "others").values.tolist()
        [['Ann', 'c', ['a', 'b']]]
    """
    pairs = _pairs_of(log, user, item)
    number, users = pd.factorize(pairs.users)
    single = np.flatnonzero(np.bincount(number) == 1)
    if single.size:
        raise ValueError(
            f"User {users.tolist()[single[0]]!r} has a single item, so nothing is left to predict it from: "
            f"keep log[log.groupby({user!r})[{item!r}].transform('nunique') > 1]."
        )
    held_out = pairs.frame.groupby(number, sort=False).sample(1, random_state=seed)
    return leave_one_out(held_out, user, item, others, history=pairs.frame)
