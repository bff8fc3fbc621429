import concurrent.futures
import pathlib
import subprocess
import sys
import zipfile

import wdl_helpers as wdl  # before TensorFlow: it sets how TensorFlow computes
from recommender import lifecycle, serving
from recommender.datasets import adult
from recommender.datasets import store as app_store

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from laws import FEW, NumpyFtrl, small_frame, small_parts, weights_of

ROOT = pathlib.Path(__file__).resolve().parent.parent
FRAME, LABELS = small_frame()
WIDE, DEEP, INPUTS, _ = small_parts()


def random_model(wide=WIDE, deep=DEEP, size=1.0, units=(8,)):
    """A joint model whose weights are all random: its scores change when any of them is lost."""
    random = np.random.default_rng(0)
    model = wdl.wide_deep_model(wide, deep, 4, units, dropout=0.0)  # Keras does not save the state of its random masks
    for weight in model.trainable_variables:
        weight.assign(random.normal(0, size, weight.shape))
    return model


MODEL = random_model()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "model"
    serving.export(MODEL, WIDE, DEEP, FRAME, folder)
    return folder


@pytest.fixture(scope="module")
def score(exported):
    return serving.scorer(exported)


# --------------------------------------------------------------------------------------- keep for training


def test_what_is_kept_for_training_comes_back_and_training_goes_on_to_the_same_bits(tmp_path):
    model = random_model(size=0.1)
    wdl.train(model, INPUTS, LABELS, wdl.joint_optimizer(wide=wdl.Ftrl(0.1), deep=wdl.Adagrad(0.1)), epochs=2)
    lifecycle.save_training(model, WIDE, DEEP, tmp_path / "new" / "folder")
    again, wide, deep = lifecycle.load_training(tmp_path / "new" / "folder")
    np.testing.assert_equal((wide, deep), (WIDE, DEEP))
    assert list(wide["vocabulary"]) == list(WIDE["vocabulary"]) and wide["features"] == WIDE["features"]
    for kept in (model, again):
        keras.utils.set_random_seed(0)  # the order of the rows
        wdl.train(kept, INPUTS, LABELS, epochs=1)
    for path, weight in weights_of(model).items():
        np.testing.assert_array_equal(weights_of(again)[path], weight, err_msg=path)


def test_a_missing_part_stays_missing_and_a_hashed_part_stays_hashed(tmp_path):
    hashed = wdl.fit_wide(FRAME, ["letter", ("letter", "size")], buckets={"size": 3}, hash_buckets=50)
    lifecycle.save_training(wdl.wide_model(hashed), hashed, None, tmp_path)
    _, wide, deep = lifecycle.load_training(tmp_path)
    np.testing.assert_equal(wide, hashed)
    assert deep is None


