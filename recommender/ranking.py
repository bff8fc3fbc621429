"""Logs and rankings, for any data frame: from who had what to rows for a model, from scores to a ranking's quality.

    log ─► split_by_user, split_by_time                       what is held out
        ─► leave_one_out ─► with_negatives                    rows: a list, a candidate, label 1 or 0
    held-out users ─► hold_one_out ─► held_out_places          where each held-out item stands among all items
        places ─► half_life_score, hit_rate                   how good a ranking of all items is
    rows with labels and scores ─► ranking_scores             how good a ranking of shown items is

A log has a row for each item that a user had: a visit, an installation, a purchase. It is taken as sets, so a repeated
pair counts once. Users and items are strings or whole numbers, in columns of any name.
"""

import numbers

import wdl_helpers as wdl

import numpy as np
import pandas as pd
from scipy import sparse

# ---------------------------------------------------------------------------------------------- checks


def check_log(log, columns):
    """Raise a clear error unless the `log` is a data frame with rows and with a value in each of the `columns`."""
    wdl.check_names(columns)
    wdl.check_frame(log, columns)
    for column in columns:
        bad = np.flatnonzero(log[column].isna())
        if bad.size:
            raise ValueError(f"Column {column!r} has {bad.size} missing values, first in row {bad[0]}.")
        kind = log[column].iloc[0]
        if isinstance(kind, (list, tuple, np.ndarray)):
            raise TypeError(f"Column {column!r} holds lists; expected one value a row: `explode` the frame first.")


def check_share(share):
    """Raise a ValueError unless the `share` is a number between 0 and 1, both excluded."""
    if not isinstance(share, numbers.Real) or isinstance(share, bool) or not 0 < share < 1:
        raise ValueError(f"share is {share!r}; expected a number between 0 and 1.")


# ---------------------------------------------------------------------------------------------- splits


def split_by_user(log, user, share, seed=0):
    """Hold a share of the users out, each with all of their rows.

    Args:
        log: data frame. user: name of the column of users. share: float in (0, 1), of the users.
        seed: int, of the draw, which depends on the users and not on the order of the rows.
    Returns:
        Two data frames, kept and held out, with no user in common; rows keep their order.
    Raises:
        KeyError: the column is missing. ValueError, TypeError: a user is missing, or one side would be empty.
    """
    check_log(log, [user])
    check_share(share)
    users = np.sort(log[user].unique())
    n = round(share * len(users))
    if not 0 < n < len(users):
        raise ValueError(f"A share of {share} of {len(users)} users leaves one side empty.")
    held_out = log[user].isin(np.random.default_rng(seed).permutation(users)[:n])
    return log[~held_out], log[held_out]


def split_by_time(log, time, share):
    """Hold the latest share of the rows out: train on the past, test on what came after.

    Args:
        log: data frame. time: name of a column that can be ordered. share: float in (0, 1), of the rows.
    Returns:
        Two data frames, before and after; rows keep their order. Rows of one moment stay together, before it
        if their moment began before, so that 'after' may be smaller than the share.
    Raises:
        KeyError: the column is missing. ValueError, TypeError: a time is missing, or one side would be empty.
    """
    check_log(log, [time])
    check_share(share)
    last = np.sort(log[time].to_numpy())[max(len(log) - round(share * len(log)) - 1, 0)]
    after = log[time] > last
    if not after.any():
        raise ValueError(f"Column {time!r}: no row is later than {last}, so nothing is left to hold out.")
    return log[~after], log[after]


# ------------------------------------------------------------------------------------------ rows from sets


def _sets(log, user, item):
    """The log as sets: one row for each user and item, without an index; with each one's code in 'u' and 'i'."""
    log = log[[user, item]].drop_duplicates(ignore_index=True)
    log["u"], users = pd.factorize(log[user])
    log["i"], items = pd.factorize(log[item])
    return log, users, items


