"""Requests, features in TensorFlow's graph, exports and what scores with them."""

import concurrent.futures
import datetime
import enum
import pathlib
import re
import subprocess
import sys
from decimal import Decimal

import wdl_helpers as wdl  # before TensorFlow: it sets how TensorFlow computes
from recommender import graph, raw_columns, serving
from recommender.datasets import adult

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from laws import FEW, NAMES, column_names, small_frame, small_parts, typed_columns


@pytest.fixture(scope="module")
def frame():
    return small_frame()[0]


@pytest.fixture(scope="module")
def parts():
    """The fitted parts of the small frame."""
    return small_parts()[:2]


@pytest.fixture(scope="module")
def inputs():
    return small_parts()[2]


def random_model(wide, deep, size=1.0, units=(8,)):
    """A joint model whose weights are all random: its scores change when any of them is lost."""
    random = np.random.default_rng(0)
    model = wdl.wide_deep_model(wide, deep, 4, units, dropout=0.0)
    for weight in model.trainable_variables:
        weight.assign(random.normal(0, size, weight.shape))
    return model


@pytest.fixture(scope="module")
def model(parts):
    return random_model(*parts)


@pytest.fixture(scope="module")
def exported(model, parts, frame, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "model"
    serving.export(model, *parts, frame, folder)
    return folder


@pytest.fixture(scope="module")
def score(exported):
    return serving.scorer(exported)


# ----------------------------------------------------------------------------------- columns as tensors


def tensor_of(kind, values):
    tensor = raw_columns.raw_tensors({"c": values}, {"c": kind})["c"]
    return tensor.to_list() if kind == "list" else tensor.numpy().tolist()


def arrow(kind, cells):
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.array(cells, kind)))


class Colour(str, enum.Enum):  # noqa: UP042, a StrEnum would be written alike in more places
    RED = "red"


def label_of(values):
    """The values as they are written, short enough for the name of a test."""
    try:
        return re.sub(" at 0x[0-9a-f]+", "", " ".join(repr(values).split()))[:50]  # two workers must find the same name
    except ValueError:  # Python does not write a number of so many digits
        return "a number that is too long"


NAN = float("nan")
NUMBERS = [
    ([20, 30.5], [20, 30.5]),
    ([Decimal("20.5"), None], [20.5, NAN]),
    ([Decimal("sNaN"), Decimal("-Infinity")], [NAN, -np.inf]),
    ([1, pd.NA], [1, NAN]),
    (pd.Series([1, pd.NA], dtype=object), [1, NAN]),
    (pd.Series([1, None], dtype="Int64"), [1, NAN]),
    (arrow(pa.decimal128(10, 2), [Decimal("1.25"), None]), [1.25, NAN]),
    (pd.Categorical([1, 2]), [1, 2]),
    (pd.Index([1, 2]), [1, 2]),
    ((1, 2), [1, 2]),
    (range(2), [0, 1]),
    ([2**64, -(2**70)], [2.0**64, -(2.0**70)]),
    ([np.float32(0.1), np.int8(2)], [float(np.float32(0.1)), 2]),
    ([None, None], [NAN, NAN]),
    (np.array([], dtype=object), []),
]


@pytest.mark.parametrize("values, expected", NUMBERS, ids=[label_of(values) for values, _ in NUMBERS])
def test_numbers_of_every_type_become_floats_and_missing_ones_nan(values, expected):
    np.testing.assert_array_equal(tensor_of("number", values), np.array(expected, "float64"))


def test_a_category_has_the_text_that_training_gives_it():
    values = ["a", "007", 7, 7.0, -0.0, Decimal("7.00"), True, np.bool_(False), np.str_("z"), Colour.RED, "NA", " "]
    expected = ["a", "007", "7", "7", "0", "7", "True", "False", "z", "red", "NA", " "]
    frame = pd.DataFrame({"c": pd.Series(values, dtype=object)})
    assert wdl.cross(frame, ["c"]).tolist() == [f"c={text}" for text in expected]
    for request in (values, tuple(values), frame["c"]):
        assert tensor_of("text", request) == [text.encode() for text in expected]
    assert tensor_of("list", [values, [], ("b",), np.array(["d", "e"])]) == [
        [text.encode() for text in expected], [], [b"b"], [b"d", b"e"],
    ]  # fmt: skip
    assert tensor_of("text", np.array(["a", "bc"])) == [b"a", b"bc"]
    assert tensor_of("text", pd.Series([7.0, None])) == [b"7", b""]  # where pandas makes floats of whole numbers
    assert tensor_of("text", [None, NAN, pd.NA, pd.NaT, Decimal("NaN")]) == [b""] * 5
    assert tensor_of("list", [None, ["p", None], NAN, pd.NA]) == [[], [b"p", b""], [], []]
    assert tensor_of("list", arrow(pa.list_(pa.string()), [["p"], None, []])) == [[b"p"], [], []]


@FEW
@given(typed_columns())
def test_a_request_may_hold_a_column_in_another_type_than_training(columns):
    texts, one, other = columns
    wide = wdl.fit_wide(pd.DataFrame({"c": one}), ["c"])
    found = serving.graph_inputs(wide, None)(raw_columns.raw_tensors({"c": other}, {"c": "text"}))["wide_ids"]
    assert found[:, 0].numpy().tolist() == [
        wide["vocabulary"][name] for name in wdl.cross(pd.DataFrame({"c": one}), ["c"])
    ]
    assert (found.numpy() > 0).all() and tensor_of("text", other) == [text.encode() for text in texts]


