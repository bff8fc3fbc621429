"""The user's side once a request: the same scores as row by row, whichever columns are the context."""

import wdl_helpers as wdl  # before TensorFlow: it sets how TensorFlow computes
from recommender import graph, once, serving

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from laws import small_frame

COLUMNS = {"user & city": "text", "tags": "list", "age": "number", "app": "text", "größe": "number", "areas": "list"}


def frame_of(rows=40, seed=0):
    """A frame with a text, a list and a number of the user, and the same of the candidates."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "user & city": random.choice(["a", "b & c", "b &", "7"], rows),
            "tags": [random.choice(list("pqr"), size).tolist() for size in random.integers(0, 5, rows)],
            "age": random.normal(40, 9, rows).round(),
            "app": random.choice(["x", "y", "z"], rows),
            "größe": random.normal(5, 2, rows),
            "areas": [random.choice(list("uvw"), size).tolist() for size in random.integers(0, 3, rows)],
        }
    )


FEATURES = ["user & city", "app", ("user & city", "app"), ("tags", "areas"), ("tags", "age"), ("app", "areas", "age")]


def parts_of(frame, **settings):
    wide = wdl.fit_wide(frame, FEATURES, buckets={"age": 3}, **settings)
    deep = wdl.fit_deep(frame, ["app", "tags", "user & city", "areas"], ["größe", "age"], n_quantiles=9)
    return wide, deep


def random_weights(model):
    random = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(random.normal(0, 0.7, weight.shape))
    return model


USER = ["user & city", "tags", "age"]
CONTEXTS = [USER, ["tags"], ["app", "areas"], [name for name in COLUMNS if name != "größe"]]


def check(model, wide, deep, context, tmp_path):
    """A request has the model's scores for each context, with seen, unseen and missing values."""
    frame = frame_of()
    serving.export(model, wide, deep, frame, tmp_path / "model", context)
    score = serving.scorer(tmp_path / "model")
    used = list(serving.load_export(tmp_path / "model").types)
    unseen = {"user & city": None, "tags": ["?", "p", "p"], "age": None, "app": "?", "größe": None, "areas": []}
    new = frame_of(seed=1)
    for user in (new.iloc[0].to_dict(), new.iloc[1].to_dict(), unseen):
        shared = {column: user[column] for column in context}
        own = {column: new[column].tolist() for column in used if column not in context}
        repeated = own | {column: [value] * len(new) for column, value in shared.items()}
        np.testing.assert_allclose(score(own, shared), score(repeated), atol=1e-6)
        assert np.ptp(score(own, shared)) > 0.001


@pytest.mark.parametrize("context", CONTEXTS, ids=" ".join)
def test_the_joint_model_scores_alike_whatever_the_context(context, tmp_path):
    wide, deep = parts_of(frame_of())
    check(random_weights(wdl.wide_deep_model(wide, deep, 3, (6, 4))), wide, deep, context, tmp_path)


def test_so_do_hashed_features_and_other_sizes(tmp_path):
    wide, deep = parts_of(frame_of(), hash_buckets=50, longest=2)
    check(random_weights(wdl.wide_deep_model(wide, deep, 3, ())), wide, deep, USER, tmp_path)