def leave_one_out(log, user, item, others, history=None, longest=None, seed=0):
    """A row for each item of each user, with the list of that user's other items, in which the item itself is not.

    Args:
        log: data frame. user, item: names of its columns. others: name of the new column of lists.
        history: data frame with the same columns, where the other items come from; None takes the log itself.
            For a log that was split by time it is the part before.
        longest: int ≥ 1, the most others that a row keeps, drawn at random; None keeps all.
        seed: int, of that draw.
    Returns:
        data frame with the columns user, item and others. A user without other items has an empty list.
    Raises:
        KeyError: a column is missing. ValueError, TypeError: a value is missing, or `longest` is not usable.
    """
    for frame in (log,) if history is None else (log, history):
        check_log(frame, [user, item])
    wdl.check_names([user, item, others])
    if longest is not None:
        wdl.check_whole("longest", longest, 1)
    rows = log[[user, item]].drop_duplicates(ignore_index=True)
    history = rows if history is None else history[[user, item]].drop_duplicates()
    items_of = history.groupby(user, sort=False)[item].agg(list).to_dict()
    rng, lists = np.random.default_rng(seed), np.empty(len(rows), dtype=object)
    for row, (who, what) in enumerate(zip(rows[user].tolist(), rows[item].tolist(), strict=True)):
        kept = [other for other in items_of.get(who, ()) if other != what]
        if longest is not None and len(kept) > longest:
            kept = [kept[i] for i in rng.choice(len(kept), longest, replace=False)]
        lists[row] = kept
    return rows.assign(**{others: lists})


def _draw(rng, low, n):
    """For each entry of `low`, n different whole numbers in [0, low), each set of them as likely: int array (rows, n).

    Floyd's algorithm: Bentley and Floyd, "Programming pearls: a sample of brilliance", 1987.
    """
    drawn = np.empty((len(low), n), dtype="int64")
    for k in range(n):
        top = low - n + k
        number = rng.integers(0, top + 1)
        taken = (drawn[:, :k] == number[:, None]).any(axis=1)
        drawn[:, k] = np.where(taken, top, number)
    return drawn


def with_negatives(rows, log, user, item, n, label="label", items=None, seed=0):
    """Put n items that the user does not have beside each row: the row has label 1, they have label 0.

    They are drawn at random, each item as likely as any other, and no item twice for one row. All other columns,
    such as the list of `leave_one_out`, are those of the row.

    Args:
        rows: data frame with the columns `user` and `item`, one row for each label 1.
        log: data frame with the same two columns: all that users have, what is held out for a test left aside.
        user, item: names of the columns. n: int ≥ 1, negatives a row. label: name of the new column of 0 and 1.
        items: list of the items to draw from; None takes those of the log.
        seed: int, of the draw.
    Returns:
        data frame of (1 + n) · rows: each row is followed by its negatives.
    Raises:
        KeyError: a column is missing. ValueError, TypeError: a value is missing, a row is not in the log, the
        items repeat, or a user has fewer than n items left.
    """
    for frame in (rows, log):
        check_log(frame, [user, item])
    wdl.check_whole("n", n, 1)
    if label in rows.columns:
        raise ValueError(f"The rows have a column {label!r} already: give the label another name.")
    items = pd.Index(log[item].unique() if items is None else items)
    if not items.is_unique:
        raise ValueError(f"items names {items[items.duplicated()].tolist()[0]!r} more than once.")
    owned, users, _ = _sets(log, user, item)
    who = pd.Index(users).get_indexer(rows[user])
    if (who < 0).any():
        raise ValueError(f"User {rows[user].tolist()[np.argmin(who)]!r} is in no row of the log.")

    # A user's owned items in ascending order, o₀ < o₁ < …: the r-th item that is left, counted from 0, is
    # r + the number of those j with o_j − j ≤ r.
    owned["i"] = items.get_indexer(owned[item])
    owned = owned[owned["i"] >= 0].sort_values(["u", "i"])
    size = np.bincount(owned["u"], minlength=len(users))
    left = len(items) - size
    if (left[who] < n).any():
        worst = who[np.argmin(left[who])]
        raise ValueError(
            f"User {users.tolist()[worst]!r} has {size[worst]} of the {len(items)} items, so {left[worst]} are left: "
            f"{n} negatives a row are too many."
        )
    start = np.cumsum(size) - size
    shifted = owned["i"].to_numpy() - (np.arange(len(owned)) - start[owned["u"]])
    keys = owned["u"].to_numpy() * (len(items) + 1) + shifted
    rank = _draw(np.random.default_rng(seed), left[who], n)
    before = np.searchsorted(keys, who[:, None] * (len(items) + 1) + rank, side="right") - start[who][:, None]
    negatives = rank + before

    frame = (
        rows.loc[rows.index.repeat(1 + n)] if rows.index.is_unique else rows.iloc[np.arange(len(rows)).repeat(1 + n)]
    )
    frame = frame.reset_index(drop=True)
    first = np.arange(len(rows)) * (1 + n)
    column = frame[item].to_numpy().copy()
    column[np.setdiff1d(np.arange(len(frame)), first, assume_unique=True)] = items.to_numpy()[negatives].ravel()
    frame[item], frame[label] = column, 0
    frame.loc[first, label] = 1
    return frame