DATES = np.array(["2026-01-01"], dtype="datetime64[ns]")
NO_COLUMN = TypeError, "Column 'c' is .*; expected a list with one entry a row, an array or a Series"
BAD_COLUMNS = [
    ("number", {0: 1.0}, *NO_COLUMN),
    ("number", {1.0}, *NO_COLUMN),
    ("number", 1.0, *NO_COLUMN),
    ("number", np.array(1.0), *NO_COLUMN),
    ("number", pd.DataFrame({"a": [1]}), *NO_COLUMN),
    ("text", "ab", *NO_COLUMN),
    ("text", b"ab", *NO_COLUMN),
    ("text", frozenset("a"), *NO_COLUMN),
    ("text", iter("ab"), *NO_COLUMN),
    ("text", None, *NO_COLUMN),
    ("number", np.ma.array([1.0, 2.0], mask=[0, 1]), TypeError, "'c' is a masked array; expected its gaps as NaN"),
    ("number", np.ones((2, 2)), TypeError, r"'c' has the shape \(2, 2\); expected one number a row"),
    ("number", [[1.0], [2.0]], TypeError, r"'c' holds \[1.0\]; expected numbers"),
    ("number", [True, 1.5], TypeError, "'c' holds True; expected numbers"),
    ("number", pd.Series([True]), TypeError, "'c' holds .*True.*; expected numbers"),
    ("number", [1j], TypeError, "'c' holds 1j; expected numbers"),
    ("number", np.array([1j]), TypeError, "'c' holds .*1j.*; expected numbers"),
    ("number", [1, "2"], TypeError, "'c' holds '2'; expected numbers"),
    ("number", DATES, TypeError, "'c' holds .*datetime64.*; expected numbers"),
    ("number", [datetime.date(2026, 1, 1)], TypeError, "'c' holds .*date.*; expected numbers"),
    ("number", [10**400], ValueError, "'c' holds a number that is too large for a float"),
    ("number", [Decimal("1E400")], ValueError, "'c' holds a number that is too large for a float"),
    ("text", [10**4300], TypeError, "'c' holds a whole number of more than 4,300 digits"),
    ("text", [Decimal("1E5000")], TypeError, "'c' holds a whole number of more than 4,300 digits"),
    ("number", [None, Decimal(10) ** 400, 10**400], ValueError, "'c' holds a number that is too large for a float"),
    ("text", [2.5], TypeError, "'c' holds 2.5, a float; expected texts or whole numbers"),
    ("text", [Decimal("2.5")], TypeError, r"'c' holds Decimal\('2.5'\), a Decimal; expected texts"),
    ("text", [float("inf")], TypeError, "'c' holds inf, a float; expected texts"),
    ("text", [2.0**53], TypeError, "'c' holds 9.*; so large a float can stand for several whole numbers"),
    ("text", pd.Series([2.0**24], dtype="float32"), TypeError, "so large a float can stand for several"),
    ("text", [b"a"], TypeError, "'c' holds the bytes b'a'; expected text: decode them"),
    ("text", [["a"]], TypeError, r"'c' holds the list \['a'\]; expected one value a row"),
    ("text", [{"a"}], TypeError, "'c' holds {'a'}, a set; expected texts"),
    ("text", [{"a": 1}], TypeError, "'c' holds {'a': 1}, a dict; expected texts"),
    ("text", DATES, TypeError, "'c' holds .*, a datetime64; expected texts"),
    ("text", pd.Series(DATES), TypeError, "'c' holds .*, a datetime64; expected texts"),
    ("text", [datetime.date(2026, 1, 1)], TypeError, "'c' holds .*, a date; expected texts"),
    ("text", ["a", "\ud800b"], ValueError, r"'c' holds '\\ud800b', which is no text that UTF-8 can hold"),
    ("list", ["p"], TypeError, "'c' holds 'p'; expected a list in each row"),
    ("list", [{"p"}], TypeError, "'c' holds {'p'}; expected a list in each row"),
    ("list", [np.array("p")], TypeError, "'c' holds array.*; expected a list in each row"),
    ("list", [[["p"]]], TypeError, r"'c' holds the list \['p'\]"),
    ("list", [["\udc00"]], ValueError, r"'c' holds '\\udc00', which is no text"),
]


@pytest.mark.parametrize(
    "kind, values, error, message", BAD_COLUMNS, ids=[f"{kind} {label_of(values)}" for kind, values, *_ in BAD_COLUMNS]
)
def test_a_column_of_something_else_is_refused_by_name(kind, values, error, message):
    with pytest.raises(error, match=message):
        raw_columns.raw_tensors({"c": values}, {"c": kind})


def test_a_tensor_is_refused_as_a_column_and_in_one():
    with pytest.raises(TypeError, match="'c' is <tf.Tensor.*expected a list"):
        raw_columns.raw_tensors({"c": tf.constant(["a"])}, {"c": "text"})
    with pytest.raises(TypeError, match="'c' holds <tf.Tensor.*expected texts"):
        raw_columns.raw_tensors({"c": [tf.constant("a")]}, {"c": "text"})


def test_a_request_of_no_columns_is_refused():
    with pytest.raises(ValueError, match="types is empty"):
        raw_columns.raw_tensors({"a": [1]}, {})


