"""Retrieval: the softmax over a batch, the logQ correction, the two towers, and search, exact and approximate."""

import itertools

import wdl_helpers as wdl
from recommender import ranking, retrieval

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import FEW, column_names
from scipy.special import log_softmax

# Two kinds of people, who take apps of their kind; 'hit' is taken by everyone.
ROWS = pd.DataFrame(
    [("music", app) for app in ["tune", "beat", "song"] * 10 + ["hit"] * 30]
    + [("travel", app) for app in ["trip", "hotel", "train"] * 10 + ["hit"] * 30],
    columns=["likes", "app"],
)
CATALOGUE = ROWS[["app"]].drop_duplicates(ignore_index=True)


def towers_of(rows, user="likes", item="app", **sizes):
    return retrieval.two_towers(wdl.fit_deep(rows, [user], []), wdl.fit_deep(rows, [item], []), **sizes)


def trained(rows=ROWS, item="app", user="likes", seed=0, epochs=30, **settings):
    keras.utils.set_random_seed(seed)
    towers = towers_of(rows, user, item, dimension=8)
    losses = retrieval.train_towers(towers, rows, item, wdl.Adam(0.01), epochs=epochs, batch_size=30, **settings)
    return towers, losses


# --------------------------------------------------------------------------------- the loss of a batch


def test_the_loss_is_a_softmax_over_the_batch():
    scores = np.random.default_rng(0).normal(size=(5, 5)).astype("float32")
    expected = -np.diag(log_softmax(scores, axis=1))
    assert np.allclose(retrieval.in_batch_losses(scores, np.arange(5)), expected, atol=1e-6)


def test_log_q_is_taken_from_the_scores_of_the_negatives():
    """By hand: three rows, so each has two negatives, and an item with the share q is expected 2 q times."""
    scores = np.array([[2.0, 1.0, -1.0], [0.5, 3.0, 0.0], [0.0, 0.2, 1.0]], "float32")
    q = np.array([0.5, 0.3, 0.2], "float32")
    found = retrieval.in_batch_losses(scores, np.array([0, 1, 2]), np.log(q)).numpy()
    e = np.exp(scores)
    first = -np.log(e[0, 0] / (e[0, 0] + e[0, 1] / (2 * 0.3) + e[0, 2] / (2 * 0.2)))
    last = -np.log(e[2, 2] / (e[2, 2] + e[2, 0] / (2 * 0.5) + e[2, 1] / (2 * 0.3)))
    assert np.allclose(found[[0, 2]], [first, last], atol=1e-6)


def test_the_correction_makes_the_batch_stand_for_all_items():
    """Over all batches, weighted by their probability, the corrected sum in the loss is the sum over all items."""
    q, item_scores = np.array([0.7, 0.2, 0.1]), np.array([1.0, -0.5, 2.0])
    mean_sum = 0.0
    for others in itertools.product(range(3), repeat=3):
        batch = np.array([1, *others])  # the own item is number 1
        scores = np.tile(item_scores[batch], (4, 1)).astype("float32")
        loss = retrieval.in_batch_losses(scores, batch, np.log(q)[batch].astype("float32")).numpy()[0]
        mean_sum += np.prod(q[list(others)]) * np.exp(loss + item_scores[1])
    assert mean_sum == pytest.approx(np.exp(item_scores).sum(), rel=1e-5)


def test_the_same_item_in_another_row_is_no_negative():
    scores = np.array([[1.0, 0.0, 9.0], [0.0, 1.0, 0.0], [9.0, 0.0, 1.0]], "float32")
    found = retrieval.in_batch_losses(scores, np.array([4, 7, 4])).numpy()
    assert np.allclose(found, [np.log(1 + np.exp(-1)), np.log(1 + 2 * np.exp(-1)), np.log(1 + np.exp(-1))], atol=1e-6)


def test_the_gradient_is_the_softmax_less_the_label_and_0_at_a_repeated_item():
    scores = tf.Variable(np.random.default_rng(1).normal(size=(4, 4)).astype("float32"))
    items = np.array([0, 1, 0, 2])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(retrieval.in_batch_losses(scores, items))
    masked = np.where((items[:, None] == items) & ~np.eye(4, dtype=bool), -np.inf, scores.numpy())
    expected = np.exp(log_softmax(masked, axis=1)) - np.eye(4)
    assert np.allclose(tape.gradient(loss, scores), expected, atol=1e-6)


def test_large_scores_do_not_overflow():
    scores = np.array([[500.0, 0.0], [0.0, -500.0]], "float32")
    assert np.allclose(retrieval.in_batch_losses(scores, np.array([0, 1])), [0.0, 500.0])