# ---------------------------------------------------------------------------- a ranking of all items
BLOCK = 100_000  # pairs of a query and an item that are scored at once: it bounds the memory and changes no number


def hold_one_out(log, user, item, others, seed=0):
    """Hold one item of each user out, drawn at random: the queries of a test.

    Args:
        log: data frame. user, item: names of its columns. others: name of the new column of lists.
        seed: int, of the draw.
    Returns:
        data frame with the columns user, item, what is held out, and others, the list of what is left.
    Raises:
        KeyError: a column is missing. ValueError, TypeError: a value is missing, or a user has a single item.
    """
    rows = leave_one_out(log, user, item, others)
    alone = rows[others].map(len) == 0
    if alone.any():
        raise ValueError(
            f"User {rows[user][alone].tolist()[0]!r} has a single item, so nothing is left to predict it from: "
            f"keep log[log.groupby({user!r})[{item!r}].transform('nunique') > 1]."
        )
    return rows.groupby(user, sort=False).sample(1, random_state=seed).reset_index(drop=True)


def candidates(queries, item, items):
    """Each query with each item: rows to be scored.

    Args:
        queries: data frame, one row a query. item: name of the column that gets the items. items: sequence of them.
    Returns:
        data frame of queries · items rows; a query's rows follow each other, in the order of `items`.
    """
    frame = queries.iloc[np.arange(len(queries)).repeat(len(items))].reset_index(drop=True)
    frame[item] = np.tile(np.asarray(items), len(queries))
    return frame


def set_matrix(lists, items):
    """Lists as a matrix of zeros and ones.

    Args:
        lists: sequence of lists of items. items: sequence of different items, the columns.
    Returns:
        SciPy sparse array, float64 (lists, items). An item that is not among the columns is left out.
    """
    length = np.fromiter(map(len, lists), dtype="int64", count=len(lists))
    found = pd.Index(items).get_indexer([value for one in lists for value in one])
    row = np.repeat(np.arange(len(length)), length)[found >= 0]
    matrix = sparse.coo_array((np.ones(len(row)), (row, found[found >= 0])), (len(length), len(items))).tocsr()
    matrix.data[:] = 1  # however often a list repeats an item
    return matrix