def test_a_request_is_a_frame_or_a_dict_and_has_each_column_once():
    twice = pd.DataFrame([["a", "b"]], columns=["c", "c"])
    with pytest.raises(ValueError, match="the column 'c' more than once"):
        raw_columns.raw_tensors(twice, {"c": "text"})
    for request in (None, [["a"]], "a", pd.Series(["a"])):
        with pytest.raises(TypeError, match=f"The request is a {type(request).__name__}; expected a data frame, or a"):
            raw_columns.raw_tensors(request, {"c": "text"})


def test_what_a_column_holds_is_seen_in_the_sample():
    sample = pd.DataFrame({"t": pd.Categorical(["x", "x"]), "l": [None, ("p",)], "n": [1, 2], "both": [1, 2]})
    sample = sample.assign(a=arrow(pa.list_(pa.string()), [[], ["p"]]), unused=0)
    wide = {"features": [("t", "l"), ("n",), ("a",)], "boundaries": {"n": np.array([1.5])}}
    deep = {"categories": ["t", "both"], "boundaries": {"both": np.array([1.5])}}
    types = {"t": "text", "l": "list", "n": "number", "a": "list", "both": "number"}
    assert raw_columns.column_types(sample, wide, deep) == types
    assert raw_columns.column_types(sample, wide, None) == {name: types[name] for name in ("t", "l", "n", "a")}
    with pytest.raises(KeyError, match="no column 'both'"):
        raw_columns.column_types(sample.drop(columns="both"), wide, deep)


# ----------------------------------------------------------------------------------- features in the graph

TEXTS = st.sampled_from(
    ["x", "y", "ü", "", "x=y", "7", "x & y", "x &y", "x &&y", "x & y & z", "x &", "& y", " &", "\\"]
)
CELLS = st.lists(st.sampled_from(["p", "q", "7", "p", "p & q", " &&"]) | st.integers(6, 8), max_size=4)
QUANTITIES = st.sampled_from([-1.5, 0.0, 0.1, 0.30000000000000004, 2.0, 1e9])


@st.composite
def frames(draw, names):
    """A frame with text, booleans, two columns of lists, numbers, and whole numbers that are categories too."""
    n = draw(st.integers(2, 6))
    cells = [TEXTS, CELLS, CELLS, st.booleans(), QUANTITIES, st.sampled_from([-3, 0, 7, 2**53 - 1])]
    return pd.DataFrame(
        {name: draw(st.lists(cell, min_size=n, max_size=n)) for name, cell in zip(names, cells, strict=True)}
    )


@st.composite
def two_frames(draw):
    names = draw(column_names(6))
    return draw(frames(names)), draw(frames(names))


def known_ids(matrix):
    return [[i for i in row if i != 0] for row in np.asarray(matrix).reshape(len(matrix), -1).tolist()]


@FEW
@given(two_frames(), st.sampled_from([None, 13]), st.sampled_from([None, 1, 2]), st.sampled_from([None, 1, 3]))
def test_the_graph_computes_what_pandas_computes(both_frames, hash_buckets, wide_longest, deep_longest):
    fitted_on, frame = both_frames
    text, tags, others, flag, number, whole = fitted_on
    both = pd.concat([fitted_on, frame], ignore_index=True)  # so that a column of lists looks like one
    features = [text, tags, number, whole, (text, tags), (tags, others), (flag, number, others)]
    wide = wdl.fit_wide(fitted_on, features, buckets={number: 3}, hash_buckets=hash_buckets, longest=wide_longest)
    deep = wdl.fit_deep(fitted_on, [text, tags, flag, whole], [number, whole], n_quantiles=4, longest=deep_longest)
    types = raw_columns.column_types(both, wide, deep)
    found = serving.graph_inputs(wide, deep)(raw_columns.raw_tensors(frame, types))
    expected = wdl.joint_inputs(frame, wide, deep)
    assert known_ids(found["wide_ids"]) == known_ids(expected["wide_ids"])
    assert found["deep_ids"].shape == expected["deep_ids"].shape
    np.testing.assert_array_equal(found["deep_ids"], expected["deep_ids"])
    np.testing.assert_array_equal(found["numbers"], expected["numbers"])
    assert {name: tensor.dtype.name for name, tensor in found.items()} == {
        "wide_ids": "int32", "deep_ids": "int32", "numbers": "float32",
    }  # fmt: skip


def test_a_list_keeps_its_first_different_values():
    train = pd.DataFrame({"l": [["p", "q", "r"]]})
    wide = wdl.fit_wide(train, ["l"], longest=2)
    graph = serving.graph_inputs(wide, None)
    found = graph(raw_columns.raw_tensors({"l": [["q", "q", "p", "r"], ["r", "p"], ["p"]]}, {"l": "list"}))["wide_ids"]
    ids = wide["vocabulary"]
    assert list(ids) == ["l=p", "l=q"]  # r is the third of its list
    assert found.numpy().tolist() == [[ids["l=q"], ids["l=p"]], [0, ids["l=p"]], [ids["l=p"], 0]]


