"""Logs and rankings: splits, rows from sets, negatives, places among all items."""

import itertools
import tracemalloc
from statistics import mean

import wdl_helpers as wdl
from recommender import ranking as ranking

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import FEW
from scipy import stats
from sklearn.metrics import ndcg_score

LOG = pd.DataFrame({"who": [7, 7, 7, 8, 9, 9, 7], "what": list("abcabdc")})  # the last row repeats the third
sets = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abcdefgh")), min_size=1, max_size=40)


def frame_of(pairs):
    return pd.DataFrame(pairs, columns=["who", "what"])


def large_log(users=10_000, items=2_000, visits=100_000, seed=0):
    """Few items have most of the visits, as in a real log."""
    rng = np.random.default_rng(seed)
    popular = (items * rng.random(visits) ** 2).astype(int)
    log = pd.DataFrame({"who": rng.integers(0, users, visits), "what": popular})
    return log.drop_duplicates(ignore_index=True)


# ---------------------------------------------------------------------------------------------- splits


@FEW
@given(sets, st.floats(0.05, 0.95), st.integers(0, 9))
def test_a_split_by_user_keeps_each_user_whole(pairs, share, seed):
    log = frame_of(pairs)
    users = log["who"].nunique()
    if not 0 < round(share * users) < users:
        with pytest.raises(ValueError, match="leaves one side empty"):
            ranking.split_by_user(log, "who", share, seed)
        return
    kept, held_out = ranking.split_by_user(log, "who", share, seed)
    assert not set(kept["who"]) & set(held_out["who"])
    assert held_out["who"].nunique() == round(share * users)
    assert pd.concat([kept, held_out]).sort_index().equals(log)
    again = ranking.split_by_user(log[::-1], "who", share, seed)[1]
    assert set(again["who"]) == set(held_out["who"])  # whatever the order of the rows


def test_a_split_by_user_depends_on_its_seed():
    log = large_log(users=100, visits=2_000)
    found = {tuple(sorted(ranking.split_by_user(log, "who", 0.2, seed)[1]["who"].unique())) for seed in range(5)}
    assert len(found) == 5


@FEW
@given(st.lists(st.integers(0, 12), min_size=2, max_size=30), st.floats(0.05, 0.95))
def test_a_split_by_time_trains_on_nothing_later_than_its_test(times, share):
    log = pd.DataFrame({"day": times})
    try:
        before, after = ranking.split_by_time(log, "day", share)
    except ValueError as error:
        assert "no row is later" in str(error)
        return
    assert before["day"].max() < after["day"].min()
    assert pd.concat([before, after]).sort_index().equals(log)
    assert len(after) <= max(round(share * len(log)), 1)


def test_a_split_by_time_takes_dates():
    log = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=10)[::-1]})
    before, after = ranking.split_by_time(log, "day", 0.3)
    assert after["day"].min() == pd.Timestamp("2024-01-08") and len(before) == 7


# ---------------------------------------------------------------------------------------- rows from sets


def test_leave_one_out_by_hand():
    rows = ranking.leave_one_out(LOG, "who", "what", "others")
    assert rows.columns.tolist() == ["who", "what", "others"]
    found = {(who, what): others for who, what, others in rows.itertuples(index=False)}
    assert found == {
        (7, "a"): ["b", "c"], (7, "b"): ["a", "c"], (7, "c"): ["a", "b"], (8, "a"): [], (9, "b"): ["d"], (9, "d"): ["b"]
    }  # fmt: skip


@FEW
@given(sets)
def test_no_list_holds_the_answer_and_none_misses_another(pairs):
    log = frame_of(pairs)
    rows = ranking.leave_one_out(log, "who", "what", "others")
    assert len(rows) == len(set(pairs))
    for who, what, others in rows.itertuples(index=False):
        assert sorted([what, *others]) == sorted({item for user, item in pairs if user == who})


def test_after_a_split_by_time_the_lists_come_from_before():
    before, after = LOG[:3], pd.DataFrame({"who": [7, 8, 7], "what": ["d", "a", "b"]})
    rows = ranking.leave_one_out(after, "who", "what", "others", history=before)
    assert rows["others"].tolist() == [["a", "b", "c"], [], ["a", "c"]]


