"""MIGRATING.md runs, block by block, and what it says of tf.estimator holds."""

import wdl_helpers as wdl  # before TensorFlow: it sets how TensorFlow computes

# isort: split
import pathlib
import re

import keras
import numpy as np
import pytest
from laws import small_parts, weights_of

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = (ROOT / "MIGRATING.md").read_text(encoding="utf-8")
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
        optimizer = wdl.joint_optimizer(ftrl, wdl.Adagrad(0.05, 0.1 / scale**2, epsilon=1e-7 / scale**2))
        keras.utils.set_random_seed(0)
        model = wdl.wide_deep_model(wide, deep, 3, (4,), 0.0)
        model.compile(optimizer, wdl.LogLoss(reduction=reduction))
        model.fit(inputs, labels, batch_size=len(labels), epochs=5, verbose=0)
        results.append(weights_of(model))
    assert (results[0]["wide_weights/table"] == 0).sum() == (results[1]["wide_weights/table"] == 0).sum() > 1
    for path, weight in results[0].items():
        np.testing.assert_allclose(weight, results[1][path], rtol=1e-4, atol=1e-5, err_msg=path)
