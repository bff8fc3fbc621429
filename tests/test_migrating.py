"""docs/migrating.md runs, block by block, and what it says of tf.estimator holds."""

import pathlib
import re

import wdl_helpers as wdl

import keras
import numpy as np
import pytest
import tensorflow as tf
from laws import small_parts, weights_of

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module")
def ran():
    """What the page's blocks leave behind, run one after the other in the project's folder."""
    names = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        for block in BLOCKS:
            exec(block, names)
    return names


def test_the_old_checkpoints_probabilities_come_out(ran):
    said = np.array(ran["example"]["probabilities"])
    assert len(said) == 240 and said.std() > 0.1  # the old model tells rows apart
    assert np.abs(wdl.predict(ran["model"], ran["inputs"]) - said).max() < 1e-6
    for variable in ran["model"].trainable_variables:  # and every weight takes part
        weight = variable.numpy()
        variable.assign(0 * weight)
        assert np.abs(wdl.predict(ran["model"], ran["inputs"]) - said).max() > 1e-4, variable.path
        variable.assign(weight)


def slots_of(optimizer):
    return {variable.path.split("/")[-1]: variable.numpy() for variable in optimizer.variables}


def test_the_old_slots_come_over_with_their_weights(ran):
    slots, old = slots_of(ran["optimizer"]), ran["checkpoint"].get_tensor
    n, z = slots["wide_weights_table_accumulator"], slots["wide_weights_table_linear"]
    ids = ran["wide"]["vocabulary"]
    for kind, table in (("accumulator", n), ("linear", z)):
        there = old(f"training/Ftrl/linear/linear_model/tags/weights/{kind}")
        assert [table[ids[f"tags={tag}"]] for tag in ("new", "sale", "gift")] == there.tolist()
    assert n[ids["city=Bern"]] == np.float32(0.1) and z[ids["city=Bern"]] == 0
    # FTRL's weight follows from its slots: so each z and each n stands where its weight does.
    np.testing.assert_allclose(ran["wide_table"], -z * 0.1 / np.sqrt(n), rtol=1e-4, atol=1e-6)
    assert (z != 0).sum() > 15 and len(np.unique(n)) > 15
    first = old("training/Adagrad/dnn/hiddenlayer_0/kernel/accumulator")
    np.testing.assert_array_equal(slots["deep_hidden_1_kernel_accumulator"], [*first[1:], first[0]])
    cities = old(
        "training/Adagrad/dnn/input_from_feature_columns/input_layer/city_embedding/embedding_weights/accumulator"
    )
    row = ran["deep"]["vocabulary"]["city=Oslo"]
    np.testing.assert_array_equal(slots["deep_embeddings_table_accumulator"][row], cities[1])


def test_training_goes_on_from_the_old_slots(ran):
    """A step on all rows, beside the published formulas, from the old weights and the old slots."""
    model, optimizer, labels = ran["model"], ran["optimizer"], np.array(ran["labels"], "float32")
    variables, slots = model.trainable_variables, slots_of(optimizer)
    with tf.GradientTape() as tape:
        loss = wdl.LogLoss()(labels, model(ran["inputs"]))
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    before = [variable.numpy() for variable in variables]
    optimizer.apply(gradients, variables)
    arrays = [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]
    for variable, w, g in zip(variables, before, arrays, strict=True):
        name = variable.path.replace("/", "_")
        n = slots[f"{name}_accumulator"]
        expected = w - 0.1 * g / np.sqrt(n + g**2 + 1e-7)
        if name == "wide_weights_table":
            z = slots[f"{name}_linear"] + g - (np.sqrt(n + g**2) - np.sqrt(n)) / 0.1 * w
            expected = -z * 0.1 / np.sqrt(n + g**2)
        assert np.abs(variable.numpy() - w).max() > 1e-4
        np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-4, atol=1e-6, err_msg=name)
        variable.assign(w)


def test_rows_of_weight_0_teach_nothing():
    wide, deep, inputs, labels = small_parts()
    weights, results = np.arange(len(labels)) % 2, []
    for given in (labels, np.where(weights == 1, labels, 1 - labels)):
        keras.utils.set_random_seed(0)
        model = wdl.wide_deep_model(wide, deep, 3, (4,), 0.0)
        model.compile(wdl.joint_optimizer(wide=wdl.Ftrl(0.3), deep=wdl.Adagrad(0.05)), wdl.LogLoss(), jit_compile=False)
        model.fit(inputs, given, sample_weight=weights, epochs=3, verbose=0)
        results.append(weights_of(model))
    assert np.abs(results[0]["wide_weights/table"]).max() > 0.1
    np.testing.assert_equal(*results)


def test_the_old_bucket_numbers_come_out(ran):
    assert ran["buckets"].tolist() == ran["example"]["buckets"] and len(set(ran["example"]["buckets"])) > 5


def test_both_optimizers_start_where_the_old_ones_did():
    for optimizer in (wdl.Ftrl(), wdl.Adagrad()):
        assert optimizer.get_config()["initial_accumulator_value"] == 0.1


def test_the_summed_loss_is_the_mean_with_another_start_and_penalty():
    wide, deep, inputs, labels = small_parts()
    results = []
    for reduction, scale in (("sum", 1), ("sum_over_batch_size", len(labels))):
        ftrl = wdl.Ftrl(
            0.3,
            initial_accumulator_value=0.1 / scale**2,
            l1_regularization_strength=2 / scale,
            l2_regularization_strength=0.1 / scale,
        )
        optimizer = wdl.joint_optimizer(wide=ftrl, deep=wdl.Adagrad(0.05, 0.1 / scale**2, epsilon=1e-7 / scale**2))
        keras.utils.set_random_seed(0)
        model = wdl.wide_deep_model(wide, deep, 3, (4,), 0.0)
        model.compile(optimizer, wdl.LogLoss(reduction=reduction))
        model.fit(inputs, labels, batch_size=len(labels), epochs=5, verbose=0)
        results.append(weights_of(model))
    assert (results[0]["wide_weights/table"] == 0).sum() == (results[1]["wide_weights/table"] == 0).sum() > 1
    for path, weight in results[0].items():
        np.testing.assert_allclose(weight, results[1][path], rtol=1e-4, atol=1e-5, err_msg=path)