def test_a_long_list_is_cut_at_random_and_a_short_one_is_not():
    log = pd.DataFrame({"who": [1] * 6 + [2] * 3, "what": [*"abcdef", *"abc"]})
    cut = [ranking.leave_one_out(log, "who", "what", "others", longest=3, seed=seed) for seed in range(60)]
    assert cut[0]["others"][6:].tolist() == [["b", "c"], ["a", "c"], ["a", "b"]]
    kept = [rows["others"][0] for rows in cut]
    assert {len(others) for others in kept} == {3}
    assert all(set(others) < set("bcdef") for others in kept)
    assert len({tuple(sorted(others)) for others in kept}) == 10  # all triples of five come up


# --------------------------------------------------------------------------------------------- negatives


@FEW
@given(sets, st.integers(1, 4), st.integers(0, 9))
def test_negatives_are_what_the_user_does_not_have_each_once_a_row(pairs, n, seed):
    log = frame_of(pairs)
    rows = ranking.leave_one_out(log, "who", "what", "others")
    own = {user: {item for other, item in pairs if other == user} for user, _ in pairs}
    items = list("abcdefghij")
    if max(map(len, own.values())) + n > len(items):
        with pytest.raises(ValueError, match=f"{n} negatives a row are too many"):
            ranking.with_negatives(rows, log, "who", "what", n, items=items, seed=seed)
        return
    frame = ranking.with_negatives(rows, log, "who", "what", n, items=items, seed=seed)
    assert len(frame) == len(rows) * (1 + n)
    for i, (who, what, others) in enumerate(rows.itertuples(index=False)):
        group = frame[i * (1 + n) : (i + 1) * (1 + n)]
        assert group["label"].tolist() == [1] + [0] * n
        assert group["what"].iloc[0] == what
        drawn = group["what"].tolist()[1:]
        assert len(set(drawn)) == n and not set(drawn) & own[who]
        assert all(value == who for value in group["who"]) and all(value == others for value in group["others"])


def test_each_item_that_is_left_is_drawn_as_often():
    log = pd.DataFrame({"who": [1, 1, 2], "what": ["b", "d", "e"]})
    rows = pd.concat([log[:1]] * 20_000, ignore_index=True)
    frame = ranking.with_negatives(rows, log, "who", "what", 2, items=list("abcdefg"))
    negatives = frame.loc[frame["label"] == 0, "what"].to_numpy().reshape(-1, 2)
    pairs = pd.Series(["".join(sorted(pair)) for pair in negatives]).value_counts()
    assert set(pairs.index) == {"".join(pair) for pair in itertools.combinations("acefg", 2)}
    assert stats.chisquare(pairs).pvalue > 0.001


def test_negatives_depend_on_their_seed_alone():
    rows = ranking.leave_one_out(LOG, "who", "what", "others")
    draw = [ranking.with_negatives(rows, LOG, "who", "what", 3, items=range(50), seed=seed) for seed in (1, 1, 2)]
    pd.testing.assert_frame_equal(draw[0], draw[1])
    assert draw[0]["what"].tolist() != draw[2]["what"].tolist()


@FEW
@given(st.integers(0, 10_000))
def test_the_label_cannot_be_read_from_an_untouched_users_row(seed):
    """Without the candidate, a row of label 1 and one of label 0 look the same; with it, only its list could tell."""
    log = large_log(users=60, items=40, visits=300, seed=seed)
    rows = ranking.leave_one_out(log, "who", "what", "others")
    frame = ranking.with_negatives(rows, log, "who", "what", 3)
    known = [what in others for what, others in zip(frame["what"], frame["others"])]
    assert not any(known)
    size = frame["others"].map(len)
    assert size[frame["label"] == 1].mean() == size[frame["label"] == 0].mean()


# ------------------------------------------------------------------------------- a ranking of all items


def fixed(scores):
    """A score function for `held_out_places`: the same scores of the items whatever the query."""
    return lambda queries: np.tile(scores, (len(queries), 1))