def test_a_value_that_looks_like_a_cross_does_not_get_its_weight():
    frame = pd.DataFrame({"c": ["x", "y"], "o": ["p", "q"]})
    wide = wdl.fit_wide(frame, ["c", ("c", "o")])
    request = {"c": ["x & o=p", "x", "x & y & z"], "o": ["s", "p", "p"]}
    tensors = raw_columns.raw_tensors(request, {"c": "text", "o": "text"})
    found = serving.graph_inputs(wide, None)(tensors)["wide_ids"].numpy().tolist()
    assert found == [[0, 0], [wide["vocabulary"]["c=x"], wide["vocabulary"]["c=x & o=p"]], [0, 0]]
    hashed = wdl.fit_wide(frame, ["c", ("c", "o")], hash_buckets=10**6)
    found = serving.graph_inputs(hashed, None)(tensors)["wide_ids"]
    names = tf.constant(
        [["c=x && o=p", "c=x && o=p & o=s"], ["c=x", "c=x & o=p"], ["c=x && y && z", "c=x && y && z & o=p"]]
    )
    np.testing.assert_array_equal(found, tf.strings.to_hash_bucket_fast(names, 10**6) + 1)


def test_missing_values_by_hand():
    train = pd.DataFrame({"t": ["x", "y", "x"], "n": [1.0, 2.0, 4.0], "l": [["p"], ["q"], []]})
    wide = wdl.fit_wide(train, ["t", "n", ("t", "n"), ("t", "l")], buckets={"n": 2})
    deep = wdl.fit_deep(train, ["t", "l"], ["n"], n_quantiles=4)
    types = raw_columns.column_types(train, wide, deep)
    assert types == {"t": "text", "n": "number", "l": "list"}
    missing = {"t": [None, "x", "z", "x"], "n": [4, np.nan, 1, float("inf")], "l": [["p"], None, ["q"], ["r", None]]}
    found = serving.graph_inputs(wide, deep)(raw_columns.raw_tensors(missing, types))
    ids = wide["vocabulary"]
    assert known_ids(found["wide_ids"]) == [[ids["n=[2, inf)"]], [ids["t=x"]], [ids["n=[-inf, 2)"]], [ids["t=x"]]]
    v = deep["vocabulary"]
    assert np.array(found["deep_ids"])[:, :, 0].tolist() == [[0, v["l=p"]], [v["t=x"], 0], [0, v["l=q"]], [v["t=x"], 0]]
    # The boundaries are 1.5, 2 and 3: a missing number is the median, 2, with two boundaries at or below it.
    assert np.array(found["numbers"])[:, 0].tolist() == [1, pytest.approx(2 / 3), 0, pytest.approx(2 / 3)]


def test_a_missing_text_is_the_empty_one_also_where_that_has_a_weight():
    frame = pd.DataFrame({"t": ["x", "", "y"], "l": [["p", ""], [], ["p"]]})
    for hash_buckets in (None, 50):
        wide = wdl.fit_wide(frame, ["t", "l"], hash_buckets=hash_buckets)
        graph = serving.graph_inputs(wide, None)
        tensors = raw_columns.raw_tensors({"t": [None, ""], "l": [["p", None], ["p", ""]]}, {"t": "text", "l": "list"})
        found = graph(tensors)["wide_ids"].numpy().tolist()
        assert found[0] == found[1]
        assert found[0][0] == wdl.wide_ids(frame, wide)[1, 0] > 0
        assert found[0][1:] == wdl.wide_ids(frame, wide)[0, 1:].tolist() and found[0][2] > 0


@pytest.mark.parametrize("hash_buckets", [None, 50])
def test_a_number_that_is_no_id_is_unseen_as_a_category(hash_buckets):
    frame = pd.DataFrame({"id": [0, 1, 2**53 - 1, 2**53]})
    wide = wdl.fit_wide(frame, ["id"], hash_buckets=hash_buckets)
    deep = wdl.fit_deep(frame, ["id"], ["id"], n_quantiles=2)
    graph = serving.graph_inputs(wide, deep)
    # 2⁵³ + 1 is 2⁵³ as a float.
    request = {"id": [0.0, -0.0, 0.5, NAN, float("inf"), -float("inf"), 2**53 + 1, 2**53, 2**53 - 1, 1e300]}
    found = graph(raw_columns.raw_tensors(request, {"id": "number"}))
    zero, largest = wdl.wide_ids(frame, wide)[[0, 2], 0].tolist()
    assert found["wide_ids"].numpy()[:, 0].tolist() == [zero, zero, 0, 0, 0, 0, 0, 0, largest, 0]
    assert (found["deep_ids"].numpy()[:, 0, 0] > 0).tolist() == [i in (0, 1, 8) for i in range(10)]


# ------------------------------------------------------------------------------------------ export and serve

# Adult's test rows, of which some have values that were never seen, and some none at all.
RAW = """
def damaged(test):
    test.loc[0:99, "occupation"] = "Astronaut"
    test.loc[50:149, "native-country"] = ""
    test[["age", "capital-gain"]] = test[["age", "capital-gain"]].astype(float)
    test.loc[100:199, "age"] = float("nan")
    test.loc[150:249, "capital-gain"] = float("nan")
    return test
"""
OTHER_PROCESS = f"""
import sys
for name in ("wdl_helpers", "recommender", "keras", "sklearn"):
    sys.modules[name] = None  # an import of it fails
import pandas as pd
import tensorflow as tf
{RAW}
folder, data, result = sys.argv[1:]
test = damaged(pd.read_csv(data, keep_default_na=False))
model = tf.saved_model.load(folder)
score = model.score
(specs,), _ = score.concrete_functions[0].structured_input_signature
columns = {{column: tf.constant(test[column], spec.dtype) for column, spec in specs.items()}}
tf.io.write_file(result, tf.io.serialize_tensor(score(columns)["probability"]))
named = {{spec.name: columns[column] for column, spec in specs.items()}}
served = model.signatures["columns"](**named)["probability"]
assert (served == score(columns)["probability"]).numpy().all()
"""


