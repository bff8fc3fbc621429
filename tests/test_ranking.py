"""Logs and rankings: splits, rows from sets, negatives, places among all items."""

import enum
import itertools
import time
import tracemalloc
from statistics import mean

import wdl_helpers as wdl
from recommender import logs, ranking

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from laws import FEW, TEXT_TYPES, WHOLE_TYPES, column_names
from scipy import stats
from sklearn.metrics import ndcg_score

LOG = pd.DataFrame({"who": [7, 7, 7, 8, 9, 9, 7], "what": list("abcabdc")})  # the last row repeats the third
sets = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abcdefgh")), min_size=1, max_size=40)


class Letter(enum.StrEnum):
    """Strings, each of a type of its own."""

    FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH, EIGHTH = "abcdefgh"


# The same values in other types: texts, and whole numbers.
TEXTS = TEXT_TYPES | {"enum": lambda values: pd.Series([Letter(value) for value in values], dtype=object)}
NUMBERS = {name: make for name, make in WHOLE_TYPES.items() if "digits" not in name} | {
    "int8": lambda values: pd.Series(values, dtype="int8"),
    "uint64": lambda values: pd.Series(values, dtype="uint64"),
}


def in_type(frame, **types):
    """The frame with some columns in another type, made by functions of lists; the index stays."""
    return frame.assign(**{name: make(frame[name].tolist()).set_axis(frame.index) for name, make in types.items()})


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
            logs.split_by_user(log, "who", share, seed)
        return
    kept, held_out = logs.split_by_user(log, "who", share, seed)
    assert not set(kept["who"]) & set(held_out["who"])
    assert held_out["who"].nunique() == round(share * users)
    assert pd.concat([kept, held_out]).sort_index().equals(log)
    again = logs.split_by_user(log[::-1], "who", share, seed)[1]
    assert set(again["who"]) == set(held_out["who"])  # whatever the order of the rows


def test_a_split_by_user_depends_on_its_seed():
    log = large_log(users=100, visits=2_000)
    found = {tuple(sorted(logs.split_by_user(log, "who", 0.2, seed)[1]["who"].unique())) for seed in range(5)}
    assert len(found) == 5


@FEW
@given(st.lists(st.integers(0, 12), min_size=2, max_size=30), st.floats(0.05, 0.95))
def test_a_split_by_time_trains_on_nothing_later_than_its_test(times, share):
    log = pd.DataFrame({"day": times})
    try:
        before, after = logs.split_by_time(log, "day", share)
    except ValueError as error:
        assert "no row is later" in str(error)
        return
    assert before["day"].max() < after["day"].min()
    assert pd.concat([before, after]).sort_index().equals(log)
    assert len(after) <= max(round(share * len(log)), 1)


TIMES = {
    "numbers": [9.5, 10, 8, 11],
    "negative numbers": [-2, -1, -3, 0],
    "timestamps": [pd.Timestamp(2024, 1, day) for day in (9, 10, 8, 11)],
    "with a zone": [pd.Timestamp(2024, 1, day, tz="Europe/Rome") for day in (9, 10, 8, 11)],
    "dates": [pd.Timestamp(2024, 1, day).date() for day in (9, 10, 8, 11)],
    "periods": [pd.Period("2024-01", "M") + i for i in (1, 2, 0, 3)],
    "ISO texts": ["2024-01-09", "2024-01-10 09:30", "2024-01-08", "2024-01-10 10:00"],
    "ISO texts without zeros": ["2024-1-9", "2024-1-10", "2024-1-8", "2024-1-11"],
    "ISO texts at the end of summer": ["2024-10-27T02:40+02:00", "2024-10-27T02:10+01:00", "2024-10-27T02:30+02:00",
                                       "2024-10-27T02:20+01:00"],
    "years": ["2009", "2010", "2008", "2011"],
    "compact dates": ["20240109", "20240110", "20240108", "20240111"],
    "an ordered categorical": pd.Categorical(["Feb", "Mar", "Jan", "Apr"], ["Jan", "Feb", "Mar", "Apr"], ordered=True),
    "a categorical of dates": pd.Categorical(["2024-1-9", "2024-1-10", "2024-1-8", "2024-1-11"]),
    "a categorical of numbers": pd.Categorical([9, 10, 8, 11], [11, 10, 9, 8]),
}  # fmt: skip


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
def test_a_split_by_time_takes_what_has_an_order(times):
    log = pd.DataFrame({"day": times}, index=[5, 5, 6, 7])
    before, after = logs.split_by_time(log, "day", 0.25)
    assert before.equals(log[:3]) and after.equals(log[3:])
    before, after = logs.split_by_time(log, "day", 0.5)
    assert before.equals(log.iloc[[0, 2]]) and after.equals(log.iloc[[1, 3]])