def test_the_kept_files_are_text_and_weights_and_nothing_that_runs(tmp_path):
    lifecycle.save_training(MODEL, WIDE, DEEP, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["features.json", "model.keras"]
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert sorted(archive.namelist()) == ["config.json", "metadata.json", "model.weights.h5"]
        assert "Lambda" not in archive.read("config.json").decode()


def test_a_missing_file_and_a_column_that_is_no_string_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file model.keras"):
        lifecycle.load_training(tmp_path)
    numbered = wdl.fit_wide(pd.DataFrame({7: ["x", "y"]}), [7])
    with pytest.raises(TypeError, match="column 7 is named by a int"):
        lifecycle.save_training(wdl.wide_model(numbered), numbered, None, tmp_path)


# ----------------------------------------------------------------------------------- features in the graph

TEXTS = st.sampled_from(["x", "y", "ü", "", "x=y", "7"])
CELLS = st.lists(st.sampled_from(["p", "q", "7", "p"]) | st.integers(6, 8), max_size=4)
NUMBERS = st.sampled_from([-1.5, 0.0, 0.1, 0.30000000000000004, 2.0, 1e9])


@st.composite
def frames(draw):
    """A frame with text, booleans, two columns of lists, numbers, and whole numbers that are categories too."""
    n = draw(st.integers(2, 6))
    columns = {"text": TEXTS, "tags": CELLS, "others": CELLS, "flag": st.booleans(), "number": NUMBERS}
    columns["whole"] = st.sampled_from([-3, 0, 7, 12345678901])
    return pd.DataFrame({name: draw(st.lists(cell, min_size=n, max_size=n)) for name, cell in columns.items()})


def known_ids(matrix):
    return [[i for i in row if i != 0] for row in np.asarray(matrix).reshape(len(matrix), -1).tolist()]


@FEW
@given(frames(), frames(), st.sampled_from([None, 13]))
def test_the_graph_computes_what_pandas_computes(fitted_on, frame, hash_buckets):
    features = ["text", "tags", "number", "whole", ("text", "tags"), ("tags", "others"), ("flag", "number", "others")]
    both = pd.concat([fitted_on, frame], ignore_index=True)  # so that a column of lists looks like one
    wide = wdl.fit_wide(fitted_on, features, buckets={"number": 3}, hash_buckets=hash_buckets)
    deep = wdl.fit_deep(fitted_on, ["text", "tags", "flag", "whole"], ["number", "whole"], n_quantiles=4)
    kinds = serving.column_kinds(both, wide, deep)
    found = serving.graph_inputs(wide, deep)(serving.raw_tensors(frame, kinds))
    expected = wdl.joint_inputs(frame, wide, deep)
    assert known_ids(found["wide_ids"]) == known_ids(expected["wide_ids"])
    assert found["deep_ids"].shape == expected["deep_ids"].shape
    np.testing.assert_array_equal(found["deep_ids"], expected["deep_ids"])
    np.testing.assert_array_equal(found["numbers"], expected["numbers"])


def test_missing_values_by_hand():
    train = pd.DataFrame({"t": ["x", "y", "x"], "n": [1.0, 2.0, 4.0], "l": [["p"], ["q"], []]})
    wide = wdl.fit_wide(train, ["t", "n", ("t", "n"), ("t", "l")], buckets={"n": 2})
    deep = wdl.fit_deep(train, ["t", "l"], ["n"], n_quantiles=4)
    kinds = serving.column_kinds(train, wide, deep)
    assert kinds == {"t": "text", "n": "number", "l": "list"}
    missing = {"t": [None, "x", "z", "x"], "n": [4, np.nan, 1, float("inf")], "l": [["p"], None, ["q"], ["r", None]]}
    found = serving.graph_inputs(wide, deep)(serving.raw_tensors(missing, kinds))
    ids = wide["vocabulary"]
    assert known_ids(found["wide_ids"]) == [[ids["n=[2, inf)"]], [ids["t=x"]], [ids["n=[-inf, 2)"]], [ids["t=x"]]]
    v = deep["vocabulary"]
    assert np.array(found["deep_ids"])[:, :, 0].tolist() == [[0, v["l=p"]], [v["t=x"], 0], [0, v["l=q"]], [v["t=x"], 0]]
    # The boundaries are 1.5, 2 and 3: a missing number is the median, 2, with two boundaries at or below it.
    assert np.array(found["numbers"])[:, 0].tolist() == [1, pytest.approx(2 / 3), 0, pytest.approx(2 / 3)]


def test_a_missing_text_is_the_empty_one_also_where_that_has_a_weight():
    frame = pd.DataFrame({"t": ["x", "", "y"]})
    for wide in (wdl.fit_wide(frame, ["t"]), wdl.fit_wide(frame, ["t"], hash_buckets=50)):
        graph = serving.graph_inputs(wide, None)
        found = graph(serving.raw_tensors({"t": [None, ""]}, {"t": "text"}))["wide_ids"]
        assert found[0] == found[1] == wdl.wide_ids(frame, wide)[1] > 0


def test_a_whole_number_stays_one_where_pandas_makes_a_float_of_it():
    frame = pd.DataFrame({"zip": [7.0, None]})  # 7 and a gap
    assert serving.raw_tensors(frame, {"zip": "text"})["zip"].numpy().tolist() == [b"7", b""]


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


def test_the_export_scores_as_the_model_does(score):
    expected = wdl.predict(MODEL, INPUTS)
    assert np.std(expected) > 0.1
    found = score(FRAME)
    assert found.dtype == "float64" and found.shape == (64,)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    columns = {name: FRAME[name].tolist() for name in ("size", "tags", "letter")}
    np.testing.assert_array_equal(score({**columns, "unused": "anything"}), found)


# Missing, unseen and repeated values; 1 + 2⁻⁵³ is no number of an example, and the quantiles' 47.3 is none either.
DAMAGED = FRAME.assign(letter=["", "Z", *FRAME["letter"][2:]], size=[np.nan, 1e9, *FRAME["size"][2:]])
DAMAGED.at[0, "tags"], DAMAGED.at[1, "tags"], DAMAGED.at[2, "tags"] = [], ["Z", "p", "p"], ["r", "q"]


def test_tensorflows_own_client_gets_the_scorers_scores_of_examples(exported, score, tmp_path):
    edges = [edge for part in (WIDE, DEEP) for edge in part["boundaries"].get("size", [])]
    assert (np.float32(edges) < edges).any() and np.isin(
        edges, FRAME["size"]
    ).any()  # a number that rounding would lose
    kinds = {"letter": "text", "tags": "list", "size": "number"}
    rows = [
        {column: np.ravel(row[column]).tolist() for column in kinds if not (column == "size" and np.isnan(row["size"]))}
        for row in DAMAGED.to_dict("records")
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
    found, expected = np.load(tmp_path / "probability.npy"), score(DAMAGED)
    assert np.std(expected) > 0.1 and np.abs(found - expected).max() < 1e-6
    served = tf.saved_model.load(str(exported)).signatures["serving_default"]
    again = served(tf.constant(serving.tf_examples(DAMAGED, kinds)))["probability"]
    np.testing.assert_array_equal(again, found)


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


def test_numbers_that_an_example_cannot_hold_are_refused(tmp_path):
    seconds = FRAME.assign(size=1_700_000_000 + np.arange(64))
    deep = wdl.fit_deep(seconds, ["letter"], ["size"], n_quantiles=8)
    with pytest.raises(ValueError, match="as tf.Examples, which hold numbers as float32, differ"):
        serving.export(random_model(WIDE, deep), WIDE, deep, seconds, tmp_path / "refused")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["wide", "deep"])
def test_a_model_with_one_part_can_be_exported(kind, tmp_path):
    model = wdl.wide_model(WIDE) if kind == "wide" else wdl.deep_model(DEEP, 4, (3,))
    model.set_weights([np.linspace(-1, 1, weight.size).reshape(weight.shape) for weight in model.get_weights()])
    parts = {"wide": (WIDE, None), "deep": (None, DEEP)}[kind]
    serving.export(model, *parts, FRAME, tmp_path)
    np.testing.assert_allclose(serving.scorer(tmp_path)(FRAME), wdl.predict(model, INPUTS), atol=1e-6)


def test_an_export_that_scores_otherwise_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "_escaped", tf.strings.lower)
    shouting = FRAME.assign(letter=FRAME["letter"].str.upper())
    wide, deep = wdl.fit_wide(shouting, ["letter"]), wdl.fit_deep(shouting, ["letter"], ["size"])
    with pytest.raises(ValueError, match="scores of the sample differ from the model's by up to"):
        serving.export(random_model(wide, deep), wide, deep, shouting, tmp_path / "refused")
    assert list(tmp_path.iterdir()) == []