def test_log_frequencies_are_shares_of_the_rows_whatever_the_index():
    frame = pd.DataFrame({"app": ["b", "a", "b", "b"]}, index=[9, 9, 3, 1])
    found = retrieval.log_frequencies(frame, "app")
    assert found.dtype == "float32" and np.allclose(np.exp(found), [0.75, 0.25, 0.75, 0.75])


def test_log_frequencies_refuse_a_missing_item():
    with pytest.raises(TypeError, match="Column 'app' holds lists; expected one value a row"):
        retrieval.log_frequencies(pd.DataFrame({"app": [["a"], ["b"]]}), "app")
    with pytest.raises(ValueError, match="Column 'app' has 1 missing values, first in row 1"):
        retrieval.log_frequencies(pd.DataFrame({"app": ["a", None]}), "app")


# ------------------------------------------------------------------------------------------ two towers


def test_towers_learn_who_takes_what():
    towers, losses = trained()
    scores = retrieval.user_vectors(towers, ROWS.iloc[[0, 60]]) @ retrieval.item_vectors(towers, CATALOGUE).T
    scores = pd.DataFrame(scores, ["music", "travel"], CATALOGUE["app"])
    assert scores.loc["music", ["tune", "beat", "song"]].min() > scores.loc["music", ["trip", "hotel", "train"]].max()
    assert scores.loc["travel", ["trip", "hotel", "train"]].min() > scores.loc["travel", ["tune", "song"]].max()
    assert len(losses) == 30 and losses[-1] < losses[0]


def test_the_correction_brings_popular_items_back():
    """Half of the rows of each kind are 'hit'. Without the correction it is a negative too often."""
    gains = {}
    for log_q in (True, False):
        towers, _ = trained(log_q=log_q)
        scores = retrieval.user_vectors(towers, ROWS.iloc[[0, 60]]) @ retrieval.item_vectors(towers, CATALOGUE).T
        scores = pd.DataFrame(scores, ["music", "travel"], CATALOGUE["app"])
        gains[log_q] = scores.loc["music", "hit"] - scores.loc["music", ["tune", "beat", "song"]].mean()
    assert gains[True] == pytest.approx(np.log(3), abs=0.3)  # it is taken three times as often as each other one
    assert gains[False] < gains[True] - 0.5


def test_the_same_seed_gives_the_same_vectors_and_another_one_others():
    wdl.reproducible(seed=0)
    vectors = [retrieval.item_vectors(trained(seed=seed, epochs=2)[0], CATALOGUE) for seed in (1, 1, 2)]
    assert np.array_equal(vectors[0], vectors[1]) and not np.allclose(vectors[0], vectors[2])


def test_a_tower_is_its_layers_by_hand():
    rows = ROWS.assign(age=np.arange(len(ROWS)))
    towers = retrieval.two_towers(
        wdl.fit_deep(rows, ["likes"], ["age"]),
        wdl.fit_deep(rows, ["app"], []),
        embedding_dim=3,
        units=(5, 4),
        dimension=2,
    )
    inputs = wdl.deep_inputs(rows, towers.user_features)
    table, first, first_bias, second, second_bias, last = towers.users.get_weights()
    a = np.hstack([table[inputs["deep_ids"][:, 0, 0]], inputs["numbers"]])
    a = np.maximum(0, a @ first + first_bias)
    a = np.maximum(0, a @ second + second_bias)
    assert np.allclose(retrieval.user_vectors(towers, rows), a @ last, atol=1e-5)
    assert [weights.shape for weights in towers.items.get_weights()] == [(8, 3), (3, 5), (5,), (5, 4), (4,), (4, 2)]


def test_unknown_values_get_the_vector_of_nothing():
    towers, _ = trained(epochs=2)
    known, unknown, other = retrieval.item_vectors(towers, pd.DataFrame({"app": ["hit", "never", "seen"]}))
    assert np.array_equal(unknown, other) and not np.allclose(known, unknown)


@settings(FEW, max_examples=5)  # each builds a graph
@given(column_names(2))
def test_columns_may_have_any_names(names):
    user, item = names
    rows = ROWS.rename(columns={"likes": user, "app": item})
    towers, losses = trained(rows, item, user, epochs=1)
    assert np.isfinite(losses).all() and retrieval.user_vectors(towers, rows).shape == (len(rows), 8)