@pytest.mark.parametrize(
    "times, error, message",
    [
        (["12/30/2023", "1/3/2024"], ValueError, r"'day' holds the text '12/30/2023' in row 0, .* pd.to_datetime"),
        (["2023-12-30", "3.1.2024"], ValueError, "the text '3.1.2024' in row 1"),
        (["9:00", "10:00"], ValueError, "the text '9:00'"),
        (["9", "10"], ValueError, "the text '9'"),
        (["010223", "311222"], ValueError, "the text '010223'"),
        (["2023-12-30", "now"], ValueError, "the text 'now' in row 1"),
        (["2024-01-01 10:00Z", "2024-01-01 10:30"], ValueError, "a time zone and times without one, as in row 1"),
        (["2024-01-01", pd.Timestamp(2024, 1, 2)], TypeError, "'day' cannot be ordered by time: .*'<'"),
        ([1, "2024-01-01"], TypeError, "'day' cannot be ordered by time"),
        (["2024-01-01", ""], ValueError, "the text '' in row 1"),
        ([[1], [2]], TypeError, "'day' holds lists"),
    ],
)
def test_times_without_an_order_are_named(times, error, message):
    log = pd.DataFrame({"day": pd.Series(times, dtype=object)})
    with pytest.raises(error, match=message):
        logs.split_by_time(log, "day", 0.5)
    if isinstance(times[0], str) and error is ValueError:
        with pytest.raises(error, match=message):
            logs.split_by_time(log.astype("str"), "day", 0.5)


# ---------------------------------------------------------------------------------------- rows from sets


def test_leave_one_out_by_hand():
    rows = logs.leave_one_out(LOG, "who", "what", "others")
    assert rows.columns.tolist() == ["who", "what", "others"]
    found = {(who, what): others for who, what, others in rows.itertuples(index=False)}
    assert found == {
        (7, "a"): ["b", "c"], (7, "b"): ["a", "c"], (7, "c"): ["a", "b"], (8, "a"): [], (9, "b"): ["d"], (9, "d"): ["b"]
    }  # fmt: skip


@FEW
@given(sets)
def test_no_list_holds_the_answer_and_none_misses_another(pairs):
    log = frame_of(pairs)
    rows = logs.leave_one_out(log, "who", "what", "others")
    assert len(rows) == len(set(pairs))
    for who, what, others in rows.itertuples(index=False):
        assert sorted([what, *others]) == sorted({item for user, item in pairs if user == who})


def test_after_a_split_by_time_the_lists_come_from_before():
    before, after = LOG[:3], pd.DataFrame({"who": [7, 8, 7], "what": ["d", "a", "b"]})
    rows = logs.leave_one_out(after, "who", "what", "others", history=before)
    assert rows["others"].tolist() == [["a", "b", "c"], [], ["a", "c"]]
    new = pd.DataFrame({"who": 7, "what": ["x", "y"]})
    twice = logs.leave_one_out(new, "who", "what", "others", history=before)["others"]
    assert twice[0] == twice[1] == ["a", "b", "c"] and twice[0] is not twice[1]  # a list can be changed alone


def test_a_long_list_is_cut_at_random_and_a_short_one_is_not():
    log = pd.DataFrame({"who": [1] * 6 + [2] * 3 + [3] * 4, "what": [*"abcdef", *"abc", *"abcd"]})
    cut = [logs.leave_one_out(log, "who", "what", "others", longest=3, seed=seed) for seed in range(60)]
    for rows in cut:
        assert rows["others"][6:].map("".join).tolist() == ["bc", "ac", "ab", "bcd", "acd", "abd", "abc"]
    kept = [rows["others"][0] for rows in cut]
    assert {len(others) for others in kept} == {3}
    assert all(set(others) < set("bcdef") for others in kept)
    assert len({tuple(sorted(others)) for others in kept}) == 10  # all triples of five come up