@pytest.mark.parametrize("kind", ["wide", "deep"])
def test_so_does_each_part_alone(kind, tmp_path):
    wide, deep = parts_of(frame_of())
    if kind == "wide":
        check(random_weights(wdl.wide_model(wide)), wide, None, ["user & city", "tags"], tmp_path)
    else:
        check(random_weights(wdl.deep_model(deep, 3, (5,))), None, deep, USER, tmp_path)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An export with the user as its context, and one without a context."""
    wide, deep = parts_of(frame_of())
    model = random_weights(wdl.wide_deep_model(wide, deep, 3, (6, 4)))
    folder = tmp_path_factory.mktemp("exports")
    serving.export(model, wide, deep, frame_of(), folder / "with", USER)
    serving.export(model, wide, deep, frame_of(), folder / "without")
    return folder


def test_the_share_of_the_context_is_computed_once(exported):
    """What the first function gets has one row, and nothing of it is repeated."""
    model, frame = serving.load_export(exported / "with"), frame_of(seed=2)
    user = {column: frame[column][0] for column in USER}
    shared, own = serving.request_tensors(model, frame.drop(columns=USER), user)
    assert sorted(shared) == sorted(USER) and {tensor.shape[0] for tensor in shared.values()} == {1}
    assert sorted(own) == ["app", "areas", "größe"] and {tensor.shape[0] for tensor in own.values()} == {40}


@pytest.mark.parametrize("name", ["with", "without"])
@pytest.mark.parametrize("shared", [["age"], ["app"], [*USER, "app"], ["app", "areas", "tags"]], ids=" ".join)
def test_any_other_columns_that_all_rows_share_are_repeated(exported, name, shared):
    frame = frame_of(seed=2)
    same = {column: frame[column][3] for column in shared}
    score = serving.scorer(exported / name)
    repeated = frame.assign(**{column: pd.Series([value] * 40) for column, value in same.items()})
    np.testing.assert_allclose(score(frame.drop(columns=shared), same), score(repeated), atol=1e-6)


def test_a_wrong_context_is_refused_by_name(exported, tmp_path):
    frame, score = frame_of(), serving.scorer(exported / "with")
    with pytest.raises(ValueError, match="'age' stands in the context and among the columns"):
        score(frame, {"age": 3})
    with pytest.raises(ValueError, match="context has all columns"):
        score({}, frame.iloc[0].to_dict())
    with pytest.raises(KeyError, match="no column 'app'"):
        score(frame.drop(columns=["app", "age"]), {"age": 3})
    with pytest.raises(TypeError, match=r"'age' holds '3'"):
        score(frame.drop(columns="age"), {"age": "3"})
    wide, deep = parts_of(frame)
    model = wdl.wide_deep_model(wide, deep, 3, (6,))
    with pytest.raises(KeyError, match="column 'city', which no feature takes"):
        serving.export(model, wide, deep, frame, tmp_path / "a", ["city"])
    with pytest.raises(ValueError, match="has all columns of the model"):
        serving.export(model, wide, deep, frame, tmp_path / "a", list(COLUMNS))
    assert not list(tmp_path.iterdir())


def test_a_model_that_is_built_otherwise_is_refused(tmp_path):
    frame = small_frame()[0]
    deep = wdl.fit_deep(frame, ["letter"], ["size"])
    numbers = keras.Input((1,), name="numbers")
    model = keras.Model([numbers], keras.layers.Dense(1)(numbers), name="mine")
    serving.export(model, None, deep, frame, tmp_path / "model")
    with pytest.raises(ValueError, match="'mine' has no layer 'wide_weights' or 'deep_concatenate'"):
        serving.export(model, None, deep, frame, tmp_path / "model", ["letter"])


def test_an_export_that_scores_otherwise_in_a_context_is_not_written(tmp_path, monkeypatch):
    wide, deep = parts_of(frame_of())
    model = random_weights(wdl.wide_deep_model(wide, deep, 3, (6,)))
    monkeypatch.setattr(once.Once, "_kernel_of", lambda self, deep, part: self.first.kernel.numpy()[: 3 * 2 + 1])
    with pytest.raises(ValueError, match="scores of the sample in the context of its first row differ"):
        serving.export(model, wide, deep, frame_of(), tmp_path / "model", USER)
    assert not list(tmp_path.iterdir())


def test_the_features_in_the_graph_can_be_traced_alone():
    frame = pd.DataFrame({"city": ["Rome", "Oslo", "Rome"]})
    features = tf.function(graph.graph_inputs(wdl.fit_wide(frame, ["city"]), None))
    assert features({"city": tf.constant(["Oslo", "Bern"])})["wide_ids"].numpy().tolist() == [[2], [0]]