def test_a_new_process_without_our_modules_scores_all_test_rows_as_the_model(tmp_path):
    train, test = adult.load_adult()
    base = [*adult.CATEGORIES, "age", "hours-per-week"]
    crosses = [("education", "occupation"), ("age", "hours-per-week"), ("native-country", "age", "capital-gain")]
    wide = wdl.fit_wide(train, [*base, *crosses], buckets={"age": 10, "hours-per-week": 8})
    deep = adult.deep_features(train)
    model = random_model(wide, deep, size=0.3, units=(16, 8))
    serving.export(model, wide, deep, train[:100], tmp_path / "model")
    command = [sys.executable, "-c", OTHER_PROCESS, "model", str(adult.DATA / "adult_test.csv"), "scores"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    found = tf.io.parse_tensor((tmp_path / "scores").read_bytes(), tf.float64).numpy()

    namespace = {}
    exec(RAW, namespace)
    test = namespace["damaged"](test)
    gone = test[["age", "capital-gain"]].isna()
    test = test.fillna({"age": train["age"].median(), "capital-gain": 0}).astype({"age": int, "capital-gain": int})
    inputs = wdl.joint_inputs(test, wide, deep)  # pandas' way, but for what is missing, which is put in by hand
    for column in gone:
        used = [column in feature for feature in wide["features"]]
        inputs["wide_ids"][np.ix_(gone[column], used)] = 0
        if column in deep["categories"]:
            inputs["deep_ids"][gone[column], deep["categories"].index(column)] = 0
    expected = wdl.predict(model, inputs)
    assert len(found) == 16_281 and np.std(expected) > 0.1
    assert np.abs(found - expected).max() < 1e-6


def test_the_export_scores_as_the_model_does(score, model, inputs, frame):
    expected = wdl.predict(model, inputs)
    assert np.std(expected) > 0.1
    found = score(frame)
    assert found.dtype == "float64" and found.shape == (64,)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    columns = {name: frame[name].tolist() for name in ("size", "tags", "letter")}
    np.testing.assert_array_equal(score({**columns, "unused": "anything"}), found)


def test_columns_of_any_name_are_exported_and_called_by_it(tmp_path):
    random = np.random.default_rng(0)
    names = [*NAMES, "from", "True", "columns", "columns_1", "tags", "tags_lengths", "Tags", "probability", "x" * 300]
    texts = {"a b", "a_b"}  # which are exchanged below
    numeric = [name for name in names[::3] if name not in texts]
    lists = [name for name in names[1::3] if name not in texts]
    frame = pd.DataFrame({name: random.choice(list("pqrs"), 20) for name in names})
    for name in numeric:
        frame[name] = random.normal(size=20)
    for name in lists:
        frame[name] = [random.choice(list("xyz"), n, replace=False).tolist() for n in random.integers(0, 3, 20)]
    categories = [name for name in names if name not in numeric]
    wide = wdl.fit_wide(frame, [*categories, tuple(categories[:2])], hash_buckets=10_000)
    deep = wdl.fit_deep(frame, categories, numeric, n_quantiles=5)
    serving.export(random_model(wide, deep, 0.3), wide, deep, frame, tmp_path / "model")  # it compares the scores
    expected = serving.scorer(tmp_path / "model")(frame)
    assert np.std(expected) > 0.1

    types = raw_columns.column_types(frame, wide, deep)
    columns = raw_columns.raw_tensors(frame, types)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.score(columns)["probability"], expected)
    named = {}
    for column, (name, *lengths) in serving.signature_names(types).items():
        named[name] = columns[column].values if lengths else columns[column]
        if lengths:
            named[lengths[0]] = columns[column].row_lengths()
    served = loaded.signatures["columns"]
    np.testing.assert_array_equal(served(**named)["probability"], expected)
    swapped = named | {"a_b": named["a_b_2"], "a_b_2": named["a_b"]}  # each of two like names is its own column
    assert (served(**swapped)["probability"] != expected).numpy().any()


def test_the_names_of_a_signature():
    types = dict.fromkeys(["a b", "a_b", "A", "a", "größe", "_x", "0", "class", "self", "", "c_class"], "text")
    types |= {"tags": "list", "tags_lengths": "number", "A_B": "text"}
    assert serving.signature_names(types) == {
        "a b": ["a_b_3"], "a_b": ["a_b"], "A": ["A"], "a": ["a_2"], "größe": ["gr__e"], "_x": ["c__x"], "0": ["c_0"],
        "class": ["c_class_2"], "self": ["c_self"], "": ["c_"], "c_class": ["c_class"],
        "tags": ["tags", "tags_lengths_2"], "tags_lengths": ["tags_lengths"], "A_B": ["A_B_2"],
    }  # fmt: skip
    assert list(serving.signature_names(types)) == list(types)


@given(column_names(4), st.lists(st.sampled_from(["text", "list", "number"]), min_size=4, max_size=4))
def test_each_input_of_a_signature_has_a_name_that_tensorflow_takes(columns, types):
    found = serving.signature_names(dict(zip(columns, types, strict=True)))
    flat = [name for names in found.values() for name in names]
    assert list(found) == columns and [len(names) for names in found.values()] == [1 + (k == "list") for k in types]
    assert len({name.lower() for name in flat}) == len(flat)
    assert all(name.isascii() and name.isidentifier() and name[0].isalpha() for name in flat)