def test_a_new_export_replaces_an_old_one_and_nothing_else(tmp_path):
    wide = wdl.fit_wide(FRAME, ["letter"])
    model = wdl.wide_model(wide)
    for bias in (0.0, 2.0):
        model.get_layer("logit").set_weights([np.array([bias])])
        serving.export(model, wide, None, FRAME, tmp_path / "model")
        assert serving.scorer(tmp_path / "model")(FRAME[:1])[0] == pytest.approx(1 / (1 + np.exp(-bias)))
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("years of work")
    with pytest.raises(FileExistsError, match="thesis holds something else"):
        serving.export(model, wide, None, FRAME, tmp_path / "thesis")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "thesis"]


def test_a_model_that_returns_probabilities_is_not_exported(tmp_path):
    ids = keras.Input((3,), name="wide_ids")
    with pytest.raises(ValueError, match="ends in a sigmoid"):
        serving.export(
            keras.Model({"wide_ids": ids}, keras.layers.Dense(1, "sigmoid")(ids)), WIDE, None, FRAME, tmp_path
        )


def test_a_folder_that_holds_no_export_is_refused(tmp_path):
    with pytest.raises(OSError, match="saved_model"):
        serving.scorer(tmp_path)
    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(ValueError, match="no function 'score'"):
        serving.scorer(tmp_path)