def test_training_may_go_on_with_the_same_optimizer_and_not_with_anothers():
    towers, adam = towers_of(ROWS), wdl.Adam(0.01)
    for _ in range(2):
        retrieval.train_towers(towers, ROWS, "app", adam, epochs=1, batch_size=30)
    assert adam.iterations.numpy() == 2 * (len(ROWS) // 30)
    with pytest.raises(ValueError, match="keeps slots of other weights"):
        retrieval.train_towers(towers_of(ROWS), ROWS, "app", adam, epochs=1, batch_size=30)


def test_rows_that_fill_no_batch_wait():
    towers, adam = towers_of(ROWS), wdl.Adam(0.01)
    retrieval.train_towers(towers, ROWS, "app", adam, epochs=3, batch_size=50)
    assert adam.iterations.numpy() == 3 * 2  # 120 rows


def test_one_batch_may_hold_all_rows_and_the_loss_is_its_mean():
    towers = towers_of(ROWS)
    scores = retrieval.user_vectors(towers, ROWS) @ retrieval.item_vectors(towers, ROWS).T  # before the first step
    log_q = retrieval.log_frequencies(ROWS, "app")
    expected = retrieval.in_batch_losses(scores, pd.factorize(ROWS["app"])[0], log_q).numpy().mean()
    losses = retrieval.train_towers(towers, ROWS, "app", wdl.Adam(0.01), epochs=2, batch_size=120)
    assert losses[0] == pytest.approx(expected, abs=1e-4)
    assert len(losses) == 2 and losses[1] < losses[0]


BAD_TRAINING = {
    "optimizer": ({"optimizer": 0.01}, TypeError, "optimizer is 0.01; expected a Keras optimizer"),
    "column": ({"item": "no"}, KeyError, "no column 'no'"),
    "too few rows": ({"batch_size": 500}, ValueError, "There are 120 rows and a batch has 500"),
    "no negative": ({"rows": ROWS[ROWS["app"] == "hit"]}, ValueError, "have the same 'app', so there is no negative"),
    "batch of one": ({"batch_size": 1}, ValueError, "batch_size is 1; expected a whole number of at least 2"),
    "no epoch": ({"epochs": 0}, ValueError, "epochs is 0"),
    "a gap": ({"rows": ROWS.replace({"app": {"tune": None}})}, ValueError, "Column 'app' has 10 missing values"),
}


@pytest.mark.parametrize("changed, error, message", BAD_TRAINING.values(), ids=BAD_TRAINING)
def test_bad_training_is_refused(changed, error, message):
    arguments = {"rows": ROWS, "item": "app", "optimizer": wdl.Adam(0.01), "epochs": 1, "batch_size": 30} | changed
    with pytest.raises(error, match=message):
        retrieval.train_towers(towers_of(ROWS), **arguments)


def test_a_rate_that_is_too_high_is_named():
    with pytest.raises(FloatingPointError, match="lower the learning rate"):
        retrieval.train_towers(towers_of(ROWS), ROWS, "app", keras.optimizers.SGD(1e20), epochs=3, batch_size=30)


def test_keras_own_adam_is_warned_of():
    with pytest.warns(UserWarning, match="Keras' own Adam squares") as seen:
        retrieval.train_towers(towers_of(ROWS), ROWS, "app", keras.optimizers.Adam(0.01), epochs=1, batch_size=30)
    assert [each.filename for each in seen] == [__file__]


def test_units_are_a_list():
    with pytest.raises(TypeError, match="units is 64; expected a list with the number of neurons of each layer"):
        towers_of(ROWS, units=64)


@pytest.mark.parametrize("sizes", [{"embedding_dim": 0}, {"dimension": 0}, {"units": (4, 0)}])
def test_sizes_are_checked(sizes):
    with pytest.raises(ValueError, match=f"{next(iter(sizes))} is 0"):
        towers_of(ROWS, **sizes)


@pytest.mark.parametrize("bad", [0, 1])
def test_features_are_checked(bad):
    features = [wdl.fit_deep(ROWS, ["likes"], []), wdl.fit_deep(ROWS, ["app"], [])]
    features[bad] = wdl.fit_wide(ROWS, ["app"])
    with pytest.raises(ValueError, match="fit_deep"):
        retrieval.two_towers(*features)


# -------------------------------------------------------------------------------------------- search

numbers = st.integers(-3, 3)  # small whole numbers, so that there are many ties
vector_lists = st.integers(1, 4).flatmap(
    lambda d: st.tuples(
        *(st.lists(st.lists(numbers, min_size=d, max_size=d), min_size=1, max_size=9) for _ in range(2))
    )
)


@FEW
@given(vector_lists, st.data())
def test_top_k_is_a_sort_of_all_scores(vectors, data):
    queries, items = map(np.array, vectors)
    k = data.draw(st.integers(1, len(items)))
    expected = np.argsort(-(queries @ items.T), axis=1, kind="stable")[:, :k]
    assert np.array_equal(retrieval.top_k(queries, items, k), expected)


def test_of_many_equal_scores_the_lower_rows_go_first():
    items = np.repeat([[1.0], [2.0], [0.0]], 100, axis=0)[np.random.default_rng(1).permutation(300)]
    expected = np.argsort(-items[:, 0], kind="stable")[:150]
    assert np.array_equal(retrieval.top_k([[1.0]], items, 150)[0], expected)


@pytest.mark.parametrize("at_once", [1, 7, 10**9])
def test_blocks_change_nothing(monkeypatch, at_once):
    rng = np.random.default_rng(2)
    queries, items = rng.normal(size=(20, 4)), rng.normal(size=(30, 4))
    known = ranking.set_matrix([list(row) for row in rng.integers(0, 30, (20, 3))], list(range(30)))
    scores = np.where(known.toarray() > 0, -np.inf, queries @ items.T)
    monkeypatch.setattr(retrieval, "SCORES_AT_ONCE", at_once)
    assert np.array_equal(retrieval.top_k(queries, items, 5, known), np.argsort(-scores, axis=1)[:, :5])


def test_what_is_known_is_not_found_and_the_rest_may_be_asked_for():
    known = ranking.set_matrix([["b"], []], list("abc"))
    items = [[1.0], [3.0], [2.0]]
    assert retrieval.top_k([[1.0], [1.0]], items, 2, known).tolist() == [[2, 0], [1, 2]]
    assert retrieval.top_k([[-1.0], [-1.0]], items, 2, known).tolist() == [[0, 2], [0, 2]]  # scores below 0
    with pytest.raises(ValueError, match="k is 3, but for query 0 only 2 items are left"):
        retrieval.top_k([[1.0], [1.0]], items, 3, known)
    with pytest.raises(ValueError, match=r"excluded has the shape \(2, 3\); expected \(1, 3\)"):
        retrieval.top_k([[1.0]], items, 1, known)


def clustered(n, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(20, 16))
    return (centres[rng.integers(0, 20, n)] + 0.5 * rng.normal(size=(n, 16))).astype("float32")


def test_the_index_finds_nearly_the_best_and_with_more_effort_more():
    items, queries = clustered(2_000), clustered(50, seed=0)
    exact = retrieval.top_k(queries, items, 20)
    index = retrieval.build_index(items, effort=20, links=4)
    recalls = [
        retrieval.recall_at_k(retrieval.approximate_top_k(index, queries, 20, effort), exact)
        for effort in (None, 100, 2_000)
    ]
    assert recalls[0] + 0.02 < recalls[1] < recalls[2] and recalls[2] > 0.97


def test_without_an_effort_the_search_keeps_k_candidates():
    items, queries = clustered(2_000), clustered(50)
    index = retrieval.build_index(items, effort=20, links=4)
    found = retrieval.approximate_top_k(index, queries, 20)
    assert np.array_equal(found, retrieval.approximate_top_k(index, queries, 20, effort=20))
    assert not np.array_equal(found, retrieval.approximate_top_k(index, queries, 20, effort=40))


def test_long_vectors_are_found_since_the_dot_product_counts_and_not_the_angle():
    items = np.vstack([np.eye(8), [[3.0] + [2.9] * 7]])
    assert retrieval.approximate_top_k(retrieval.build_index(items), np.eye(8)[:1], 1).tolist() == [[8]]


def test_the_index_is_the_same_for_the_same_seed():
    items = clustered(500)
    bits = [retrieval.build_index(items, seed=seed).as_bytes() for seed in (3, 3, 4)]
    assert bits[0] == bits[1] != bits[2]


def test_more_links_take_more_room_and_more_effort_links_better():
    items = clustered(1_000)
    few, many = (len(retrieval.build_index(items, links=links).as_bytes()) for links in (4, 32))
    assert many > 1.5 * few
    exact = retrieval.top_k(items[:50], items, 10)
    recalls = [
        retrieval.recall_at_k(
            retrieval.approximate_top_k(retrieval.build_index(items, links=4, effort=effort), items[:50], 10), exact
        )
        for effort in (1, 200)
    ]
    assert recalls[0] + 0.03 < recalls[1]


def test_rows_are_numbers_of_items_of_the_type_that_numpy_indexes_with():
    found = retrieval.approximate_top_k(retrieval.build_index(np.eye(4)), np.eye(4), 1)
    assert found.dtype == "int64" and found.tolist() == [[0], [1], [2], [3]]


SEARCHES = {
    "exact": retrieval.top_k,
    "approximate": lambda queries, items, k: retrieval.approximate_top_k(retrieval.build_index(items), queries, k),
}
GOOD = np.ones((3, 2))
NAN = np.array([[1.0, 1.0], [1.0, np.nan], [np.inf, 1.0]])
BAD_SEARCH = {
    "NaN among the items": ((GOOD, NAN, 1), "items has 2 vectors with NaN or infinite numbers, first in row 1"),
    "NaN in a query": ((NAN, GOOD, 1), "queries has 2 vectors with NaN or infinite numbers, first in row 1"),
    "k too large": ((GOOD, GOOD, 4), "k is 4, but there are only 3 items"),
    "no k": ((GOOD, GOOD, 0), "k is 0; expected a whole number of at least 1"),
    "dimension": ((np.ones((3, 5)), GOOD, 1), "The queries have 5 numbers and the items 2"),
    "one vector": ((np.ones(2), GOOD, 1), r"queries has the shape \(2,\)"),
    "words": ((GOOD, np.array([["a", "b"]]), 1), "items has the shape .* and the type <U1"),
    "no item": ((GOOD, np.ones((0, 2)), 1), r"items has the shape \(0, 2\)"),
}


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
@pytest.mark.parametrize("arguments, message", BAD_SEARCH.values(), ids=BAD_SEARCH)
def test_bad_vectors_are_refused(search, arguments, message):
    with pytest.raises(ValueError, match=message):
        search(*arguments)


def test_a_product_that_overflows_is_named():
    with pytest.raises(ValueError, match="A dot product is too large"):
        retrieval.top_k(np.full((1, 2), 3e38, "float32"), np.full((2, 2), 3e38, "float32"), 1)


def test_effort_is_at_least_k():
    index = retrieval.build_index(np.eye(5))
    with pytest.raises(ValueError, match="effort is 2; expected a whole number of at least 3"):
        retrieval.approximate_top_k(index, np.eye(5), 3, effort=2)


@pytest.mark.parametrize("setting", [{"links": 1}, {"effort": 0}, {"seed": -1}])
def test_settings_of_the_index_are_checked(setting):
    with pytest.raises(ValueError, match=f"{next(iter(setting))} is"):
        retrieval.build_index(np.eye(3), **setting)


# ------------------------------------------------------------------------------------------------ recall


def test_recall_is_a_mean_of_shares():
    assert retrieval.recall_at_k([[1, 2], [3, 4], [5, 6]], [[2], [9], [5, 6, 7, 8]]) == pytest.approx((1 + 0 + 0.5) / 3)
    assert retrieval.recall_at_k(np.array([[4, 2]]), np.array([[2, 2, 9]])) == 0.5  # 2 and 9, however often named


def test_recall_agrees_with_the_hit_rate_of_places():
    rng = np.random.default_rng(3)
    queries, items = rng.normal(size=(40, 5)), rng.normal(size=(60, 5))
    wanted = rng.integers(0, 60, 40)
    places = ranking.held_out_ranks(
        pd.DataFrame({"item": wanted, "others": [[]] * 40}), "item", "others", list(range(60)),
        lambda block: queries[block.index] @ items.T,
    )  # fmt: skip
    found = retrieval.top_k(queries, items, 10)
    assert retrieval.recall_at_k(found, wanted[:, None]) == pytest.approx(ranking.hit_rate(places, 10))


BAD_RECALL = {
    "lengths": ([[1, 2]], [[1], [2]], r"retrieved has the shape \(1, 2\) for 2 queries"),
    "one list": ([1, 2], [[1], [2]], r"retrieved has the shape \(2,\)"),
    "nothing": (np.zeros((0, 3)), [], r"retrieved has the shape \(0, 3\)"),
    "twice": ([[1, 2], [3, 3]], [[1], [2]], "Query 1 retrieved an item twice"),
    "no wish": ([[1, 2], [3, 4]], [[1], []], "Query 1 has no relevant item"),
}


@pytest.mark.parametrize("found, wanted, message", BAD_RECALL.values(), ids=BAD_RECALL)
def test_bad_recall_is_refused(found, wanted, message):
    with pytest.raises(ValueError, match=message):
        retrieval.recall_at_k(found, wanted)