def damaged(frame):
    """Missing, unseen and repeated values; the quantiles' 47.3 is no number of an example."""
    frame = frame.assign(letter=["", "Z", *frame["letter"][2:]], size=[np.nan, 1e9, *frame["size"][2:]])
    frame.at[0, "tags"] = []
    frame.at[1, "tags"] = ["Z", "p", "p"]
    frame.at[2, "tags"] = ["r", "q"]
    return frame


def test_tensorflows_own_client_gets_the_scorers_scores_of_examples(exported, score, parts, frame, tmp_path):
    edges = parts[1]["boundaries"]["size"]
    # There is a number that rounding would lose.
    assert (np.float32(edges) < edges).any() and np.isin(edges, frame["size"]).any()
    types = {"letter": "text", "tags": "list", "size": "number"}
    rows = [
        {column: np.ravel(row[column]).tolist() for column in types if not (column == "size" and np.isnan(row["size"]))}
        for row in damaged(frame).to_dict("records")
    ]
    rows = [{column: cell for column, cell in row.items() if cell} for row in rows]  # the client takes no empty list
    assert [sorted(row) for row in rows[:2]] == [["letter"], ["letter", "size", "tags"]]
    command = [
        pathlib.Path(sys.executable).with_name("saved_model_cli"),
        "run",
        "--dir",
        exported,
        "--tag_set",
        "serve",
    ]
    command += ["--signature_def", "serving_default", "--input_examples", f"examples={rows}", "--outdir", tmp_path]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "probability.npy")
    expected = score(damaged(frame))
    assert np.std(expected) > 0.1 and np.abs(found - expected).max() < 1e-6
    served = tf.saved_model.load(str(exported)).signatures["serving_default"]
    again = served(tf.constant(raw_columns.tf_examples(damaged(frame), types)))["probability"]
    np.testing.assert_array_equal(again, found)


def test_a_number_that_a_boundary_is_rounded_to_is_the_boundary():
    wide = wdl.fit_wide(pd.DataFrame({"n": [0.0, 47.3, 94.6]}), ["n"], buckets={"n": 2})
    deep = wdl.fit_deep(pd.DataFrame({"n": [0.0, 0.2]}), [], ["n"], n_quantiles=2)
    boundaries = serving._all_boundaries(wide, deep)
    assert boundaries["n"].tolist() == [0.1, 47.3]  # those of both parts
    values = tf.constant([47.3, 0.1, 47.29, 1e9, -1.0, NAN], tf.float32)
    found = graph._snap_to_edges(values, boundaries["n"]).numpy()
    expected = np.array([47.3, 0.1, *np.float32([47.29, 1e9, -1.0, NAN])], "float64")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("change", [{"size": ["50"]}, {"letter": [7.0]}, {"letter": ["a", "b"]}, {"size": [1.0, 2.0]}])
def test_an_example_of_other_kinds_is_refused_by_name(exported, change):
    example = tf.train.Example()
    for column, cell in change.items():
        feature = example.features.feature[column]
        if isinstance(cell[0], str):
            feature.bytes_list.value.extend([text.encode() for text in cell])
        else:
            feature.float_list.value.extend(cell)
    served = tf.saved_model.load(str(exported)).signatures["serving_default"]
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"Key: {next(iter(change))}"):
        served(tf.constant([example.SerializeToString()]))


def test_numbers_that_an_example_cannot_hold_are_refused(parts, frame, tmp_path):
    seconds = frame.assign(size=1_700_000_000 + np.arange(64))
    deep = wdl.fit_deep(seconds, ["letter"], ["size"], n_quantiles=8)
    with pytest.raises(ValueError, match="as tf.Examples, which hold numbers as float32, differ"):
        serving.export(random_model(parts[0], deep), parts[0], deep, seconds, tmp_path / "refused")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("features", [["id"], ["c", ("c", "id")]])
@pytest.mark.parametrize("hash_buckets", [None, 50])
def test_ids_that_merge_as_numbers_are_refused(features, hash_buckets, tmp_path):
    """Where the vocabulary shows them, the sample need not."""
    for largest, is_refused in ((2**24 - 1, False), (2**24, True), (-(2**24), True)):
        frame = pd.DataFrame({"id": [3, largest], "c": ["id=99999999", "x"]})
        wide = wdl.fit_wide(frame, features, hash_buckets=hash_buckets)
        deep = wdl.fit_deep(frame, [], ["id"], n_quantiles=2)
        sample = frame if hash_buckets or not is_refused else frame[:1]
        if is_refused:
            with pytest.raises(ValueError, match=f"Column 'id' is a number and a category, and holds {largest}"):
                serving.export(wdl.wide_deep_model(wide, deep, 2, (2,)), wide, deep, sample, tmp_path)
        else:
            serving.export(wdl.wide_deep_model(wide, deep, 2, (2,)), wide, deep, sample, tmp_path)
    only_number = wdl.fit_deep(frame, ["c"], ["id"], n_quantiles=2)  # it has nothing to merge
    serving._check_whole_categories(frame, None, only_number)