REQUEST = {"letter": ["a", "b"], "tags": [["p"], []], "size": [50.0, 60.0]}
BAD_REQUESTS = [
    ({"size": None}, KeyError, "no column 'size'; expected .*'letter', 'size', 'tags'"),
    ({"size": [1.0]}, ValueError, "'size' has 1 rows; the columns before it have 2"),
    ({"size": ["50", "60"]}, TypeError, "'size' holds '50'; expected numbers"),
    ({"size": [50.0, "old"]}, TypeError, "'size' holds 'old'; expected numbers"),
    ({"size": [True, False]}, TypeError, "'size' holds True; expected numbers"),
    ({"letter": [b"a", "b"]}, TypeError, "'letter' holds the bytes b'a'; expected text"),
    ({"size": 50.0}, TypeError, "'size' is 50.0; expected a list with one entry a row"),
    ({"letter": "ab"}, TypeError, "'letter' is 'ab'; expected a list with one entry a row"),
    ({"letter": [["a"], ["b"]]}, TypeError, r"'letter' holds the list \['a'\]; expected one value a row"),
    ({"tags": ["p", "q"]}, TypeError, "'tags' holds 'p'; expected a list in each row"),
    ({"tags": [[["p"]], []]}, TypeError, "'tags' holds the list"),
]


@pytest.mark.parametrize("change, error, message", BAD_REQUESTS, ids=[message for *_, message in BAD_REQUESTS])
def test_a_bad_request_is_refused_by_name(score, change, error, message):
    request = {name: cells for name, cells in (REQUEST | change).items() if cells is not None}
    with pytest.raises(error, match=message):
        score(request)


def test_lists_may_be_empty_and_so_may_be_the_request(score):
    assert score(REQUEST).shape == (2,)
    empty = score({**REQUEST, "tags": [[], []]})
    assert empty[1] == pytest.approx(score(REQUEST)[1], abs=1e-9) and empty[0] != score(REQUEST)[0]
    assert score({name: [] for name in REQUEST}).shape == (0,)
    assert score({**REQUEST, "size": pd.Series([50.0, 60.0], dtype=object)}).tolist() == score(REQUEST).tolist()
    assert score({**REQUEST, "size": [None, None]}).tolist() == score({**REQUEST, "size": [np.nan] * 2}).tolist()


def test_ten_thousand_candidates_are_scored_as_one_after_the_other(score):
    many = FRAME.sample(10_000, replace=True, random_state=0)
    np.testing.assert_allclose(score(many), score(FRAME)[many.index], atol=1e-9)


def test_a_thousand_calls_from_eight_threads_give_the_same_scores_as_one_after_the_other(score):
    requests = [FRAME.iloc[i % 60 : i % 60 + 4] for i in range(1000)]
    expected = [score(request) for request in requests[:60]]
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        for i, found in enumerate(threads.map(score, requests)):
            np.testing.assert_array_equal(found, expected[i % 60])


# ------------------------------------------------------------------------------------------------ warm start

DAY_1, DAY_2 = FRAME[FRAME["letter"].isin(["a", "b"])], FRAME[FRAME["letter"].isin(["b", "c", "d"])]