# --------------------------------------------------------------------------------------------- negatives


@FEW
@given(sets, st.integers(1, 4), st.integers(0, 9))
def test_negatives_are_what_the_user_does_not_have_each_once_a_row(pairs, n, seed):
    log = frame_of(pairs)
    rows = logs.leave_one_out(log, "who", "what", "others")
    own = {user: {item for other, item in pairs if other == user} for user, _ in pairs}
    items = list("abcdefghij")
    if max(map(len, own.values())) + n > len(items):
        with pytest.raises(ValueError, match=f"{n} negatives a row are too many"):
            logs.with_negatives(rows, log, "who", "what", n, items=items, seed=seed)
        return
    frame = logs.with_negatives(rows, log, "who", "what", n, items=items, seed=seed)
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
    frame = logs.with_negatives(rows, log, "who", "what", 2, items=list("abcdefg"))
    negatives = frame.loc[frame["label"] == 0, "what"].to_numpy().reshape(-1, 2)
    pairs = pd.Series(["".join(sorted(pair)) for pair in negatives]).value_counts()
    assert set(pairs.index) == {"".join(pair) for pair in itertools.combinations("acefg", 2)}
    assert stats.chisquare(pairs).pvalue > 0.001


def test_negatives_depend_on_their_seed_alone():
    rows, items = logs.leave_one_out(LOG, "who", "what", "others"), [*"abcdefghijklmnopqrstuvwxyz"]
    draw = [logs.with_negatives(rows, LOG, "who", "what", 3, items=items, seed=seed) for seed in (1, 1, 2)]
    pd.testing.assert_frame_equal(draw[0], draw[1])
    assert draw[0]["what"].tolist() != draw[2]["what"].tolist()


@FEW
@given(st.integers(0, 10_000))
def test_the_label_cannot_be_read_from_an_untouched_users_row(seed):
    """Without the candidate, a row of label 1 and one of label 0 look the same; with it, only its list could tell."""
    log = large_log(users=60, items=40, visits=300, seed=seed)
    rows = logs.leave_one_out(log, "who", "what", "others")
    frame = logs.with_negatives(rows, log, "who", "what", 3)
    known = [what in others for what, others in zip(frame["what"], frame["others"])]
    assert not any(known)
    size = frame["others"].map(len)
    assert size[frame["label"] == 1].mean() == size[frame["label"] == 0].mean()


def test_a_seed_draws_what_it_always_drew():
    """Results that were published with a seed can be made again."""
    log = pd.DataFrame([(u, i) for u in range(4) for i in "abcdefgh"[u : u + 4]], columns=["who", "what"])
    rows = logs.leave_one_out(log, "who", "what", "others", longest=2, seed=5)
    assert " ".join(rows["others"].map("".join)) == "dc cd ba ca ed eb eb dc ed ec fd dc fg dg de de"
    made = logs.with_negatives(rows[:4], log, "who", "what", 2, items=list("abcdefgh"), seed=5)
    assert made["what"].str.cat() == "agfbghcegdgf"
    assert logs.hold_one_out(log, "who", "what", "others", seed=5)["what"].str.cat() == "aeeg"
    assert logs.split_by_user(log, "who", 0.5, seed=5)[1]["who"].unique().tolist() == [1, 3]


# ------------------------------------------------------------------------------- a ranking of all items


def fixed(scores):
    """A score function for `held_out_ranks`: the same scores of the items whatever the query."""
    return lambda queries: np.tile(scores, (len(queries), 1))


def test_one_item_of_each_user_is_held_out():
    log = LOG[LOG["who"] != 8]
    held = [logs.hold_one_out(log, "who", "what", "others", seed) for seed in range(40)]
    assert all(sorted(queries["who"]) == [7, 9] for queries in held)
    assert {queries.set_index("who")["what"][7] for queries in held} == set("abc")
    for queries in held:
        for _, what, others in queries.itertuples(index=False):
            assert what not in others and others


