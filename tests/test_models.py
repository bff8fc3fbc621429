import wdl_helpers as wdl
from wide_deep import models

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from laws import deep_activations, deep_logits, sigmoid, weights_of, wide_logits

UNITS = (6, 5)
BUILDERS = {
    "wide": lambda small: wdl.wide_model(small.wide),
    "deep": lambda small: wdl.deep_model(small.deep, 3, UNITS, 0.0),
    "wide_deep": lambda small: wdl.wide_deep_model(small.wide, small.deep, 3, UNITS, 0.0),
}


def names_of(model):
    return [tensor.name for tensor in model.inputs]


def inputs_of(small, model):
    return {name: small.inputs[name] for name in names_of(model)}


def randomise(model, seed=0):
    """Give every weight a random value, also the biases and the zeros that training starts from."""
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(size=weight.shape).astype("float32") for weight in model.get_weights()])
    return weights_of(model)


def logits_of(small, model, inputs=None, **kwargs):
    return model(inputs or inputs_of(small, model), **kwargs).numpy()[:, 0]


def set_row_zero(model, layer, value):
    table = model.get_layer(layer).get_weights()[0]
    table[0] = value
    model.get_layer(layer).set_weights([table])


def trained(small, model, optimizer, epochs=3):
    wdl.train(model, inputs_of(small, model), small.labels, optimizer, epochs=epochs, batch_size=16)
    return model


def test_the_small_data_has_unseen_ids_and_empty_lists(small):
    assert (small.inputs["wide_ids"].max(axis=1) == 0).any() and (small.inputs["deep_ids"] == 0).all(axis=2).any()
    assert small.inputs["wide_ids"].shape[1] > 2 and small.inputs["deep_ids"].shape[2] == 3


# ------------------------------------------------------------------------------------------------ wide


def test_a_wide_logit_by_hand():
    wide = wdl.fit_wide(pd.DataFrame({"a": ["x", "x", "y"], "b": ["p", "q", "p"]}), ["a", ("a", "b")])
    assert wide["vocabulary"] == {"a=x": 1, "a=x & b=p": 2, "a=x & b=q": 3, "a=y": 4, "a=y & b=p": 5}
    model = wdl.wide_model(wide)
    model.set_weights([np.array([[1000], [1], [2], [4], [8], [16]]), np.array([0.5])])
    ids = wdl.wide_ids(pd.DataFrame({"a": ["x", "y", "y", "z"], "b": ["q", "p", "q", "p"]}), wide)
    assert model({"wide_ids": ids}).numpy().tolist() == [[5.5], [24.5], [8.5], [0.5]]


def test_the_wide_logit_is_the_one_hot_matrix_times_the_weights(small):
    model = wdl.wide_model(small.wide)
    weights = randomise(model)
    expected = wide_logits(small.inputs["wide_ids"], weights["wide_weights/table"], weights["logit/bias"][0])
    np.testing.assert_allclose(logits_of(small, model), expected, rtol=1e-5, atol=1e-5)


def test_a_wide_model_starts_at_zero(small):
    assert not logits_of(small, wdl.wide_model(small.wide)).any()
    assert [weight.shape for weight in wdl.wide_model(small.wide).get_weights()] == [(small.wide["n_ids"], 1), (1,)]


@pytest.mark.parametrize("name", BUILDERS)
def test_an_unseen_id_adds_exactly_nothing_whatever_its_row_holds(name, small):
    model = BUILDERS[name](small)
    randomise(model)
    results = []
    for value in (0, 1000):
        for layer in ("wide_weights", "deep_embeddings"):
            if layer in [found.name for found in model.layers]:
                set_row_zero(model, layer, value)
        results.append(logits_of(small, model))
    np.testing.assert_array_equal(*results)


def test_a_row_of_unseen_ids_has_the_bias_as_its_logit(small):
    model = wdl.wide_model(small.wide)
    bias = randomise(model)["logit/bias"]
    set_row_zero(model, "wide_weights", 1000)
    assert logits_of(small, model, {"wide_ids": np.zeros((2, 4), "int32")}).tolist() == [bias[0], bias[0]]