def test_a_vocabulary_grows_at_its_end():
    wide = wdl.fit_wide(pd.DataFrame({"a": ["x", "y", "x"]}), ["a"])
    new_day = pd.DataFrame({"a": ["z", "u", "u", "y", "w", "w", "w"]})
    grown = lifecycle.grow(wide, new_day, min_count=1)
    assert grown["vocabulary"] == {"a=x": 1, "a=y": 2, "a=w": 3, "a=u": 4, "a=z": 5} and grown["n_ids"] == 6
    assert wide["vocabulary"] == {"a=x": 1, "a=y": 2} and wide["n_ids"] == 3
    numbers = wdl.fit_deep(FRAME, [], ["size"])  # nothing that could grow
    assert lifecycle.grow(numbers, FRAME, min_count=1) == numbers
    assert list(lifecycle.grow(wide, new_day, min_count=2)["vocabulary"]) == ["a=x", "a=y", "a=w", "a=u"]
    assert lifecycle.grow(grown, new_day, min_count=1) == grown


def test_both_parts_grow_and_old_rows_keep_their_ids():
    wide = wdl.fit_wide(DAY_1, ["letter", "size", ("letter", "tags")], buckets={"size": 4})
    deep = wdl.fit_deep(DAY_1, ["letter", "tags"], ["size"])
    new_wide, new_deep = (lifecycle.grow(part, DAY_2, min_count=1) for part in (wide, deep))
    assert {"letter=c", "letter=c & tags=p"} <= set(new_wide["vocabulary"]) - set(wide["vocabulary"])
    assert "letter=c" in new_deep["vocabulary"]
    np.testing.assert_equal(new_wide["boundaries"], wide["boundaries"])
    old, new = wdl.joint_inputs(DAY_1, wide, deep), wdl.joint_inputs(DAY_1, new_wide, new_deep)
    np.testing.assert_equal(new, old)
    assert not (wdl.wide_ids(DAY_2, new_wide)[:, 0] == 0).any()


def test_hashed_features_have_nothing_to_grow():
    hashed = wdl.fit_wide(DAY_1, ["letter"], hash_buckets=9)
    assert lifecycle.grow(hashed, DAY_2, min_count=1) == hashed


def test_growing_refuses_what_fitting_refuses():
    with pytest.raises(KeyError, match="no column 'letter'"):
        lifecycle.grow(WIDE, FRAME[["tags", "size"]], min_count=1)
    with pytest.raises(ValueError, match="min_count is 0"):
        lifecycle.grow(WIDE, FRAME, min_count=0)
    with pytest.raises(TypeError, match="min_count"):  # what the part was fitted with is not known
        lifecycle.grow(WIDE, FRAME)


@pytest.fixture(scope="module")
def day_1():
    """A model of day 1 and its parts; the first test trains it for one more epoch, the others leave it alone."""
    parts = wdl.fit_wide(DAY_1, ["letter", ("letter", "tags")]), wdl.fit_deep(DAY_1, ["letter", "tags"], ["size"])
    keras.utils.set_random_seed(0)
    model = wdl.wide_deep_model(*parts, 4, (8,), 0.0)
    labels = LABELS[DAY_1.index]
    wdl.train(model, wdl.joint_inputs(DAY_1, *parts), labels, new_optimizer(), epochs=5, batch_size=16)
    return model, parts


def new_optimizer(rate=0.1):
    ftrl = wdl.Ftrl(rate, l1_regularization_strength=0.01, initial_accumulator_value=1e-6)
    return wdl.joint_optimizer(wide=ftrl, deep=wdl.Adagrad(rate / 4, initial_accumulator_value=1e-6))


def test_a_warm_start_without_growth_goes_on_as_if_nothing_had_happened(day_1):
    model, parts = day_1
    twin, optimizer = wdl.wide_deep_model(*parts, 4, (8,), 0.0), new_optimizer()
    lifecycle.warm_start(model, twin, optimizer)
    inputs, labels = wdl.joint_inputs(DAY_1, *parts), LABELS[DAY_1.index]
    keras.utils.set_random_seed(0)  # the same order of the rows for both
    wdl.train(model, inputs, labels, epochs=1)
    keras.utils.set_random_seed(0)
    wdl.train(twin, inputs, labels, optimizer, epochs=1)
    for path, weight in weights_of(model).items():
        np.testing.assert_array_equal(weights_of(twin)[path], weight, err_msg=path)
    assert int(optimizer.iterations) == int(model.optimizer.iterations)