def test_places_by_hand():
    queries = pd.DataFrame({"what": ["c", "a", "d"], "others": [["a"], ["b", "c"], []]})
    place = ranking.held_out_ranks(queries, "what", "others", list("abcd"), fixed([4, 3, 2, 1]))
    assert place.tolist() == [1, 0, 3]  # b stands before c; a is first; a, b and c before d
    ties = ranking.held_out_ranks(queries, "what", "others", list("abcd"), fixed([0, 0, 0, 0]))
    assert ties.tolist() == [1, 0.5, 1.5]
    assert ranking.half_life_score([0, 5, 10], 5) == pytest.approx(100 * (1 + 0.5 + 0.25) / 3)
    assert ranking.hit_rate([0, 9, 10, 11], 10) == 0.5


@FEW
@given(st.lists(st.integers(-2, 2), min_size=6, max_size=6), st.sets(st.sampled_from("bcdef"), max_size=4))
def test_places_are_the_mean_over_all_orders_of_the_equals(scores, others):
    items = list("abcdef")
    queries = pd.DataFrame({"what": ["a"], "others": [sorted(others)]})
    found = ranking.held_out_ranks(queries, "what", "others", items, fixed(scores))[0]
    ranked = [(-score, item) for score, item in zip(scores, items) if item not in others]
    best = sum(score < -scores[0] for score, _ in ranked)
    worst = sum(score <= -scores[0] for score, _ in ranked) - 1
    assert found == (best + worst) / 2


def test_the_block_changes_no_place(monkeypatch):
    log = large_log(users=50, items=30, visits=400)
    queries = logs.hold_one_out(log, "who", "what", "others")

    def score(block):
        return np.array([[hash((len(others), i)) % 1000 for i in range(30)] for others in block["others"]])

    whole = ranking.held_out_ranks(queries, "what", "others", range(30), score)
    monkeypatch.setattr(ranking, "PAIRS_AT_ONCE", 70)
    assert (ranking.held_out_ranks(queries, "what", "others", range(30), score) == whole).all()


def test_an_item_that_training_never_saw_is_ranked():
    train = pd.DataFrame({"who": [1, 1, 2, 2], "what": list("abab")})
    rows = logs.leave_one_out(train, "who", "what", "others")
    rows = logs.with_negatives(rows, train, "who", "what", 1, items=list("abcd"))
    wide = wdl.fit_wide(rows[rows["what"] != "d"], ["what", ("others", "what")])
    model = wdl.wide_model(wide)
    queries = pd.DataFrame({"who": [3], "what": ["d"], "others": [["a", "z"]]})

    def score(block):
        rows = ranking.candidates(block, "what", list("abcd"))
        return wdl.predict(model, {"wide_ids": wdl.wide_ids(rows, wide)}).reshape(len(block), -1)

    assert ranking.held_out_ranks(queries, "what", "others", list("abcd"), score).tolist() == [1]  # all are equal


def test_candidates_are_each_query_with_each_item():
    queries = pd.DataFrame({"who": [1, 2], "what": ["a", "b"], "others": [["c"], []]}, index=[5, 5])
    frame = ranking.candidates(queries, "what", ["x", "y", "z"])
    assert frame["what"].tolist() == list("xyzxyz") and frame["who"].tolist() == [1, 1, 1, 2, 2, 2]
    assert frame["others"].tolist() == [["c"]] * 3 + [[]] * 3


def test_a_matrix_of_sets_has_a_one_for_each_item():
    matrix = ranking.set_matrix([["a", "b", "a"], [], ["z", "b"]], ["b", "a", "c"])
    assert matrix.toarray().tolist() == [[1, 1, 0], [0, 0, 0], [1, 0, 0]]


# ------------------------------------------------------------------------- names of columns, types of cells


def everything(log, user, item, others, label, items):
    """What all functions return for a log, one after another."""
    kept, held_out = logs.split_by_user(log, user, 0.5, seed=3)
    queries = logs.hold_one_out(log, user, item, others)
    rows = logs.leave_one_out(held_out, user, item, others, longest=2)
    made = logs.with_negatives(rows, log, user, item, 2, label, items)
    places = ranking.held_out_ranks(queries, item, others, items, fixed(np.arange(len(items))))
    scores = ranking.ranking_scores(made, user, label, np.arange(len(made)) % 5)
    later = logs.leave_one_out(held_out, user, item, others, history=log)
    found = [kept, held_out, queries, rows, made, later, *logs.split_by_time(log, item, 0.3)]
    return [frame.to_numpy().tolist() for frame in found], places.tolist(), scores


