"""Retrieval: of very many items, the few that a ranking model then looks at.

    fit_deep ─► two_towers ─► train_towers         a vector for each user and each item, whose dot product is the score
             ─► user_vectors, item_vectors
             ─► top_k                              the k best items, by computing every score
             ─► build_index ─► approximate_top_k   nearly the same items, by computing few scores
             ─► recall_at_k                        how many of the relevant items are retrieved

The two towers are trained with the other items of a batch as negatives. A popular item is in many batches, so it is a
negative more often; the logQ correction makes up for that (Yi et al., "Sampling-Bias-Corrected Neural Modeling for
Large Corpus Item Recommendations", RecSys 2019).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from recommender.logs import check_log
from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.checks import check_fitted, check_names, check_whole
from wide_deep.features import DeepFeatures, deep_inputs
from wide_deep.models import check_units, make_tower
from wide_deep.optimizers import as_optimizer, build_for, warn_of_repeated_ids

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf
import voyager
from keras import layers
from scipy import sparse

__all__ = [
    "Towers", "approximate_top_k", "build_index", "in_batch_losses", "item_vectors", "log_frequencies", "recall_at_k",
    "top_k", "train_towers", "two_towers", "user_vectors",
]  # fmt: skip

# ------------------------------------------------------------------------------------- two towers


class Towers(NamedTuple):
    """Two networks that end in vectors of the same length, and the features that they take."""

    users: keras.Model  # {'deep_ids', 'numbers'} of a user → (rows, dimension)
    items: keras.Model  # the same of an item
    user_features: DeepFeatures
    item_features: DeepFeatures


def _tower(features: DeepFeatures, embedding_dim: int, units: Sequence[int], dimension: int, name: str) -> keras.Model:
    inputs, activations = make_tower(features, embedding_dim, units, name)
    vector = layers.Dense(dimension, use_bias=False, name=f"{name}_vector")(activations)  # (rows, dimension)
    return keras.Model(inputs, vector, name=f"{name}_tower")


def two_towers(
    users: DeepFeatures,
    items: DeepFeatures,
    *,
    embedding_dim: int = 32,
    units: Sequence[int] = (64,),
    dimension: int = 32,
) -> Towers:
    """Two untrained networks, one for the user's columns and one for the item's.

    They meet only in the dot product of their vectors. So all items' vectors can be computed beforehand, and searched.

    Args:
        users: what `fit_deep` returned for the columns of a user, or of whatever asks.
        items: what `fit_deep` returned for the columns of an item.
        embedding_dim: length of each category's vector.
        units: neurons of each ReLU layer, in both towers; there may be none.
        dimension: length of the vectors in which the towers end.

    Returns:
        The two models with their features.

    Raises:
        TypeError: units is not a list.
        ValueError: features are not from `fit_deep`, or a size is no whole number of at least 1.

    Source:
        Covington, Adams and Sargin, "Deep Neural Networks for YouTube Recommendations", RecSys 2016; Yi et al., 2019.

    Taught in: notebook 6, "Two towers".

    Example:
        >>> from wide_deep.features import fit_deep
        >>> rows = pd.DataFrame({"has": ["maps", "chess"], "app": ["news", "go"]})
        >>> towers = two_towers(fit_deep(rows, ["has"], []), fit_deep(rows, ["app"], []), dimension=8)
        >>> towers.users.output_shape, towers.items.output_shape
        ((None, 8), (None, 8))
    """
    for features in (users, items):
        check_fitted(features, "deep")
    for name, size in {"embedding_dim": embedding_dim, "dimension": dimension}.items():
        check_whole(name, size, 1)
    units = check_units(units)
    return Towers(
        _tower(users, embedding_dim, units, dimension, "user"),
        _tower(items, embedding_dim, units, dimension, "item"),
        users,
        items,
    )


# ------------------------------------------------------------------------- negatives from the batch


def log_frequencies(frame: pd.DataFrame, item: str) -> np.ndarray:
    """log Q: for each row the logarithm of its item's share of the rows, the chance that a random row has that item.

    Args:
        frame: the training rows.
        item: name of the column that tells the items apart.

    Returns:
        float32 array (rows,).

    Raises:
        KeyError: the column is missing.
        TypeError: the name of the column is no string, or the column holds lists.
        ValueError: an item is missing.

    Source:
        Yi et al., 2019, section 4.

    Taught in: notebook 6, "Popular items are penalized".

    Example:
        >>> print(log_frequencies(pd.DataFrame({"app": ["maps", "maps", "go", "maps"]}), "app").round(3))
        [-0.288 -0.288 -1.386 -0.288]
    """
    check_log(frame, [item])
    counts = frame.groupby(item, observed=True)[item].transform("size").to_numpy()  # (rows,)
    return np.log(counts / len(frame)).astype("float32")


@tf.custom_gradient
def _log_sum_exp(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:  # (rows, columns) → (rows, 1)
    largest = tf.reduce_max(x, axis=1, keepdims=True)
    result = largest + tf.math.log(tf.reduce_sum(tf.exp(x - largest), axis=1, keepdims=True))

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        # TensorFlow's own takes the kernel Reciprocal, whose bits differ between processors.
        return upstream * tf.exp(x - result)

    return result, gradient


def in_batch_losses(scores: tf.Tensor, items: tf.Tensor, log_q: tf.Tensor | None = None) -> tf.Tensor:
    """The softmax loss of each row, whose own item competes with the items of the other rows of the batch.

    With `log_q` each of the n − 1 others counts 1 / ((n − 1) Q) times. They are there by chance, an item with the
    probability Q, so the sum of exp(score) over them is on average the sum over all items but the own one: the loss is
    nearly that of a softmax over all items. The own item is there for certain, so its score is left as it is.

    Args:
        scores: float (rows, rows); the score of row i's user for row j's item, the right one on the diagonal.
        items: int (rows,), a number for each different item. A row with the same item is no negative.
        log_q: float (rows,), from `log_frequencies`; None leaves the scores as they are.

    Returns:
        float tensor (rows,), in nats.

    Source:
        Yi et al., 2019, section 4, who correct the own score too. That it is to be left is shown in Khrylchenko et al.,
        "Correcting the LogQ Correction: Revisiting Sampled Softmax for Large-Scale Retrieval", RecSys 2025.

    Taught in: notebook 6, "Popular items are penalized".

    Example:
        >>> scores = np.array([[1.0, 0.0, 5.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], "float32")
        >>> print(in_batch_losses(scores, np.array([7, 8, 7])).numpy().round(3))  # the first and the last share an item
        [0.313 0.551 0.313]
    """
    scores = tf.convert_to_tensor(scores)
    n = tf.shape(scores)[0]
    is_own = tf.eye(n, dtype=tf.bool)  # (rows, rows)
    own = tf.linalg.diag_part(scores)  # (rows,)
    items = tf.reshape(items, (-1,))
    is_negative = tf.not_equal(items[:, None], items[None, :])  # (rows, rows)
    if log_q is not None:
        others = tf.cast(n - 1, scores.dtype)
        log_expected = tf.reshape(log_q, (1, -1)) + tf.math.log(others)  # how often an item is there, on average
        scores = tf.where(is_own, scores, scores - log_expected)
    competing = tf.where(is_negative | is_own, scores, scores.dtype.min / 2)
    return _log_sum_exp(competing)[:, 0] - own


def train_towers(
    towers: Towers,
    rows: pd.DataFrame,
    item: str,
    optimizer: keras.optimizers.Optimizer | str,
    *,
    epochs: int = 10,
    batch_size: int = 256,
    log_q: bool = True,
) -> list[float]:
    """Train both towers on rows of label 1: each user with an item that the user took.

    The order of the rows comes from NumPy's global random numbers, as in `train`. Rows that do not fill a
    batch sit an epoch out.

    Args:
        towers: from `two_towers`.
        rows: data frame with the columns of both towers, a row for each user and item.
        item: name of the column that tells the items apart.
        optimizer: Keras optimizer that is new, or has trained these towers before; a name, such as 'sgd', is one of
            Keras' own.
        epochs: passes over the rows, at least 1.
        batch_size: rows of a step, at least 2: with n rows each has at most n − 1 negatives.
        log_q: whether to correct for how often each item is a negative.

    Returns:
        The mean loss of each epoch.

    Raises:
        KeyError: a column is missing.
        TypeError: a cell is of a type that no feature has, or a name is no string.
        ValueError: there are fewer rows than a batch has, all rows have the same item, an item or a cell is missing,
            or the optimizer has trained other weights.
        FloatingPointError: the loss became NaN or infinite.

    Source:
        Yi et al., 2019, algorithm 1.

    Taught in: notebook 6, "Two towers".

    Example:
        >>> from wide_deep.features import fit_deep
        >>> from wide_deep.optimizers import Adam
        >>> rows = pd.DataFrame({"has": ["maps", "chess"] * 8, "app": ["news", "go"] * 8})
        >>> keras.utils.set_random_seed(0)
        >>> towers = two_towers(fit_deep(rows, ["has"], []), fit_deep(rows, ["app"], []))
        >>> losses = train_towers(towers, rows, "app", Adam(0.03), epochs=10, batch_size=8)
        >>> losses[-1] < losses[0]
        True
    """
    check_names([item])
    check_whole("epochs", epochs, 1)
    check_whole("batch_size", batch_size, 2)
    log_shares = log_frequencies(rows, item)
    if len(rows) < batch_size:
        raise ValueError(f"There are {len(rows)} rows and a batch has {batch_size}: lower batch_size.")
    codes = pd.factorize(rows[item])[0]
    if codes.max() == 0:
        raise ValueError(f"All {len(rows)} rows have the same {item!r}, so there is no negative.")
    data = {
        "users": [tf.constant(array) for array in deep_inputs(rows, towers.user_features).values()],
        "items": [tf.constant(array) for array in deep_inputs(rows, towers.item_features).values()],
        "codes": tf.constant(codes),
        "log_q": tf.constant(log_shares),
    }
    both = _both(towers)
    optimizer = as_optimizer("optimizer", optimizer)
    build_for(optimizer, both)
    warn_of_repeated_ids(optimizer)
    weights = both.trainable_variables

    @tf.function
    def take_all(data: dict[str, Any], batches: tf.Tensor) -> tf.Tensor:  # batches: (steps, batch size), row numbers
        total = tf.zeros(())
        for numbers in batches:
            batch = tf.nest.map_structure(lambda array, chosen=numbers: tf.gather(array, chosen), data)
            with tf.GradientTape() as tape:
                users, items = both([*batch["users"], *batch["items"]], training=True)  # (batch size, dimension) each
                scores = tf.matmul(users, items, transpose_b=True)  # (batch size, batch size)
                loss = tf.reduce_mean(in_batch_losses(scores, batch["codes"], batch["log_q"] if log_q else None))
            optimizer.apply(tape.gradient(loss, [weight.value for weight in weights]), weights)
            total += loss
        return total

    losses = []
    for _ in range(epochs):
        order = np.random.permutation(len(rows)).astype("int32")  # noqa: NPY002, so that a notebook's seed counts
        batches = order[: len(rows) // batch_size * batch_size].reshape(-1, batch_size)
        losses.append(float(take_all(data, tf.constant(batches))) / len(batches))
        if not np.isfinite(losses[-1]):
            raise FloatingPointError("The loss of the towers became NaN or infinite: lower the learning rate.")
    return losses


def _both(towers: Towers) -> keras.Model:
    """One model of both towers, with their inputs one after the other, that returns the two vectors."""
    user_inputs, item_inputs = (
        [keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=f"{name}_{tensor.name}") for tensor in tower.inputs]
        for name, tower in (("user", towers.users), ("item", towers.items))
    )
    outputs = [towers.users(user_inputs), towers.items(item_inputs)]
    return keras.Model([*user_inputs, *item_inputs], outputs, name="two_towers")


# ------------------------------------------------------------------------------------------ vectors


def _vectors(tower: keras.Model, frame: pd.DataFrame, features: DeepFeatures) -> np.ndarray:
    return tower.predict(list(deep_inputs(frame, features).values()), batch_size=4096, verbose=0)


def user_vectors(towers: Towers, frame: pd.DataFrame) -> np.ndarray:
    """The vectors of users.

    Args:
        towers: from `two_towers`.
        frame: data frame with the users' columns; values that training never saw have id 0.

    Returns:
        float32 array (rows, dimension).

    Raises:
        KeyError: a column is missing.
        TypeError: a cell has a type that no feature has.
        ValueError: a cell is missing.

    Taught in: notebook 6, "Two towers".

    Example:
        >>> from wide_deep.features import fit_deep
        >>> rows = pd.DataFrame({"has": ["maps", "chess"], "app": ["news", "go"]})
        >>> towers = two_towers(fit_deep(rows, ["has"], []), fit_deep(rows, ["app"], []), dimension=8)
        >>> user_vectors(towers, pd.DataFrame({"has": ["maps", "chess", "maps"]})).shape
        (3, 8)
    """
    return _vectors(towers.users, frame, towers.user_features)


def item_vectors(towers: Towers, frame: pd.DataFrame) -> np.ndarray:
    """The vectors of items.

    Args:
        towers: from `two_towers`.
        frame: data frame with the items' columns, such as a catalogue with a row for each item.

    Returns:
        float32 array (rows, dimension).

    Raises:
        KeyError: a column is missing.
        TypeError: a cell has a type that no feature has.
        ValueError: a cell is missing.

    Taught in: notebook 6, "Two towers".

    Example:
        >>> from wide_deep.features import fit_deep
        >>> rows = pd.DataFrame({"has": ["maps", "chess"], "app": ["news", "go"]})
        >>> towers = two_towers(fit_deep(rows, ["has"], []), fit_deep(rows, ["app"], []), dimension=8)
        >>> item_vectors(towers, pd.DataFrame({"app": ["go"]})).shape
        (1, 8)
    """
    return _vectors(towers.items, frame, towers.item_features)


# -------------------------------------------------------------------------------------------- search

SCORES_AT_ONCE = 4_000_000  # scores that are held at a time: it bounds the memory, changes no order


def _matrix(vectors: npt.ArrayLike, name: str) -> np.ndarray:
    """The vectors as a float32 or float64 matrix (rows, dimension); a clear error unless they are numbers."""
    array = np.asarray(vectors)
    if array.ndim != 2 or not array.size or array.dtype.kind not in "iuf":
        raise ValueError(
            f"{name} has the shape {array.shape} and the type {array.dtype}; expected numbers (rows, dimension)."
        )
    return array if array.dtype in (np.float32, np.float64) else array.astype("float64")


def _check_finite(vectors: np.ndarray, name: str) -> None:
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if bad.size:
        raise ValueError(f"{name} has {bad.size} vectors with NaN or infinite numbers, first in row {bad[0]}.")


def _check_search(queries: np.ndarray, n_items: int, dimension: int, k: int) -> None:
    check_whole("k", k, 1)
    if queries.shape[1] != dimension:
        raise ValueError(f"The queries have {queries.shape[1]} numbers and the items {dimension}; expected as many.")
    if k > n_items:
        raise ValueError(f"k is {k}, but there are only {n_items} items.")


def _best(scores: np.ndarray, k: int) -> np.ndarray:
    """The indices of the k largest of the scores (items,), the largest first; ties in their order: int64 (k,)."""
    smallest = np.partition(scores, len(scores) - k)[len(scores) - k]  # the k-th largest score
    candidates = np.flatnonzero(scores >= smallest)  # at least k, ascending
    return candidates[np.argsort(-scores[candidates], kind="stable")[:k]]


def top_k(queries: npt.ArrayLike, items: npt.ArrayLike, k: int, excluded: sparse.csr_array | None = None) -> np.ndarray:
    """The k items with the largest dot products, exactly: every score is computed.

    Args:
        queries: (queries, dimension), such as `user_vectors`.
        items: (items, dimension), such as `item_vectors`.
        k: how many items are found for each query, at least 1.
        excluded: sparse array (queries, items), not 0 where an item must not be retrieved, such as
            `ranking.set_matrix` returns; None excludes nothing.

    Returns:
        int64 array (queries, k): rows of `items`, the best first. Of equal scores the lower row goes first.

    Raises:
        ValueError: a vector has another length or is not finite, k is larger than the number of items, or of the items
            that are left.

    Taught in: notebook 6, "A dot product can be searched".

    Example:
        >>> top_k([[1.0, 0.0]], [[1.0, 5.0], [3.0, 0.0], [1.0, 2.0]], k=2).tolist()
        [[1, 0]]
    """
    queries = _matrix(queries, "queries")
    items = _matrix(items, "items")
    _check_finite(queries, "queries")
    n_items = len(items)
    _check_search(queries, n_items, items.shape[1], k)
    if excluded is not None:
        if excluded.shape != (len(queries), n_items):
            raise ValueError(f"excluded has the shape {excluded.shape}; expected {(len(queries), n_items)}.")
        n_left = n_items - excluded.astype(bool).sum(axis=1)
        if (n_left < k).any():
            raise ValueError(f"k is {k}, but for query {np.argmax(n_left < k)} only {n_left.min()} items are left.")
    best = np.empty((len(queries), k), dtype="int64")
    at_once = max(SCORES_AT_ONCE // n_items, 1)
    for start in range(0, len(queries), at_once):
        with np.errstate(over="ignore", invalid="ignore"):  # the check below says what is wrong
            scores = queries[start : start + at_once] @ items.T  # (these queries, items)
        if not np.isfinite(scores).all():  # looked for here, since the items are many times as many numbers
            _check_finite(items, "items")
            raise ValueError("A dot product is too large for its type: scale the vectors down.")
        if excluded is not None:
            scores[excluded[start : start + at_once].toarray() != 0] = -np.inf
        for i, row in enumerate(scores, start):
            best[i] = _best(row, k)
    return best


def build_index(items: npt.ArrayLike, *, links: int = 16, effort: int = 100, seed: int = 0) -> voyager.Index:
    """An index for approximate search: a graph in which each item is linked to items that are near (HNSW).

    It is built by one thread, so the same vectors and seed give the same index; that takes minutes for a million items.

    Args:
        items: (items, dimension), such as `item_vectors`.
        links: of each item, at least 2. More take more memory, and find more.
        effort: items that are looked at to find an item's links, at least 1. More take longer, and find better ones.
        seed: of the graph's levels.

    Returns:
        The index, which `index.save("file")` keeps. It holds the vectors, as 32-bit numbers.

    Raises:
        ValueError: a vector is not finite, or a setting is not usable.

    Source:
        Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable
        Small World graphs", 2016, arXiv 1603.09320.

    Taught in: notebook 6, "Almost the best, for less work".

    Example:
        >>> len(build_index(np.eye(5)))
        5
    """
    items = _matrix(items, "items")
    _check_finite(items, "items")
    check_whole("links", links, 2)
    check_whole("effort", effort, 1)
    check_whole("seed", seed, 0)
    index = voyager.Index(
        voyager.Space.InnerProduct,
        items.shape[1],
        M=links,
        ef_construction=effort,
        random_seed=seed,
        max_elements=len(items),
    )
    index.add_items(items.astype("float32"), num_threads=1)
    return index


def approximate_top_k(index: voyager.Index, queries: npt.ArrayLike, k: int, effort: int | None = None) -> np.ndarray:
    """The k items with the largest dot products, or nearly those: few scores are computed.

    Args:
        index: from `build_index`.
        queries: (queries, dimension), such as `user_vectors`.
        k: how many items are found for each query, at least 1.
        effort: candidates that the search keeps, at least k. More take longer, and find more of the best; None takes k.

    Returns:
        int64 array (queries, k): rows of the items, the best first.

    Raises:
        ValueError: a vector has another length or is not finite, k is larger than the number of items, or effort is
            smaller than k.

    Taught in: notebook 6, "Almost the best, for less work".

    Example:
        >>> approximate_top_k(build_index([[1.0, 5.0], [3.0, 0.0], [1.0, 2.0]]), [[1.0, 0.1]], k=2).tolist()
        [[1, 0]]
    """
    queries = _matrix(queries, "queries")
    _check_finite(queries, "queries")
    _check_search(queries, len(index), index.num_dimensions, k)
    effort = k if effort is None else effort
    check_whole("effort", effort, k)
    best, _ = index.query(queries.astype("float32"), k, num_threads=1, query_ef=effort)
    return best.astype("int64").reshape(len(queries), k)


# ---------------------------------------------------------------------------------------- how good it is


def recall_at_k(retrieved: npt.ArrayLike, relevant: Iterable[Sequence[int] | np.ndarray]) -> float:
    """The share of the relevant items that were retrieved: the mean over the queries.

    Args:
        retrieved: int (queries, k), rows of items, from `top_k` or `approximate_top_k`.
        relevant: for each query the rows of the items that should be retrieved, at least one: what a user took later,
            or what the exact search finds.

    Returns:
        a share, 0 to 1.

    Raises:
        ValueError: the two differ in length, there is no query, or for one query an item is retrieved twice or none is
            relevant.

    Taught in: notebook 6, "Two towers".

    Example:
        >>> recall_at_k([[3, 1], [0, 2]], [[1], [1, 2]])  # 1 of 1, and 1 of 2
        0.75
    """
    retrieved = np.asarray(retrieved)
    relevant = [np.unique(items) for items in relevant]
    if retrieved.ndim != 2 or not retrieved.size or len(retrieved) != len(relevant):
        raise ValueError(
            f"retrieved has the shape {retrieved.shape} for {len(relevant)} queries; expected (queries, k)."
        )
    shares = []
    for query, (items, targets) in enumerate(zip(retrieved, relevant, strict=True)):
        if len(np.unique(items)) < len(items):
            raise ValueError(f"Query {query} retrieved an item twice.")
        if not len(targets):
            raise ValueError(f"Query {query} has no relevant item, so it has no recall: leave it out.")
        shares.append(np.isin(targets, items).mean())
    return float(np.mean(shares))