def test_one_item_of_each_user_is_held_out():
    log = LOG[LOG["who"] != 8]
    held = [ranking.hold_one_out(log, "who", "what", "others", seed) for seed in range(40)]
    assert all(sorted(queries["who"]) == [7, 9] for queries in held)
    assert {queries.set_index("who")["what"][7] for queries in held} == set("abc")
    for queries in held:
        for _, what, others in queries.itertuples(index=False):
            assert what not in others and others


def test_places_by_hand():
    queries = pd.DataFrame({"what": ["c", "a", "d"], "others": [["a"], ["b", "c"], []]})
    place = ranking.held_out_places(queries, "what", "others", list("abcd"), fixed([4, 3, 2, 1]))
    assert place.tolist() == [1, 0, 3]  # b stands before c; a is first; a, b and c before d
    ties = ranking.held_out_places(queries, "what", "others", list("abcd"), fixed([0, 0, 0, 0]))
    assert ties.tolist() == [1, 0.5, 1.5]
    assert ranking.half_life_score([0, 5, 10], 5) == pytest.approx(100 * (1 + 0.5 + 0.25) / 3)
    assert ranking.hit_rate([0, 9, 10, 11], 10) == 0.5


@FEW
@given(st.lists(st.integers(-2, 2), min_size=6, max_size=6), st.sets(st.sampled_from("bcdef"), max_size=4))
def test_places_are_the_mean_over_all_orders_of_the_equals(scores, others):
    items = list("abcdef")
    queries = pd.DataFrame({"what": ["a"], "others": [sorted(others)]})
    found = ranking.held_out_places(queries, "what", "others", items, fixed(scores))[0]
    ranked = [(-score, item) for score, item in zip(scores, items) if item not in others]
    best = sum(score < -scores[0] for score, _ in ranked)
    worst = sum(score <= -scores[0] for score, _ in ranked) - 1
    assert found == (best + worst) / 2


def test_the_block_changes_no_place(monkeypatch):
    log = large_log(users=50, items=30, visits=400)
    queries = ranking.hold_one_out(log, "who", "what", "others")

    def score(block):
        return np.array([[hash((len(others), i)) % 1000 for i in range(30)] for others in block["others"]])

    whole = ranking.held_out_places(queries, "what", "others", range(30), score)
    monkeypatch.setattr(ranking, "BLOCK", 70)
    assert (ranking.held_out_places(queries, "what", "others", range(30), score) == whole).all()


def test_an_item_that_training_never_saw_is_ranked():
    train = pd.DataFrame({"who": [1, 1, 2, 2], "what": list("abab")})
    rows = ranking.leave_one_out(train, "who", "what", "others")
    rows = ranking.with_negatives(rows, train, "who", "what", 1, items=list("abcd"))
    wide = wdl.fit_wide(rows[rows["what"] != "d"], ["what", ("others", "what")])
    model = wdl.wide_model(wide)
    queries = pd.DataFrame({"who": [3], "what": ["d"], "others": [["a", "z"]]})

    def score(block):
        rows = ranking.candidates(block, "what", list("abcd"))
        return wdl.predict(model, {"wide_ids": wdl.wide_ids(rows, wide)}).reshape(len(block), -1)

    assert ranking.held_out_places(queries, "what", "others", list("abcd"), score).tolist() == [1]  # all are equal


def test_candidates_are_each_query_with_each_item():
    queries = pd.DataFrame({"who": [1, 2], "what": ["a", "b"], "others": [["c"], []]}, index=[5, 5])
    frame = ranking.candidates(queries, "what", ["x", "y", "z"])
    assert frame["what"].tolist() == list("xyzxyz") and frame["who"].tolist() == [1, 1, 1, 2, 2, 2]
    assert frame["others"].tolist() == [["c"]] * 3 + [[]] * 3


def test_a_matrix_of_sets_has_a_one_for_each_item():
    matrix = ranking.set_matrix([["a", "b", "a"], [], ["z", "b"]], ["b", "a", "c"])
    assert matrix.toarray().tolist() == [[1, 1, 0], [0, 0, 0], [1, 0, 0]]