LARGE = [(user, item) for user in range(6) for item in range(user, 9, 2)]


@FEW
@given(column_names(6))
@example(["u", "i", "n", "label", "user", "item"])
@example(["who", "user", "item", "query", "label", "score"])
@example(["index", "level_0", "self", "", "0", "a b"])
def test_no_name_of_a_column_changes_a_number(names):
    plain = pd.DataFrame(LARGE, columns=["who", "what"]).assign(one=range(len(LARGE)), other="x")
    expected = everything(plain, "who", "what", "others", "y", range(12))
    user, item, one, other, others, label = names
    log = plain.set_axis([user, item, one, other], axis=1).set_index(pd.Index([7] * len(LARGE), name=user))
    assert everything(log, user, item, others, label, range(12)) == expected
    assert log.columns.tolist() == names[:4] and len(log) == len(LARGE)  # and the caller's frame is as it was


@FEW
@given(column_names(4), sets, st.integers(0, 9))
def test_whatever_the_names_nothing_owned_is_drawn(names, pairs, seed):
    user, item, others, label = names
    log = pd.DataFrame(pairs, columns=[user, item])
    rows = logs.leave_one_out(log, user, item, others)
    made = logs.with_negatives(rows, log, user, item, 3, label, items=list("abcdefghijk"), seed=seed)
    assert [(who, what) in set(pairs) for who, what in zip(made[user], made[item])] == (made[label] == 1).tolist()


@pytest.mark.parametrize("kinds", [TEXTS, NUMBERS], ids=["texts", "numbers"])
def test_types_that_differ_between_frames_change_no_number(kinds):
    letters = list("abcdefgh") if kinds is TEXTS else list(range(8))
    log = pd.DataFrame([(letters[user], letters[item]) for user, item in LARGE if item < 8], columns=["who", "what"])
    rows = logs.leave_one_out(log, "who", "what", "others")
    queries = logs.hold_one_out(log, "who", "what", "others")
    made = logs.with_negatives(rows, log, "who", "what", 2, items=letters)
    places = ranking.held_out_ranks(queries, "what", "others", letters, fixed(np.arange(8)))
    matrix = ranking.set_matrix(rows["others"], letters).toarray()
    for (name, one), other in zip(kinds.items(), [*kinds.values()][1:] + [*kinds.values()][:1]):
        in_one, in_other = in_type(log, who=one, what=one), in_type(log, who=other, what=other)
        for found in (
            logs.leave_one_out(in_one, "who", "what", "others"),
            logs.leave_one_out(in_one, "who", "what", "others", history=in_other),
        ):
            assert found.to_numpy().tolist() == rows.to_numpy().tolist(), name
        typed = in_type(rows, who=one, what=other)
        found = logs.with_negatives(typed, in_other, "who", "what", 2, items=one(letters))
        assert found.to_numpy().tolist() == made.to_numpy().tolist(), name
        asked = in_type(queries, what=one)
        asked["others"] = [list(other(values)) for values in asked["others"]]
        found = ranking.held_out_ranks(asked, "what", "others", one(letters), fixed(np.arange(8)))
        assert (found == places).all(), name
        found = ranking.set_matrix([np.array(other(values)) for values in rows["others"]], one(letters)).toarray()
        assert (found == matrix).all(), name
        for typed, expected in zip(logs.split_by_user(in_one, "who", 0.5), logs.split_by_user(log, "who", 0.5)):
            assert typed.to_numpy().tolist() == expected.to_numpy().tolist(), name
        pages = ranking.candidates(asked, "what", one(letters))
        assert pages["what"].tolist() == letters * len(asked), name


def test_a_small_type_of_the_rows_does_not_cut_the_items():
    log = pd.DataFrame({"who": [1, 1, 2], "what": [5, 6, 1_000]})
    made = logs.with_negatives(log[:2].astype("int8"), log, "who", "what", 1)
    assert made["what"].tolist() == [5, 1_000, 6, 1_000]
    huge = pd.DataFrame({"who": [1, 2], "what": pd.Series([2**53, 2**53 + 1])})  # as floats they would be equal
    made = logs.with_negatives(huge[:1], huge, "who", "what", 1)
    assert made["what"].tolist() == [2**53, 2**53 + 1]
    more = pd.DataFrame({"who": [1, 2], "what": [2**64 - 1, 2**64 - 2]})
    made = logs.with_negatives(more[:1], more, "who", "what", 1)
    assert made["what"].tolist() == [2**64 - 1, 2**64 - 2]