@pytest.mark.parametrize("kind", ["wide", "deep"])
def test_a_model_with_one_part_can_be_exported(kind, parts, inputs, frame, tmp_path):
    wide, deep = parts
    model = wdl.wide_model(wide) if kind == "wide" else wdl.deep_model(deep, 4, (3,))
    model.set_weights([np.linspace(-1, 1, weight.size).reshape(weight.shape) for weight in model.get_weights()])
    serving.export(model, *{"wide": (wide, None), "deep": (None, deep)}[kind], frame, tmp_path)
    np.testing.assert_allclose(serving.scorer(tmp_path)(frame), wdl.predict(model, inputs), atol=1e-6)


def test_parts_without_a_value_can_be_exported(frame, tmp_path):
    nothing = pd.DataFrame({"letter": ["a"], "tags": [["p"]], "size": [1.0]})
    wide = wdl.fit_wide(nothing, ["letter", "tags"], min_count=2)
    for deep in (wdl.fit_deep(frame, [], ["size"]), wdl.fit_deep(nothing, ["letter", "tags"], ["size"], min_count=2)):
        assert wide["vocabulary"] == deep["vocabulary"] == {}
        model = random_model(wide, deep)
        serving.export(model, wide, deep, frame, tmp_path)
        expected = wdl.predict(model, wdl.joint_inputs(frame, wide, deep))
        np.testing.assert_allclose(serving.scorer(tmp_path)(frame), expected, atol=1e-6)


def test_an_export_that_scores_otherwise_is_refused(frame, tmp_path, monkeypatch):
    monkeypatch.setattr(graph, "_escape", tf.strings.lower)
    shouting = frame.assign(letter=frame["letter"].str.upper())
    wide, deep = wdl.fit_wide(shouting, ["letter"]), wdl.fit_deep(shouting, ["letter"], ["size"])
    with pytest.raises(ValueError, match="scores of the sample differ from the model's by up to"):
        serving.export(random_model(wide, deep), wide, deep, shouting, tmp_path / "refused")
    assert list(tmp_path.iterdir()) == []


def biased(wide, bias):
    model = wdl.wide_model(wide)
    model.get_layer("logit").set_weights([np.array([bias])])
    return model


def first_score(folder, frame):
    return serving.scorer(folder)(frame[:1])[0]


def test_a_new_export_replaces_an_old_one_and_nothing_else(frame, tmp_path):
    wide = wdl.fit_wide(frame, ["letter"])
    for bias in (0.0, 2.0):
        serving.export(biased(wide, bias), wide, None, frame, tmp_path / "model")
        assert first_score(tmp_path / "model", frame) == pytest.approx(1 / (1 + np.exp(-bias)))
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("years of work")
    (tmp_path / "notes").write_text("years of work")
    with pytest.raises(FileExistsError, match="thesis holds something else.*'chapter'"):
        serving.export(biased(wide, 0.0), wide, None, frame, tmp_path / "thesis")
    with pytest.raises(FileExistsError, match="notes is a file"):
        serving.export(biased(wide, 0.0), wide, None, frame, tmp_path / "notes")
    (tmp_path / "model" / "chapter").write_text("years of work, put into an export")
    with pytest.raises(FileExistsError, match="model holds something else.*'chapter'"):
        serving.export(biased(wide, 0.0), wide, None, frame, tmp_path / "model")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "notes", "thesis"]


def test_an_export_goes_where_a_link_points_and_comes_back_if_it_cannot(frame, tmp_path, monkeypatch):
    wide = wdl.fit_wide(frame, ["letter"])
    (tmp_path / "disk").mkdir()
    (tmp_path / "live").symlink_to(tmp_path / "disk" / "monday")
    for bias in (0.0, 2.0):
        serving.export(biased(wide, bias), wide, None, frame, tmp_path / "live")
    assert (tmp_path / "live").is_symlink()
    assert first_score(tmp_path / "disk" / "monday", frame) == pytest.approx(1 / (1 + np.exp(-2)))

    rename = pathlib.Path.rename

    def full_disk(path, target):
        if path.name == "new":
            raise OSError("no space left")
        return rename(path, target)

    monkeypatch.setattr(pathlib.Path, "rename", full_disk)
    with pytest.raises(OSError, match="no space left"):
        serving.export(biased(wide, 5.0), wide, None, frame, tmp_path / "live")
    assert first_score(tmp_path / "live", frame) == pytest.approx(1 / (1 + np.exp(-2)))
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["monday"]


def test_a_model_that_returns_probabilities_is_not_exported(parts, frame, tmp_path):
    ids = keras.Input((3,), name="wide_ids")
    model = keras.Model({"wide_ids": ids}, keras.layers.Dense(1, "sigmoid")(ids))
    with pytest.raises(ValueError, match="ends in a sigmoid"):
        serving.export(model, parts[0], None, frame, tmp_path)