# ------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: ranking.split_by_user(LOG, "user", 0.5), KeyError, "no column 'user'"),
        (lambda: ranking.split_by_user(LOG, "who", 1.5), ValueError, "share is 1.5"),
        (lambda: ranking.split_by_user(LOG[:1], "who", 0.5), ValueError, "leaves one side empty"),
        (lambda: ranking.split_by_time(LOG.assign(t=1), "t", 0.5), ValueError, "no row is later than 1"),
        (lambda: ranking.split_by_time(LOG.assign(t=None), "t", 0.5), ValueError, "'t' has 7 missing values"),
        (lambda: ranking.leave_one_out([1], "who", "what", "o"), TypeError, "DataFrame"),
        (lambda: ranking.leave_one_out(LOG[:0], "who", "what", "o"), ValueError, "empty"),
        (lambda: ranking.leave_one_out(LOG, "who", "what", "what"), ValueError, "'what' is listed more than once"),
        (lambda: ranking.leave_one_out(LOG, "who", "what", "o", longest=0), ValueError, "longest is 0"),
        (lambda: ranking.leave_one_out(LOG, "who", "what", "o", history=LOG[["who"]]), KeyError, "no column 'what'"),
        (lambda: ranking.hold_one_out(LOG, "who", "what", "o"), ValueError, "User 8 has a single item"),
        (
            lambda: ranking.leave_one_out(LOG.assign(what=[["a"]] * 7), "who", "what", "o"),
            TypeError,
            "Column 'what' holds lists",
        ),
        (
            lambda: ranking.leave_one_out(LOG.assign(what=[*"abcab", None, "c"]), "who", "what", "o"),
            ValueError,
            "'what' has 1 missing values, first in row 5",
        ),
        (
            lambda: ranking.with_negatives(LOG, LOG, "who", "what", 2),
            ValueError,
            "User 7 has 3 of the 4 items, so 1 are left: 2 negatives a row are too many",
        ),
        (lambda: ranking.with_negatives(LOG, LOG, "who", "what", 0), ValueError, "n is 0"),
        (
            lambda: ranking.with_negatives(LOG, LOG[:4], "who", "what", 1, items=range(9)),
            ValueError,
            "User 9 is in no row of the log",
        ),
        (
            lambda: ranking.with_negatives(LOG, LOG, "who", "what", 1, items=[1, 1]),
            ValueError,
            "items names 1 more than once",
        ),
        (
            lambda: ranking.with_negatives(LOG.assign(label=1), LOG, "who", "what", 1),
            ValueError,
            "column 'label' already",
        ),
        (lambda: ranking.half_life_score([], 5), ValueError, "0 places"),
        (lambda: ranking.half_life_score([1], 0), ValueError, "half_life is 0"),
        (lambda: ranking.hit_rate([1], 0), ValueError, "k is 0"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_places_refuse_what_they_cannot_rank():
    queries = pd.DataFrame({"what": ["c"], "others": [["a"]]})

    def rank(queries=queries, items="abcd", score=fixed([1, 2, 3, 4])):  # noqa: B008
        return ranking.held_out_places(queries, "what", "others", list(items), score)

    with pytest.raises(ValueError, match="'c' is held out and none of the 2 items"):
        rank(items="ab")
    with pytest.raises(ValueError, match="items names 'a' more than once"):
        rank(items="aabc")
    with pytest.raises(ValueError, match=r"shape \(1, 3\); expected \(1, 4\)"):
        rank(score=fixed([1, 2, 3]))
    with pytest.raises(ValueError, match="not finite"):
        rank(score=fixed([1, 2, np.nan, 4]))
    with pytest.raises(ValueError, match="stands in its own list"):
        rank(queries.assign(others=[["a", "c"]]))
    with pytest.raises(KeyError, match="no column 'others'"):
        rank(queries[["what"]])


# ------------------------------------------------------------------------------------------ large logs


def test_memory_does_not_grow_with_users_times_items():
    peaks = []
    for items in (500, 4_000):
        log = large_log(users=2_000, items=500, visits=8_000)
        queries = ranking.hold_one_out(log[log.groupby("who")["what"].transform("size") > 1], "who", "what", "others")
        tracemalloc.start()
        ranking.with_negatives(log, log, "who", "what", 5, items=range(items))
        ranking.held_out_places(queries, "what", "others", range(items), fixed(np.arange(items)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0], peaks


# ---------------------------------------------------------------------------- a ranking of labelled rows


def test_ranking_scores_by_hand():
    frame = pd.DataFrame({"visit": list("aaabbcc"), "install": [0, 1, 1, 0, 1, 0, 0]})
    found = ranking.ranking_scores(frame, "visit", "install", [3, 2, 1, 9, 8, 1, 2], k=2)
    # Visit a: the 1s stand on places 2 and 3. Visit b: on place 2. Visit c has none and does not count.
    second = 1 / np.log2(3)
    assert found["NDCG@2"] == pytest.approx((second / (1 + second) + second) / 2)
    assert (found["hit rate@2"], found["queries"]) == (1.0, 2)
    assert ranking.ranking_scores(frame, "visit", "install", [3, 2, 1, 9, 8, 1, 2], k=1)["hit rate@1"] == 0
    perfect = ranking.ranking_scores(frame, "visit", "install", frame["install"], k=2)
    assert perfect == {"NDCG@2": pytest.approx(1), "hit rate@2": 1.0, "queries": 2}


def test_equal_scores_gain_nothing_from_the_order_of_rows():
    frame = pd.DataFrame({"q": [1] * 4, "y": [1, 0, 0, 0]})
    found = [
        ranking.ranking_scores(frame.iloc[order], "q", "y", np.zeros(4), k=1) for order in ([0, 1, 2, 3], [3, 2, 1, 0])
    ]
    assert found[0] == found[1] == {"NDCG@1": 0.25, "hit rate@1": 0.0, "queries": 1}


@FEW
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(-3, 3)), min_size=2, max_size=40),
    st.integers(1, 6),
)
def test_ranking_scores_are_scikit_learns(rows, k):
    rows += [(9, 0, 1), (9, 1, 2), (9, 0, 2)]  # both classes, and a tie
    frame = pd.DataFrame(rows, columns=["query", "label", "score"])
    expected = []
    for _, group in frame.groupby("query"):
        if group["label"].any():
            y, s = ([*group[name], pad] for name, pad in (("label", 0), ("score", -99)))  # it wants two items at least
            expected.append(ndcg_score([y], [s], k=k))
    found = ranking.ranking_scores(frame, "query", "label", frame["score"], k)
    assert found[f"NDCG@{k}"] == pytest.approx(mean(expected), abs=1e-12)
    assert found["queries"] == len(expected)


def test_ranking_scores_refuse_what_they_cannot_rank():
    frame = pd.DataFrame({"q": ["a", "a", "b"], "y": [0, 1, 0]})
    with pytest.raises(KeyError, match="'visit'"):
        ranking.ranking_scores(frame, "visit", "y", np.zeros(3))
    with pytest.raises(ValueError, match=r"shape \(2,\); expected one for each of 3"):
        ranking.ranking_scores(frame, "q", "y", np.zeros(2))
    with pytest.raises(ValueError, match="Row 1 has a score"):
        ranking.ranking_scores(frame, "q", "y", [0, np.nan, 1])
    with pytest.raises(ValueError, match="All 3 labels"):
        ranking.ranking_scores(frame.assign(y=0), "q", "y", np.zeros(3))
    with pytest.raises(ValueError, match="'q' has a missing value"):
        ranking.ranking_scores(frame.assign(q=["a", None, "b"]), "q", "y", np.zeros(3))
    with pytest.raises(ValueError, match="k is 0"):
        ranking.ranking_scores(frame, "q", "y", np.zeros(3), k=0)
    with pytest.raises(TypeError, match="data ?frame|DataFrame"):
        ranking.ranking_scores([1, 2], "q", "y", np.zeros(2))