@pytest.mark.parametrize("kind", [wdl.Adagrad, wdl.Adam])
def test_a_schedule_starts_anew_on_day_2_and_a_constant_rate_keeps_its_count(kind):
    parts = wdl.fit_wide(DAY_1, ["letter"]), wdl.fit_deep(DAY_1, ["letter"], ["size"])
    inputs, labels = wdl.joint_inputs(DAY_1, *parts), LABELS[DAY_1.index]

    def scheduled():  # its rate is 0 after one day
        return wdl.joint_optimizer(wide=wdl.Ftrl(0.1), deep=kind(keras.optimizers.schedules.CosineDecay(0.1, 3)))

    old, new = (wdl.wide_deep_model(*parts, 4, (8,), 0.0) for _ in range(2))
    optimizer = scheduled()
    wdl.train(old, inputs, labels, scheduled(), epochs=3, batch_size=len(labels))
    lifecycle.warm_start(old, new, optimizer)
    ftrl, deep = optimizer.optimizers
    assert [int(part.iterations) for part in (*old.optimizer.optimizers, ftrl, deep)] == [3, 3, 3, 0]
    before = weights_of(new)
    wdl.train(new, inputs, labels, optimizer, epochs=1, batch_size=len(labels))
    for path, weight in weights_of(new).items():
        assert (weight != before[path]).any(), path


def test_day_2_changes_no_weight_that_it_does_not_touch(day_1):
    model, parts = day_1
    grown = [lifecycle.grow(part, DAY_2, min_count=1) for part in parts]
    new, optimizer = wdl.wide_deep_model(*grown, 4, (8,), 0.0), new_optimizer()
    lifecycle.warm_start(model, new, optimizer)
    before, fresh = weights_of(model), weights_of(new)
    inputs = wdl.joint_inputs(DAY_2, *grown)
    wdl.train(new, inputs, LABELS[DAY_2.index], optimizer, epochs=3, batch_size=16)
    after = weights_of(new)
    for name, table in (("wide_ids", "wide_weights/table"), ("deep_ids", "deep_embeddings/table")):
        n_old = len(before[table])
        np.testing.assert_array_equal(fresh[table][:n_old], before[table])
        touched = np.isin(np.arange(len(after[table])), inputs[name]) & (np.arange(len(after[table])) > 0)
        assert 1 < (~touched[:n_old]).sum() < n_old and touched[n_old:].all()
        np.testing.assert_array_equal(after[table][~touched], fresh[table][~touched])
        assert (after[table][touched] != fresh[table][touched]).any(axis=1).mean() > 0.8
    assert (before["wide_weights/table"] != 0).mean() > 0.5


def test_a_warm_start_refuses_what_does_not_fit(day_1):
    model, parts = day_1
    with pytest.raises(ValueError, match="has no optimizer"):
        lifecycle.warm_start(wdl.wide_deep_model(*parts), model, new_optimizer())
    with pytest.raises(ValueError, match="expected the same"):
        lifecycle.warm_start(model, wdl.wide_deep_model(*parts, 4, (8, 8), 0.0), new_optimizer())
    with pytest.raises(ValueError, match=r"has the shape \(.*, 5\).*rows of tables may be added"):
        lifecycle.warm_start(model, wdl.wide_deep_model(*parts, 5, (8,), 0.0), new_optimizer())
    fewer = wdl.fit_wide(DAY_1, ["letter"])
    with pytest.raises(ValueError, match="rows of tables may be added"):
        lifecycle.warm_start(model, wdl.wide_deep_model(fewer, parts[1], 4, (8,), 0.0), new_optimizer())
    one_more = wdl.fit_deep(DAY_1.assign(twin=DAY_1["letter"]), ["letter", "tags", "twin"], ["size"])
    with pytest.raises(ValueError, match="deep_hidden_1/kernel has the shape .*rows of tables may be added"):
        lifecycle.warm_start(model, wdl.wide_deep_model(parts[0], one_more, 4, (8,), 0.0), new_optimizer())
    adam = wdl.joint_optimizer(wide=wdl.Ftrl(0.1), deep=wdl.Adam(0.1))
    with pytest.raises(ValueError, match="momentum.*expected the same"):
        lifecycle.warm_start(model, wdl.wide_deep_model(*parts, 4, (8,), 0.0), adam)