def test_features_that_do_not_fit_the_model_are_refused_by_name(parts, model, frame, tmp_path):
    wide, deep = parts
    fewer = wdl.fit_wide(frame, ["letter"])
    one_category = wdl.fit_deep(frame, ["letter"], ["size"], n_quantiles=8)
    no_numbers = wdl.fit_deep(frame[frame.letter != "d"], ["letter", "tags"], [])
    more_values = wdl.fit_deep(frame, ["letter", "tags"], ["size"], n_quantiles=8)
    refusals = [
        (
            fewer,
            deep,
            f"{wide['n_ids']} rows in the table 'wide_weights', but the wide features have {fewer['n_ids']} ",
        ),
        (wide, one_category, "takes 2 columns as 'deep_ids', but the deep features have 1"),
        (wide, no_numbers, "takes 1 columns as 'numbers', but the deep features have 0"),
        (wide, more_values, r"7 rows in the table 'deep_embeddings', but the deep features have 8 ids"),
        (None, deep, "has the input 'wide_ids', but the wide features are None"),
        (wide, None, "has the input 'deep_ids', but the deep features are None"),
    ]
    for one, other, message in refusals:
        with pytest.raises(ValueError, match=message):
            serving.export(model, one, other, frame, tmp_path / "refused")
    assert list(tmp_path.iterdir()) == []
    ids = keras.Input((None,), dtype="int32", name="wide_ids")  # a model of one's own
    sums = keras.layers.Lambda(lambda vectors: keras.ops.sum(vectors, axis=1))(keras.layers.Embedding(3, 1)(ids))
    with pytest.raises(ValueError, match="3 rows in the table 'embedding"):
        serving.check_fits(keras.Model({"wide_ids": ids}, sums), wide, None)


def test_a_folder_that_holds_no_export_is_refused(tmp_path):
    with pytest.raises(OSError, match="saved_model"):
        serving.scorer(tmp_path)
    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(ValueError, match="no function 'score'"):
        serving.scorer(tmp_path)


def test_a_graph_that_fails_is_named_by_its_folder(tmp_path):
    module = tf.Module()
    module.score = tf.function(
        lambda columns: {"probability": tf.gather([0.5], tf.strings.length(columns["c"]))},
        input_signature=[{"c": tf.TensorSpec([None], tf.string)}],
    )
    tf.saved_model.save(module, str(tmp_path))
    with pytest.raises(ValueError, match=f"The export in {tmp_path} cannot score the request: "):
        serving.scorer(tmp_path)({"c": ["four"]})


def test_a_feature_that_is_no_text_is_refused():
    wide = {**wdl.fit_wide(pd.DataFrame({"c": ["x"]}), ["c"]), "vocabulary": {"c=\ud800": 1}}
    with pytest.raises(ValueError, match=r"The feature 'c=\\ud800' is no text that UTF-8 can hold"):
        serving.graph_inputs(wide, None)


REQUEST = {"letter": ["a", "b"], "tags": [["p"], []], "size": [50.0, 60.0]}
BAD_REQUESTS = [
    ({"size": None}, KeyError, "no column 'size'; expected .*'letter', 'size', 'tags'"),
    ({"size": [1.0]}, ValueError, "'size' has 1 rows; the columns before it have 2"),
    ({"size": ["50", "60"]}, TypeError, "'size' holds '50'; expected numbers"),
    ({"letter": [b"a", "b"]}, TypeError, "'letter' holds the bytes b'a'; expected text"),
    ({"letter": "ab"}, TypeError, "'letter' is 'ab'; expected a list with one entry a row"),
    ({"tags": ["p", "q"]}, TypeError, "'tags' holds 'p'; expected a list in each row"),
]


@pytest.mark.parametrize("change, error, message", BAD_REQUESTS, ids=[message for *_, message in BAD_REQUESTS])
def test_a_bad_request_is_refused_by_name(score, change, error, message):
    request = {name: cells for name, cells in (REQUEST | change).items() if cells is not None}
    with pytest.raises(error, match=message):
        score(request)


def test_a_frame_as_a_dict_of_dicts_is_refused(score, frame):
    with pytest.raises(TypeError, match="'letter' is {0: .*expected a list"):
        score(frame.to_dict())


def test_lists_may_be_empty_and_so_may_be_the_request(score, frame):
    assert score(REQUEST).shape == (2,)
    empty = score({**REQUEST, "tags": [[], []]})
    assert empty[1] == pytest.approx(score(REQUEST)[1], abs=1e-9) and empty[0] != score(REQUEST)[0]
    assert score({name: [] for name in REQUEST}).shape == score(frame[:0]).shape == (0,)
    assert score({**REQUEST, "size": pd.Series([50.0, 60.0], dtype=object)}).tolist() == score(REQUEST).tolist()
    assert score({**REQUEST, "size": [None, None]}).tolist() == score({**REQUEST, "size": [np.nan] * 2}).tolist()


def test_ten_thousand_candidates_are_scored_as_one_after_the_other(score, frame):
    many = frame.sample(10_000, replace=True, random_state=0)
    np.testing.assert_allclose(score(many), score(frame)[many.index], atol=1e-9)


def test_a_thousand_calls_from_eight_threads_give_the_same_scores_as_one_after_the_other(score, frame):
    requests = [frame.iloc[i % 60 : i % 60 + 4] for i in range(1000)]
    expected = [score(request) for request in requests[:60]]
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        for i, found in enumerate(threads.map(score, requests)):
            np.testing.assert_array_equal(found, expected[i % 60])


def test_each_ampersand_of_a_value_is_escaped_in_the_graph_as_in_the_frame():
    frame = pd.DataFrame({"kind": ["Food & drink & more", "x &y &z", "R&B", "Food && drink"]})
    for hash_buckets in (None, 1000):
        wide = wdl.fit_wide(frame, ["kind"], hash_buckets=hash_buckets)
        found = serving.graph_inputs(wide, None)({"kind": tf.constant(frame["kind"].tolist())})
        np.testing.assert_array_equal(found["wide_ids"], wdl.wide_ids(frame, wide))
