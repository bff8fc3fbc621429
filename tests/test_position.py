"""Models that tell relevance from position: their logits, and what they learn where the truth is known."""

import wdl_helpers as wdl
from recommender import position

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from laws import sigmoid


def constant_relevance():
    """A relevance logit that is the input itself."""
    logit = keras.Input((1,), name="logit")
    return keras.Model([logit], layers.Dense(1, "linear", use_bias=False, kernel_initializer="ones")(logit))


def set_positions(model, logits):
    model.get_layer("of_position").set_weights([np.array(logits, dtype="float32")[:, None] / position.SPEED])


@pytest.mark.parametrize("seen", [-30.0, -2.0, 0.0, 1.5, 30.0])
def test_the_product_is_the_product_of_two_probabilities(seen):
    model = position.product_model(constant_relevance(), positions=2)
    set_positions(model, [5.0, seen])
    logits = np.array([-20.0, -1.0, 0.0, 2.0, 12.0])
    found = wdl.predict_logits(model, {"logit": logits[:, None], "position": np.ones((5, 1), dtype="int32")})
    p = sigmoid(seen) * sigmoid(logits)
    np.testing.assert_allclose(found, np.log(p) - np.log1p(-p), rtol=1e-4, atol=1e-4)


def test_where_everybody_looks_the_product_is_the_plain_model():
    model = position.product_model(constant_relevance(), positions=2)
    set_positions(model, [0.0, 60.0])
    logits = np.linspace(-8, 8, 9)
    found = wdl.predict_logits(model, {"logit": logits[:, None], "position": np.ones((9, 1), dtype="int32")})
    np.testing.assert_allclose(found, logits, atol=1e-4)


def test_the_shallow_tower_adds_a_number_for_each_position():
    model = position.shallow_tower_model(constant_relevance(), positions=3, name="place")
    set_positions(model, [0.0, 0.5, -1.0])
    found = wdl.predict_logits(model, {"logit": np.ones((3, 1)), "place": np.array([[0], [1], [2]])})
    np.testing.assert_allclose(found, [1, 1.5, 0], atol=1e-6)


def clicks(rows, seed):
    """Rows of four items on three positions: item 3 is the best and stands low; examination 1, 0.5, 0.2."""
    rng = np.random.default_rng(seed)
    item = rng.integers(0, 4, rows)
    usual = np.array([0, 0, 1, 2])[item]
    place = np.where(rng.random(rows) < 0.3, rng.integers(0, 3, rows), usual)
    p = np.array([1, 0.5, 0.2])[place] * np.array([0.3, 0.4, 0.5, 0.7])[item]
    return pd.DataFrame({"item": [f"i{i}" for i in item], "place": place, "click": (rng.random(rows) < p).astype(int)})


def test_the_product_model_finds_examination_and_order_where_a_plain_model_does_not():
    keras.utils.set_random_seed(0)
    log = clicks(60_000, seed=0)
    wide = wdl.fit_wide(log, ["item"])
    items = {"wide_ids": wdl.wide_ids(pd.DataFrame({"item": ["i0", "i1", "i2", "i3"]}), wide)}
    inputs = {"wide_ids": wdl.wide_ids(log, wide), **position.position_input(log, "place", 3)}
    plain, relevance = wdl.wide_model(wide), wdl.wide_model(wide)
    wdl.train(plain, inputs, log["click"], wdl.Adam(0.05), epochs=5)
    product = position.product_model(relevance, 3, name="place")
    wdl.train(product, inputs, log["click"], wdl.Adam(0.01), epochs=6)
    assert wdl.predict(plain, items).argmax() == 1
    assert wdl.predict(relevance, items).argsort().tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(position.examination(product), [1, 0.5, 0.2], atol=0.05)


def test_it_starts_near_the_plain_model_and_can_be_saved(tmp_path):
    product = position.product_model(constant_relevance(), positions=4)
    inputs = {"logit": np.array([[0.5]]), "position": np.array([[3]])}
    said = wdl.predict(product, inputs)
    assert said == pytest.approx(sigmoid(2) * sigmoid(0.5), abs=1e-6)
    product.save(tmp_path / "product.keras")
    assert wdl.predict(keras.models.load_model(tmp_path / "product.keras"), inputs) == said


def test_examination_is_relative_to_the_first_position():
    product = position.product_model(constant_relevance(), positions=3)
    set_positions(product, [1.0, 0.0, -2.0])
    expected = np.array([sigmoid(1), 0.5, sigmoid(-2)]) / sigmoid(1)
    np.testing.assert_allclose(position.examination(product), expected, atol=1e-6)
    with pytest.raises(ValueError, match="from product_model; got 'shallow_tower'"):
        position.examination(position.shallow_tower_model(constant_relevance(), positions=3))


@pytest.mark.parametrize(
    "places, error, sentence",
    [
        ([0, 3], ValueError, "'place' holds 3 in row 1; expected positions from 0 to 2"),
        ([-1, 0], ValueError, "'place' holds -1 in row 0"),
        ([0.5, 0], ValueError, "'place' holds 0.5 in row 0"),
        ([None, 0], ValueError, "'place' has 1 missing"),
        (["first", "second"], TypeError, "'place' has the type"),
    ],
)
def test_positions_that_are_none_are_refused(places, error, sentence):
    with pytest.raises(error, match=sentence):
        position.position_input(pd.DataFrame({"place": places}), "place", 3)


def test_other_bad_input_is_refused_by_name():
    with pytest.raises(KeyError, match="no column 'rank'"):
        position.position_input(pd.DataFrame({"place": [0]}), "rank", 3)
    two = keras.Input((2,))
    for make in (position.product_model, position.shallow_tower_model):
        with pytest.raises(ValueError, match="positions is 1"):
            make(constant_relevance(), positions=1)
        with pytest.raises(ValueError, match="expected one logit a row"):
            make(keras.Model(two, layers.Dense(2)(two)), positions=3)
        with pytest.raises(TypeError, match="The name of column 7 has the type int"):
            make(constant_relevance(), positions=3, name=7)
    with pytest.raises(ValueError, match="positions is 1"):
        position.position_input(pd.DataFrame({"place": [0]}), "place", 1)