IN_WORDS = in_type(LOG, who=lambda values: pd.Series(map(str, values)))


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: logs.leave_one_out(LOG, "who", "what", "o", history=IN_WORDS),
            "Column 'who' holds numbers and that of the history strings",
        ),
        (
            lambda: logs.leave_one_out(LOG, "what", "who", "o", history=IN_WORDS),
            "Column 'who' holds numbers and that of the history strings",
        ),
        (
            lambda: logs.with_negatives(IN_WORDS, LOG, "who", "what", 1),
            "Column 'who' of the rows holds strings and that of the log numbers",
        ),
        (
            lambda: logs.with_negatives(LOG, IN_WORDS, "what", "who", 1),
            "Column 'who' of the rows holds numbers and that of the log strings",
        ),
        (
            lambda: logs.with_negatives(LOG, LOG, "what", "who", 1, items=["7", "8", "9"]),
            "items holds strings and column 'who' of the log numbers",
        ),
        (
            lambda: ranking.held_out_ranks(LOG.assign(o=[[]] * 7), "who", "o", list("789"), fixed([1, 2, 3])),
            "Column 'who' holds numbers and items strings",
        ),
        (
            lambda: ranking.held_out_ranks(LOG.assign(o=[["8"]] * 7), "who", "o", [7, 8, 9], fixed([1, 2, 3])),
            "Column 'o' holds strings and items numbers",
        ),
        (
            lambda: logs.with_negatives(LOG[:1], IN_WORDS[:1], "who", "what", 1),
            "Column 'who' of the rows holds numbers and that of the log strings",
        ),
        (
            lambda: ranking.held_out_ranks(LOG.assign(o="8"), "who", "o", [7, 8, 9], fixed([1, 2, 3])),
            "Column 'o' holds '8' in row 0; expected a list",
        ),
        (lambda: ranking.set_matrix([["a"], "bc"], ["a"]), "lists holds 'bc' in row 1; expected a list"),
        (lambda: ranking.set_matrix([["a"], [1]], ["a"]), "lists mixes strings and numbers, as in row 1"),
        (lambda: logs.leave_one_out(LOG, "who", "what", 0), "rename the columns"),
        (
            lambda: logs.leave_one_out(LOG.rename(columns={"who": 0}), 0, "what", "o"),
            "column 0 has the type int",
        ),
        (lambda: logs.with_negatives(LOG, LOG, "who", "what", 1, label=0), "rename the columns"),
        (lambda: ranking.candidates(LOG, 0, "abc"), "rename the columns"),
        (lambda: logs.split_by_time(LOG.rename(columns={"who": 0}), 0, 0.5), "rename the columns"),
        (lambda: ranking.candidates(LOG, "what", "abc"), "items is the string 'abc'; expected a list"),
        (lambda: ranking.candidates(LOG, "what", [2, "a"]), "items mixes strings and numbers, as in row 1"),
        (lambda: logs.split_by_user(LOG.assign(who=[1, 2, "3", 4, 5, 6, 7]), "who", 0.5), "as in row 2"),
        (
            lambda: logs.split_by_user(LOG.assign(who=LOG["who"] + 0.5), "who", 0.5),
            "Column 'who' holds 7.5, a float, in row 0; expected strings or whole numbers",
        ),
        (lambda: logs.split_by_user(LOG.assign(who=True), "who", 0.5), "Column 'who' holds True, a bool, in row 0"),
        (
            lambda: logs.leave_one_out(LOG.assign(what=[*"abcabd", b"c"]), "who", "what", "o"),
            "Column 'what' holds b'c', a bytes, in row 6",
        ),
        (
            lambda: logs.leave_one_out(LOG.assign(what=[*"abcabd", 3]), "who", "what", "o"),
            "Column 'what' mixes strings and numbers, as in row 6: make all of them strings",
        ),
    ],
)
def test_what_could_never_be_equal_is_named(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: logs.with_negatives(LOG.assign(what="d"), LOG, "who", "what", 1),
            r"User 7 and 'd', in row 0, are not in the log, .*pd.concat\(\[log, rows\]\)",
        ),
        (
            lambda: logs.with_negatives(LOG[:3], LOG[:2], "who", "what", 1, items=list("abcdef")),
            "User 7 and 'c', in row 2, are not in the log",
        ),
        (
            lambda: logs.with_negatives(LOG, LOG, "who", "what", 1, items=list("xyz")),
            "None of the 3 items is in the log's column 'what'",
        ),
        (lambda: logs.with_negatives(LOG, LOG, "who", "what", 1, items=[]), "items is empty"),
        (
            lambda: logs.with_negatives(LOG, LOG, "who", "what", 1, items=["a", None]),
            "items has a missing value in row 1",
        ),
        (
            lambda: logs.leave_one_out(LOG, "who", "what", "o", history=LOG.assign(who=1)),
            "No user of the log is in the history's column 'who'",
        ),
        (lambda: ranking.candidates(LOG, "what", ["a", "a"]), "items names 'a' more than once"),
        (lambda: ranking.set_matrix([["a", None]], ["a"]), "lists has a missing value in row 1"),
        (lambda: ranking.set_matrix([["a"]], ["a", "a"]), "items names 'a' more than once"),
        (lambda: logs.split_by_user(LOG.assign(who=[7, None, 8, 8, 9, 9, 9]), "who", 0.5), "'who' has 1 missing"),
    ],
)
def test_what_would_be_left_out_in_silence_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_an_item_that_cannot_be_drawn_is_no_obstacle():
    made = logs.with_negatives(LOG, LOG, "who", "what", 1, items=["d", "a", "x"], seed=1)
    drawn = made[made["label"] == 0].groupby("who")["what"].agg(set).to_dict()
    assert drawn[8] <= {"d", "x"} and drawn[9] <= {"a", "x"} and drawn[7] <= {"d", "x"}
    assert made.loc[made["label"] == 1, "what"].tolist() == LOG["what"].tolist()