SEEDS = {"l1": [0.0, 0.3], "l2": [0.0, 0.2], "beta": [0.0, 1.0], "start": [0.1, 1e-6], "learning_rate": [0.05, 0.5]}


@FEW
@given(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in SEEDS.items()}))
def test_a_seeded_ftrl_keeps_each_weight_that_has_no_gradient_and_a_new_one_wipes_it(settings):
    table = np.array([[0.0], [1.5], [-0.25], [3.0]], "float32")
    gradient = tf.IndexedSlices(tf.zeros((3, 1)), tf.constant([1, 2, 0]), tf.constant([4, 1]))
    model = wdl.wide_model({**WIDE, "n_ids": 4})
    ftrl = wdl.Ftrl(
        settings["learning_rate"], l1_regularization_strength=settings["l1"], beta=settings["beta"],
        l2_regularization_strength=settings["l2"], initial_accumulator_value=settings["start"],
    )  # fmt: skip
    new = wdl.Ftrl(**ftrl.get_config())
    variable = model.trainable_variables[0]
    for optimizer, expected in ((new, [0, 0, 0, 3]), (ftrl, [0, 1.5, -0.25, 3])):
        variable.assign(table)
        optimizer.build(model.trainable_variables)
        if optimizer is ftrl:
            lifecycle.seed_ftrl(optimizer, model)
        optimizer.apply([gradient, tf.zeros(1)], model.trainable_variables)
        np.testing.assert_allclose(variable.numpy()[:, 0], expected, rtol=1e-4)  # float32
    # The same seed in the published algorithm, which says what comes next.
    reference = NumpyFtrl(table, **settings)
    reference.z[1:3] = ftrl._linears[0].numpy()[1:3]
    pieces = [[0.5], [-0.125]]
    reference.step([1, 2], pieces)
    steps = tf.IndexedSlices(tf.constant(pieces), tf.constant([1, 2]), tf.constant([4, 1]))
    ftrl.apply([steps, tf.zeros(1)], model.trainable_variables)
    np.testing.assert_allclose(variable.numpy()[1:3], reference.w[1:3], rtol=1e-4, atol=1e-6)


def test_seeding_reaches_the_wide_part_of_a_joint_optimizer_and_needs_an_ftrl(day_1):
    model, _ = day_1
    optimizer = new_optimizer()
    lifecycle.seed_ftrl(optimizer, model)
    inner = optimizer.optimizers[0]
    weights = model.get_layer("wide_weights").get_weights()[0]
    np.testing.assert_allclose(inner._linears[0].numpy(), -weights * 1e-3 / 0.1 - 0.01 * np.sign(weights), rtol=1e-5)
    with pytest.raises(ValueError, match="no Ftrl in the optimizer 'adagrad"):
        lifecycle.seed_ftrl(wdl.Adagrad(0.1), model)


# -------------------------------------------------------------------------------------------------- the gate

BOUNDS = {"max_change": 0.06, "max_rise": 0.02}
SHOWN = app_store.planted_log(seed=1, repeats=6)[1]


def saved(model, parts, folder, sample=SHOWN[:50]):
    serving.export(model, *parts, sample, folder)
    return folder


@pytest.fixture(scope="module")
def yesterday():
    """A model of the planted log as of yesterday, and its parts."""
    wide, deep = wdl.fit_wide(SHOWN, ["user", "app", ("user", "app")]), wdl.fit_deep(SHOWN, ["user", "app"], [])
    keras.utils.set_random_seed(0)
    model = wdl.wide_deep_model(wide, deep, 4, (8,), 0.0)
    rows, inputs = SHOWN.index % 3 != 0, wdl.joint_inputs(SHOWN, wide, deep)
    inputs = {name: array[rows] for name, array in inputs.items()}
    wdl.train(model, inputs, SHOWN["install"][rows], new_optimizer(0.2), epochs=15, batch_size=128)
    return model, (wide, deep)