OPTIMIZERS = {
    "Ftrl and Adagrad": lambda: wdl.joint_optimizer(wide=wdl.Ftrl(0.1), deep=wdl.Adagrad(0.1)),
    "Adam and Adam": lambda: wdl.joint_optimizer(wide=wdl.Adam(0.1), deep=wdl.Adam(0.1)),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_changes_seen_rows_and_never_the_unseen_row(optimizer, small):
    model = BUILDERS["wide_deep"](small)
    before = weights_of(model)
    after = weights_of(trained(small, model, OPTIMIZERS[optimizer](), epochs=2))
    for name in ("wide_weights/table", "deep_embeddings/table"):
        np.testing.assert_array_equal(after[name][0], before[name][0])
        assert (after[name][1:] != before[name][1:]).all()


# ------------------------------------------------------------------------------------------------ deep


def test_the_deep_forward_pass_by_hand(small):
    model = BUILDERS["deep"](small)
    weights = randomise(model)
    expected = deep_logits(small.inputs, weights) + weights["logit/bias"][0]
    np.testing.assert_allclose(logits_of(small, model), expected, rtol=1e-4, atol=1e-4)


def test_a_multi_valued_cell_is_the_mean_of_its_known_values(small):
    frame = pd.DataFrame({"tags": [["p", "q"], ["q"]]})
    deep = wdl.fit_deep(frame, ["tags"], [])
    assert deep["vocabulary"] == {"tags=q": 1, "tags=p": 2}
    model = wdl.deep_model(deep, embedding_dim=2, units=())
    model.set_weights([np.array([[9, 9], [1, 10], [3, 20]]), np.array([[1], [1]]), np.array([0.25])])
    new = pd.DataFrame({"tags": [["q"], ["p"], ["q", "p"], ["p", "new", "q"], ["p", "new"], ["new"], []]})
    logits = logits_of(small, model, wdl.deep_inputs(new, deep))
    assert logits.tolist() == [11.25, 23.25, 17.25, 17.25, 23.25, 0.25, 0.25]


def test_negative_activations_become_zero(small):
    deep = wdl.fit_deep(pd.DataFrame({"n": [1.0, 2.0]}), [], ["n"], n_quantiles=2)
    model = wdl.deep_model(deep, units=(2,))
    model.get_layer("deep_hidden_1").set_weights([np.array([[1.0, -1.0]]), np.array([0.0, 0.0])])
    model.get_layer("deep_logit").set_weights([np.array([[4.0], [2.0]])])
    model.get_layer("logit").set_weights([np.array([0.5])])
    numbers = np.array([[1.0], [0.5], [0.0]], "float32")
    assert logits_of(small, model, {"deep_ids": np.zeros((3, 0, 1), "int32"), "numbers": numbers}).tolist() == [
        4.5,
        2.5,
        0.5,
    ]


def test_embeddings_start_at_random_and_close_to_zero(small):
    model = wdl.deep_model(small.deep, 3, UNITS)
    table = weights_of(model)["deep_embeddings/table"]
    assert table.shape == (small.deep["n_ids"], 3)
    assert 0 < np.abs(table).max() <= 0.05 and len(np.unique(table)) == table.size


def test_the_layers_are_as_wide_as_asked(small):
    shapes = {name: weight.shape for name, weight in weights_of(BUILDERS["wide_deep"](small)).items()}
    assert shapes == {
        "wide_weights/table": (small.wide["n_ids"], 1),
        "deep_embeddings/table": (small.deep["n_ids"], 3),
        "deep_hidden_1/kernel": (2 * 3 + 1, 6),
        "deep_hidden_1/bias": (6,),
        "deep_hidden_2/kernel": (6, 5),
        "deep_hidden_2/bias": (5,),
        "deep_logit/kernel": (5, 1),
        "logit/bias": (1,),
    }


@pytest.mark.parametrize("joint", [False, True], ids=["deep", "joint"])
def test_the_default_layers_are_those_of_the_documentation(joint, small):
    model = wdl.wide_deep_model(small.wide, small.deep) if joint else wdl.deep_model(small.deep)
    assert [model.get_layer(f"deep_hidden_{i}").units for i in (1, 2, 3)] == [128, 64, 32]
    assert [model.get_layer(f"deep_dropout_{i}").rate for i in (1, 2, 3)] == [0.2] * 3
    assert model.get_layer("deep_embeddings").table.shape == (small.deep["n_ids"], 8)


def test_dropout_acts_in_training_only(small):
    model = wdl.deep_model(small.deep, 3, (50,), dropout=0.5)
    weights = randomise(model)
    expected = deep_logits(small.inputs, weights) + weights["logit/bias"][0]
    np.testing.assert_allclose(logits_of(small, model), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(wdl.predict(model, inputs_of(small, model)), sigmoid(expected), rtol=1e-4, atol=1e-6)
    hidden = keras.Model(model.input, model.get_layer("deep_dropout_1").output)
    kept, dropped = hidden(inputs_of(small, model)).numpy(), hidden(inputs_of(small, model), training=True).numpy()
    share = (dropped[kept > 0] == 0).mean()
    assert 0.4 < share < 0.6
    assert hidden(inputs_of(small, model)).numpy().min() >= 0


def test_a_deep_model_works_without_numbers_and_without_categories(small):
    frame = pd.DataFrame({"a": list("xyxy"), "n": [1.0, 2.0, 3.0, 4.0]})
    for categories, numbers in ((["a"], []), ([], ["n"])):
        deep = wdl.fit_deep(frame, categories, numbers, n_quantiles=4)
        model = wdl.deep_model(deep, 3, (4,), 0.0)
        weights, inputs = randomise(model), wdl.deep_inputs(frame, deep)
        expected = deep_logits(inputs, weights) + weights["logit/bias"][0]
        np.testing.assert_allclose(logits_of(small, model, inputs), expected, rtol=1e-4, atol=1e-4)
        history = wdl.train(model, inputs, [0, 1, 0, 1], wdl.Adagrad(0.1), epochs=2)
        assert np.isfinite(history["loss"]).all() and wdl.predict(model, inputs).shape == (4,)


def test_the_number_of_rows_and_the_width_may_change_from_call_to_call(small):
    model = BUILDERS["wide_deep"](small)
    randomise(model)
    whole = logits_of(small, model)
    for padding in (0, 2):
        wide_ids = np.pad(small.inputs["wide_ids"], ((0, 0), (0, padding)))[:5]
        deep_ids = np.pad(small.inputs["deep_ids"], ((0, 0), (0, 0), (0, padding)))[:5]
        part = logits_of(
            small, model, {"wide_ids": wide_ids, "deep_ids": deep_ids, "numbers": small.inputs["numbers"][:5]}
        )
        np.testing.assert_allclose(part, whole[:5], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "settings, message",
    [
        ((5, 2, "max", "zeros"), "The combiner is 'max'; expected 'sum' or 'mean'"),
        ((5, 2, None, "zeros"), "The combiner is None"),
        ((0, 2, "sum", "zeros"), "n_ids is 0; expected a whole number of at least 1"),
        ((5, 0, "sum", "zeros"), "dimension is 0; expected a whole number of at least 1"),
        ((5, 2.5, "sum", "zeros"), "dimension is 2.5"),
    ],
)
def test_a_lookup_of_settings_that_make_no_sense_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        wdl.Lookup(*settings)


@pytest.mark.parametrize("combiner, expected", [("sum", [[4.0, 40.0]]), ("mean", [[2.0, 20.0]])])
def test_a_lookup_combines_what_is_known_and_its_settings_are_saved(combiner, expected):
    lookup = wdl.Lookup(4, 2, combiner, "zeros", name="rows")
    again = wdl.Lookup.from_config(lookup.get_config())
    for layer in (lookup, again):
        layer.build(None)
        layer.set_weights([np.array([[9, 9], [1, 10], [3, 30], [5, 5]])])
        assert layer(np.array([[1, 0, 2]])).numpy().tolist() == expected
        assert (layer.n_ids, layer.dimension, layer.combiner, layer.initializer) == (4, 2, combiner, "zeros")


def test_a_lookup_with_an_initializer_is_saved(tmp_path):
    ids = keras.Input((2,), dtype="int32")
    model = keras.Model(ids, wdl.Lookup(3, 1, "sum", keras.initializers.Constant(0.5))(ids))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again(np.array([[1, 2], [0, 2]])).numpy().tolist() == [[1.0], [0.5]]


# ------------------------------------------------------------------------------------------- wide and deep


def test_the_joint_logit_is_the_wide_sum_plus_the_deep_logit_plus_one_bias(small):
    model = BUILDERS["wide_deep"](small)
    weights = randomise(model)
    wide = wide_logits(small.inputs["wide_ids"], weights["wide_weights/table"], 0)
    expected = wide + deep_logits(small.inputs, weights) + weights["logit/bias"][0]
    np.testing.assert_allclose(logits_of(small, model), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", BUILDERS)
def test_exactly_one_bias_is_outside_the_hidden_layers(name, small):
    weights = weights_of(BUILDERS[name](small))
    outside = [path for path in weights if path.endswith("bias") and "hidden" not in path]
    assert outside == ["logit/bias"]
    assert [path for path, weight in weights.items() if weight.size == 1] == ["logit/bias"]


@pytest.mark.parametrize("name, trained_by", [("wide_weights", "wide"), ("deep_embeddings", "deep")])
def test_the_joint_model_needs_both_parts(name, trained_by, small):
    model = BUILDERS["wide_deep"](small)
    randomise(model)
    before = logits_of(small, model)
    layer = model.get_layer(name)
    layer.set_weights([np.zeros_like(layer.get_weights()[0])])
    known = small.inputs[f"{trained_by}_ids"].reshape(len(before), -1).any(axis=1)
    assert (logits_of(small, model)[known] != before[known]).all()


def test_both_parts_learn_from_the_same_error(small):
    model = BUILDERS["wide_deep"](small)
    weights = randomise(model)
    with tf.GradientTape() as tape:
        logits = model(inputs_of(small, model), training=True)
        loss = keras.losses.BinaryCrossentropy(from_logits=True)(small.labels[:, None], logits)
    paths = [variable.path for variable in model.trainable_variables]
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    gradients = {path: tf.convert_to_tensor(g).numpy() for path, g in zip(paths, gradients, strict=True)}
    # Every derivative of the mean log loss begins with (P - y)/rows: backpropagation from one error.
    error = (sigmoid(logits.numpy()[:, 0]) - small.labels) / len(small.labels)
    np.testing.assert_allclose(gradients["logit/bias"], [error.sum()], rtol=1e-4, atol=1e-6)
    expected = np.zeros(small.wide["n_ids"])
    for line, part in zip(small.inputs["wide_ids"], error, strict=True):
        expected[line[line > 0]] += part
    np.testing.assert_allclose(gradients["wide_weights/table"][:, 0], expected, rtol=1e-4, atol=1e-6)
    expected = deep_activations(small.inputs, weights).T @ error
    np.testing.assert_allclose(gradients["deep_logit/kernel"][:, 0], expected, rtol=1e-3, atol=1e-5)
    assert gradients["deep_embeddings/table"][1:].any() and not gradients["deep_embeddings/table"][0].any()


def test_the_models_have_names_and_named_inputs(small):
    assert {name: (build(small).name, names_of(build(small))) for name, build in BUILDERS.items()} == {
        "wide": ("wide", ["wide_ids"]),
        "deep": ("deep", ["deep_ids", "numbers"]),
        "wide_deep": ("wide_deep", ["deep_ids", "numbers", "wide_ids"]),
    }
    assert all(build(small).output_shape == (None, 1) for build in BUILDERS.values())


@pytest.mark.parametrize("spec", [None, {}, "wide"])
def test_a_model_of_an_unfitted_part_is_refused(spec, small):
    for build, function in (
        (lambda: wdl.wide_model(spec), "fit_wide"),
        (lambda: wdl.deep_model(spec), "fit_deep"),
        (lambda: wdl.wide_deep_model(spec, small.deep), "fit_wide"),
        (lambda: wdl.wide_deep_model(small.wide, spec), "fit_deep"),
    ):
        with pytest.raises(ValueError, match=f"call {function} first"):
            build()


def test_parts_given_in_the_wrong_order_are_refused(small):
    with pytest.raises(ValueError, match="call fit_wide first"):
        wdl.wide_deep_model(small.deep, small.wide)
    with pytest.raises(ValueError, match="call fit_wide first"):
        wdl.wide_model(small.deep)
    with pytest.raises(ValueError, match="call fit_deep first"):
        wdl.deep_model(small.wide)


# ---------------------------------------------------------------------------------------- save and load


@pytest.mark.parametrize("name", BUILDERS)
def test_a_saved_model_predicts_the_same_bits_after_loading(name, tmp_path, small):
    model = BUILDERS[name](small)
    randomise(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(logits_of(small, loaded), logits_of(small, model))
    assert weights_of(loaded).keys() == weights_of(model).keys()


def test_training_goes_on_identically_after_saving_and_loading(tmp_path, small):
    # Without dropout: Keras saves the weights and the optimizer, but not how far the random numbers had come.
    model = trained(
        small, BUILDERS["wide_deep"](small), wdl.joint_optimizer(wide=wdl.Ftrl(0.3), deep=wdl.Adagrad(0.1)), epochs=2
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    kinds = {type(optimizer): float(optimizer.learning_rate) for optimizer in loaded.optimizer.optimizers}
    assert kinds == {wdl.Ftrl: pytest.approx(0.3), wdl.Adagrad: pytest.approx(0.1)}
    for goes_on in (model, loaded):
        keras.utils.set_random_seed(1)  # for the order of the rows
        trained(small, goes_on, None, epochs=2)
    for path, weight in weights_of(model).items():
        np.testing.assert_array_equal(weights_of(loaded)[path], weight, err_msg=path)
    for slot, same in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        assert slot.path == same.path
        np.testing.assert_array_equal(same.numpy(), slot.numpy(), err_msg=slot.path)


@pytest.mark.parametrize(
    "sizes, says",
    [
        ({"embedding_dim": 0}, "embedding_dim is 0; expected a whole number of at least 1"),
        ({"units": (8, 0)}, "a size in units is 0; expected a whole number of at least 1"),
        ({"dropout": 2}, "dropout is 2; expected a share from 0 to 1"),
        ({"dropout": -0.1}, "dropout is -0.1; expected a share"),
        ({"dropout": True}, "dropout is True; expected a share"),
    ],
)
def test_a_size_that_cannot_be_is_refused_by_the_name_of_its_argument(sizes, says):
    deep = wdl.fit_deep(pd.DataFrame({"city": ["Oslo", "Rome"]}), ["city"], [])
    with pytest.raises(ValueError, match=says):
        wdl.deep_model(deep, **sizes)


def test_the_layers_names_are_those_that_other_modules_find_them_by(small):
    """Saved models hold them too: none may change."""
    made = {layer.name: layer for layer in BUILDERS["wide_deep"](small).layers}
    named = [models.WIDE_WEIGHTS, models.DEEP_EMBEDDINGS, models.DEEP_CONCATENATE, models.DEEP_HIDDEN_1]
    assert [*named, models.DEEP_LOGIT] == [
        "wide_weights", "deep_embeddings", "deep_concatenate", "deep_hidden_1", "deep_logit",
    ]  # fmt: skip
    assert {*named, models.DEEP_LOGIT} <= made.keys()
    assert made[models.WIDE_WEIGHTS].table.name == models.TABLE == "table"