def test_a_long_list_is_cut_before_it_is_built():
    """A row of a user with thousands of items takes little more work than one of a user with a hundred."""
    seconds = []
    for users in (80, 1):
        log = pd.DataFrame({"who": np.arange(8_000) % users, "what": range(8_000)})
        start = time.process_time()
        rows = logs.leave_one_out(log, "who", "what", "others", longest=3)
        seconds.append(time.process_time() - start)
    assert {len(others) for others in rows["others"]} == {3}
    assert not any(what in others for what, others in zip(rows["what"], rows["others"]))
    assert rows["others"].explode().nunique() > 7_000  # from the first to the last
    assert seconds[1] < 4 * seconds[0], seconds


# ------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: logs.split_by_user(LOG, "user", 0.5), KeyError, "no column 'user'"),
        (lambda: logs.split_by_user(LOG, "who", 1.5), ValueError, "share is 1.5"),
        (lambda: logs.split_by_time(LOG, "who", 0), ValueError, "share is 0"),
        (lambda: logs.split_by_time(LOG, "who", 1.0), ValueError, "share is 1.0"),
        (lambda: logs.split_by_time(LOG, "who", True), ValueError, "share is True"),
        (lambda: logs.split_by_user(LOG[:1], "who", 0.5), ValueError, "leaves one side empty"),
        (lambda: logs.split_by_time(LOG.assign(t=1), "t", 0.5), ValueError, "no row is later than 1"),
        (lambda: logs.split_by_time(LOG.assign(t=None), "t", 0.5), ValueError, "'t' has 7 missing values"),
        (lambda: logs.leave_one_out([1], "who", "what", "o"), TypeError, "DataFrame"),
        (lambda: logs.leave_one_out(LOG[:0], "who", "what", "o"), ValueError, "empty"),
        (lambda: logs.leave_one_out(LOG, "who", "what", "what"), ValueError, "'what' is listed more than once"),
        (lambda: logs.leave_one_out(LOG, "who", "what", "o", longest=0), ValueError, "longest is 0"),
        (lambda: logs.leave_one_out(LOG, "who", "what", "o", history=LOG[["who"]]), KeyError, "no column 'what'"),
        (lambda: logs.hold_one_out(LOG, "who", "what", "o"), ValueError, "User 8 has a single item"),
        (
            lambda: logs.leave_one_out(LOG.assign(what=[["a"]] * 7), "who", "what", "o"),
            TypeError,
            "Column 'what' holds lists",
        ),
        (
            lambda: logs.leave_one_out(LOG.assign(what=[*"abcab", None, "c"]), "who", "what", "o"),
            ValueError,
            "'what' has 1 missing values, first in row 5",
        ),
        (
            lambda: logs.with_negatives(LOG, LOG, "who", "what", 2),
            ValueError,
            "User 7 has 3 of the 4 items, so 1 are left: 2 negatives a row are too many",
        ),
        (lambda: logs.with_negatives(LOG, LOG, "who", "what", 0), ValueError, "n is 0"),
        (
            lambda: logs.with_negatives(LOG, LOG[:4], "who", "what", 1, items=list("abcdefg")),
            ValueError,
            "User 9 is in no row of the log",
        ),
        (
            lambda: logs.with_negatives(LOG, LOG, "who", "what", 1, items=[1, 1]),
            ValueError,
            "items names 1 more than once",
        ),
        (
            lambda: logs.with_negatives(LOG.assign(label=1), LOG, "who", "what", 1),
            ValueError,
            "column 'label' already",
        ),
        (lambda: ranking.half_life_score([], 5), ValueError, r"shape \(0,\); expected at least one rank"),
        (lambda: ranking.half_life_score([1, np.nan], 5), ValueError, "rank in row 1 is nan"),
        (lambda: ranking.half_life_score([-1, 2], 5), ValueError, "rank in row 0 is -1"),
        (lambda: ranking.hit_rate([], 5), ValueError, r"shape \(0,\); expected at least one rank"),
        (lambda: ranking.hit_rate([1, 2, np.nan], 5), ValueError, "rank in row 2 is nan"),
        (lambda: ranking.hit_rate([[1, 2]], 5), ValueError, r"shape \(1, 2\)"),
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
        return ranking.held_out_ranks(queries, "what", "others", list(items), score)

    with pytest.raises(ValueError, match="'c' is held out and none of the 2 items"):
        rank(items="ab")
    with pytest.raises(ValueError, match="items names 'a' more than once"):
        rank(items="aabc")
    with pytest.raises(ValueError, match=r"shape \(1, 3\); expected \(1, 4\)"):
        rank(score=fixed([1, 2, 3]))
    with pytest.raises(ValueError, match=r"nan for row 0 of the queries and the item .c.; expected finite"):
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
        queries = logs.hold_one_out(log[log.groupby("who")["what"].transform("size") > 1], "who", "what", "others")
        tracemalloc.start()
        logs.with_negatives(log, log, "who", "what", 5, items=range(items))
        ranking.held_out_ranks(queries, "what", "others", range(items), fixed(np.arange(items)))
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
    with pytest.raises(ValueError, match="'q' has 1 missing values, first in row 1.*: each row needs its query"):
        ranking.ranking_scores(frame.assign(q=["a", None, "b"]), "q", "y", np.zeros(3))
    with pytest.raises(ValueError, match="k is 0"):
        ranking.ranking_scores(frame, "q", "y", np.zeros(3), k=0)
    with pytest.raises(TypeError, match="data ?frame|DataFrame"):
        ranking.ranking_scores([1, 2], "q", "y", np.zeros(2))


def test_queries_are_a_frame():
    with pytest.raises(TypeError, match="queries is a list; expected a data frame"):
        ranking.candidates([1], "item", ["a"])


def test_whole_numbers_of_any_size_are_ids():
    large = [2**64 - 1, 2**63, 0]
    assert logs.ids_of(pd.Series(large, dtype="uint64"), "items").tolist() == large
    assert logs.ids_of([2**70, -(2**70)], "items").tolist() == [2**70, -(2**70)]


def test_a_float_that_may_be_two_whole_numbers_is_no_id():
    with pytest.raises(TypeError, match="holds 9007199254740992.0"):
        logs.ids_of([2.0**53], "items")
    assert logs.ids_of([2.0**53 - 1], "items").tolist() == [2**53 - 1]