def held_out_places(queries, item, others, items, score):
    """The place of each held-out item among all items that its user does not have.

    Args:
        queries: data frame, one row a query, such as `hold_one_out` returns.
        item: name of the column of held-out items. others: name of the column of lists, which are not ranked.
        items: sequence of all different items that can be ranked, those that training never saw too.
        score: function; it gets some of the rows of `queries` and returns an array (rows, items), higher is better.
            Several calls are made, so that the memory does not grow with queries × items.
    Returns:
        float64 array (queries,), counted from 0. Items with equal scores share the mean of their places.
    Raises:
        KeyError: a column is missing. ValueError, TypeError: a held-out item is none of `items` or stands in its own
        list, or what `score` returns has another shape or is not finite.
    """
    check_log(queries, [item])
    wdl.check_frame(queries, [others])
    items = pd.Index(items)
    if not items.is_unique:
        raise ValueError(f"items names {items[items.duplicated()].tolist()[0]!r} more than once.")
    target = items.get_indexer(queries[item])
    if (target < 0).any():
        raise ValueError(
            f"{queries[item].tolist()[np.argmin(target)]!r} is held out and none of the {len(items)} items: name all "
            "that can be ranked, those that training never saw too."
        )
    found, size = np.empty(len(queries)), max(BLOCK // len(items), 1)
    order = np.argsort(queries[others].map(len), kind="stable")  # lists of one length together: less to fill up
    for start in range(0, len(queries), size):
        rows = order[start : start + size]
        block, wanted = queries.iloc[rows], target[rows, None]
        scores = np.array(score(block), dtype="float64")
        if scores.shape != (len(block), len(items)):
            raise ValueError(f"score returned the shape {scores.shape}; expected {(len(block), len(items))}.")
        if not np.isfinite(scores).all():
            raise ValueError("score returned a number that is not finite.")
        known = set_matrix(block[others], items).toarray() > 0
        if np.take_along_axis(known, wanted, axis=1).any():
            raise ValueError("A held-out item stands in its own list: a model could read it there.")
        own = np.take_along_axis(scores, wanted, axis=1)
        above, equal = (scores > own) & ~known, (scores == own) & ~known
        found[rows] = above.sum(axis=1) + (equal.sum(axis=1) - 1) / 2
    return found


def half_life_score(places, half_life):
    """How high held-out items stand, in percent: 100 if all stand first, and half as much for `half_life` places more.

    Args:
        places: array of places counted from 0, from `held_out_places`. half_life: float > 0, in places.
    Returns:
        float, 100 · mean of 2^(−place / half_life).
    Raises:
        ValueError: there is no place, or half_life is not above 0.
    Source:
        Heckerman et al., "Dependency Networks for Inference, Collaborative Filtering, and Data Visualization",
        JMLR 1, 2000, where half_life is 5.
    """
    places = np.asarray(places, dtype="float64")
    if not places.size or not half_life > 0:
        raise ValueError(f"There are {places.size} places and half_life is {half_life!r}; expected both above 0.")
    return float(100 * np.mean(2 ** (-places / half_life)))


def hit_rate(places, k):
    """The share of held-out items among the first `k`; `places`, counted from 0, are those of `held_out_places`."""
    wdl.check_whole("k", k, 1)
    return float(np.mean(np.asarray(places) <= k - 1))


# --------------------------------------------------------------------------- a ranking of labelled rows


def ranking_scores(frame, query, label, scores, k=10):
    """How well scores rank the rows of each query, as recommender people measure it.

    Args:
        frame: data frame of impressions, one row for each item of each query.
        query: name of the column that tells the queries, such as a visit, apart. label: name of a column of 0 and 1.
        scores: array (rows,), higher is better. k: int ≥ 1, places on the page.
    Returns:
        dict with 'NDCG@k', the mean of Σ label/log2(1 + place) over the first k places as a share of the best
        possible order's, and 'hit rate@k', the share of queries with a 1 on the first k places; both over the
        'queries' that have a 1 at all. Rows with equal scores share the mean of their places' worth, as in
        scikit-learn's `ndcg_score`; a hit needs a 1 that is among the first k whichever of the equals go first.
    Raises:
        KeyError: a column is missing. TypeError, ValueError: labels are not 0/1 or of one class, a query is missing,
        a score is not a finite number, or there are not as many scores as rows.
    Source:
        Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002.
    """
    wdl.check_frame(frame, [query, label])
    wdl.check_whole("k", k, 1)
    labels, scores = wdl.check_labels(frame[label]), np.asarray(scores, dtype="float64")
    if scores.shape != labels.shape:
        raise ValueError(f"The scores have the shape {scores.shape}; expected one for each of {len(labels)} rows.")
    if not np.isfinite(scores).all():
        raise ValueError(f"Row {np.flatnonzero(~np.isfinite(scores))[0]} has a score that is not a finite number.")
    if frame[query].isna().any():
        raise ValueError(f"Column {query!r} has a missing value: each row needs its query.")
    rows = pd.DataFrame({"query": frame[query].to_numpy(), "label": labels.astype("float64"), "score": scores})
    rows = rows.sort_values("score", ascending=False, kind="stable")
    place = rows.groupby("query").cumcount() + 1
    rows["worth"] = np.where(place <= k, 1 / np.log2(place + 1), 0)
    shared = rows.groupby(["query", "score"])["worth"].transform("mean")
    worst = rows.groupby("query")["score"].rank(method="max", ascending=False)
    rows["gain"], rows["hit"] = rows["label"] * shared, rows["label"] * (worst <= k)
    # The best order has the 1s in front: as many places' worths as there are 1s.
    rows["best"] = rows["worth"] * (place <= rows.groupby("query")["label"].transform("sum"))
    total = rows.groupby("query")[["label", "gain", "best"]].sum().assign(hit=rows.groupby("query")["hit"].max())
    total = total[total["label"] > 0]
    return {
        f"NDCG@{k}": float((total["gain"] / total["best"]).mean()),
        f"hit rate@{k}": float(total["hit"].mean()),
        "queries": len(total),
    }