@pytest.fixture(scope="module")
def live(yesterday, tmp_path_factory):
    return saved(*yesterday, tmp_path_factory.mktemp("serving"))


def shuffled(part):
    """Another string for each id: what happens when vocabulary and weights come from two different runs."""
    names = list(part["vocabulary"])
    np.random.default_rng(0).shuffle(names)
    return {**part, "vocabulary": dict(zip(names, part["vocabulary"].values()))}


def with_weight(model, parts, path, value):
    broken = wdl.wide_deep_model(*parts, 4, (8,), 0.0)
    broken.set_weights(model.get_weights())
    next(weight for weight in broken.weights if weight.path == path).assign(value)
    return broken


def run_gate(live, candidate):
    held_out = SHOWN[SHOWN.index % 3 == 0]
    return lifecycle.dry_run(live, candidate, held_out, held_out["install"], **BOUNDS)


def test_the_gate_lets_a_good_candidate_through(yesterday, live, tmp_path):
    model, parts = yesterday
    new, optimizer = wdl.wide_deep_model(*parts, 4, (8,), 0.0), new_optimizer(0.2)
    lifecycle.warm_start(model, new, optimizer)
    rows = SHOWN[SHOWN.index % 3 != 0]
    wdl.train(new, wdl.joint_inputs(rows, *parts), rows["install"], optimizer, epochs=1)
    report = run_gate(live, saved(new, parts, tmp_path))
    assert report["reasons"] == [] and 0 < report["change"] < BOUNDS["max_change"]
    assert run_gate(live, live) == {"change": 0, "rise": 0, "reasons": []}


def test_the_gate_refuses_a_shuffled_vocabulary(yesterday, live, tmp_path):
    model, (wide, deep) = yesterday
    report = run_gate(live, saved(model, (shuffled(wide), shuffled(deep)), tmp_path))
    assert len(report["reasons"]) == 2 and "log loss rose" in report["reasons"][1]


def test_the_gate_refuses_a_weight_that_is_not_a_number(yesterday, live, tmp_path):
    model, parts = yesterday
    table = model.get_layer("wide_weights").get_weights()[0]
    used = parts[0]["vocabulary"]["user=u7"]
    table[used] = np.nan
    other_rows = SHOWN[SHOWN["user"] != "u7"][:50]  # the export itself sees nothing
    broken = with_weight(model, parts, "wide_weights/table", table)
    report = run_gate(live, saved(broken, parts, tmp_path, other_rows))
    assert len(report["reasons"]) == 1 and "scores are no numbers between 0 and 1" in report["reasons"][0]
    assert np.isnan(report["change"])


@pytest.mark.parametrize("path", ["wide_weights/table", "deep_logit/kernel"])
def test_the_gate_refuses_a_model_that_lacks_one_logit(yesterday, live, tmp_path, path):
    model, parts = yesterday
    zeros = np.zeros(next(weight for weight in model.weights if weight.path == path).shape)
    report = run_gate(live, saved(with_weight(model, parts, path, zeros), parts, tmp_path))
    assert "scores moved by" in report["reasons"][0]


def test_the_gate_refuses_what_does_not_load_or_gives_other_shapes(live, tmp_path):
    assert "cannot be loaded and score: OSError" in run_gate(live, tmp_path / "nothing")["reasons"][0]
    module = tf.Module()
    spec = {"user": tf.TensorSpec([None], tf.string)}
    module.score = tf.function(lambda columns: {"probability": tf.constant([0.5, 0.5])}, input_signature=[spec])
    tf.saved_model.save(module, str(tmp_path))
    assert "scores of the shape (2,); expected" in run_gate(live, tmp_path)["reasons"][0]
    logits = tf.Module()
    n_rows = len(SHOWN[SHOWN.index % 3 == 0])
    logits.score = tf.function(lambda columns: {"probability": tf.fill([n_rows], 1.5)}, input_signature=[spec])
    tf.saved_model.save(logits, str(tmp_path / "logits"))
    reasons = run_gate(live, tmp_path / "logits")["reasons"]
    assert reasons == [f"{n_rows} of {n_rows} scores are no numbers between 0 and 1"]
