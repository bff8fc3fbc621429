"""The whole of Wide & Deep in sixty lines, held equal to the helpers: features, probabilities and training."""

import importlib.util
import json
import pathlib
import re

import wdl_helpers as wdl
from benchmarks import backends
from recommender.datasets import adult

import keras
import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

PATH = pathlib.Path(__file__).resolve().parent.parent / "notebooks" / "wide_deep_in_60_lines.py"
wdl.reproducible()  # before any test computes: the number of threads cannot be changed later
SPEC = importlib.util.spec_from_file_location(PATH.stem, PATH)
sixty = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(sixty)

CATEGORIES, NUMBERS = ["workclass", "education", "occupation", "sex"], ["age", "hours-per-week"]
DEEP = [(column,) for column in CATEGORIES]
WIDE = [*DEEP, ("education", "occupation"), ("workclass", "occupation", "sex")]
FRAME = adult.load_adult()[0][:3_000].assign(rich=lambda frame: (frame["income"] == ">50K").astype(int))
TRAIN, TEST = FRAME[:2_500], FRAME[2_500:].reset_index(drop=True)
TABLES = {"wide_weights": "wide_weights", "deep_embeddings": "embeddings"}  # the helpers' names and the others
SIZES = {"units": (16, 8), "dropout": 0.0}


@pytest.fixture(scope="module")
def features():
    """What the helpers learn of the training frame."""
    return wdl.fit_wide(TRAIN, WIDE), wdl.fit_deep(TRAIN, CATEGORIES, NUMBERS)


def arrays(frame):
    """The inputs as the sixty lines make them."""
    of_wide, of_deep = sixty.vocabulary(TRAIN, WIDE), sixty.vocabulary(TRAIN, DEEP)
    return [sixty.ids(frame, WIDE, of_wide), sixty.ids(frame, DEEP, of_deep), sixty.quantiles(TRAIN, frame, NUMBERS)]


def models(features):
    """Both models, with the same random weights."""
    keras.utils.set_random_seed(1)
    ours = wdl.wide_deep_model(*features, **SIZES)
    plain = sixty.wide_deep(features[0]["n_ids"], len(WIDE), features[1]["n_ids"], len(DEEP), len(NUMBERS), **SIZES)
    rng = np.random.default_rng(1)
    ours.set_weights([rng.normal(0, 0.3, weights.shape) for weights in ours.get_weights()])
    dense = [[layer for layer in model.layers if isinstance(layer, keras.layers.Dense)] for model in (ours, plain)]
    tables = [(ours.get_layer(part), plain.get_layer(name)) for part, name in TABLES.items()]
    for source, target in [*tables, *zip(*dense, strict=True)][:-1]:
        target.set_weights(source.get_weights())
    dense[1][-1].set_weights([*dense[0][-1].get_weights(), *ours.get_layer("logit").get_weights()])
    return ours, plain


def probabilities(plain, frame):
    return expit(plain.predict(arrays(frame), verbose=0)[:, 0].astype("float64"))


def test_it_has_at_most_sixty_lines_and_none_of_the_helpers():
    lines = [line for line in PATH.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(lines) <= 60
    assert not re.search(r"\bwdl", "\n".join(lines))


def test_its_features_are_the_helpers(features):
    for frame in (TRAIN, TEST):
        expected, found = wdl.joint_inputs(frame, *features), arrays(frame)
        assert np.array_equal(found[0], expected["wide_ids"]) and np.array_equal(found[1], expected["deep_ids"][..., 0])
        assert np.allclose(found[2], expected["numbers"], atol=1e-7)
    assert (found[0] == 0).any(), "the test rows have strings that the training rows lack"


def test_with_the_same_weights_it_gives_the_helpers_probabilities(features):
    ours, plain = models(features)
    expected = wdl.predict(ours, wdl.joint_inputs(TEST, *features))
    assert expected.std() > 0.1
    assert np.abs(probabilities(plain, TEST) - expected).max() < 1e-6


def test_it_also_trains_as_the_helpers_do(features):
    """Both from the same weights, on the same batches: repeated ids are added before they are squared."""
    ours, plain = models(features)
    for model in (ours, plain):  # at 0, as they start: FTRL rewrites any other start in its first step
        table = model.get_layer("wide_weights")
        table.set_weights([0 * weights for weights in table.get_weights()])
    labels = TRAIN["rich"].to_numpy("float32")[:, None]
    ftrl = {"learning_rate": 0.1, "initial_accumulator_value": 1e-6, "l1_regularization_strength": 0.003}
    optimizers = keras.optimizers
    both = optimizers.OptimizerMap(optimizers.Adam(0.001), {"wide_weights/.*": optimizers.Ftrl(**ftrl)})
    plain.compile(optimizers.MultiOptimizer(both), sixty.log_loss, jit_compile=False)
    ours.compile(wdl.joint_optimizer(wide=wdl.Ftrl(**ftrl), deep=wdl.Adam(0.001)), wdl.LogLoss(), jit_compile=False)
    before = probabilities(plain, TEST)
    plain.fit(arrays(TRAIN), labels, batch_size=250, epochs=2, shuffle=False, verbose=0)
    ours.fit(wdl.joint_inputs(TRAIN, *features), labels, batch_size=250, epochs=2, shuffle=False, verbose=0)
    after, expected = probabilities(plain, TEST), wdl.predict(ours, wdl.joint_inputs(TEST, *features))
    assert np.abs(after - before).max() > 0.1
    assert np.abs(after - expected).max() < 1e-5


def test_it_names_no_backend_but_in_a_setting_and_gives_the_same_on_each():
    """Of a committed file, which benchmarks/backends.py wrote."""
    text = PATH.read_text(encoding="utf-8")
    assert not re.search(r"tensorflow|\btf\b|torch|steps_per_execution", text)
    measured = json.loads((PATH.parent.parent / "benchmarks" / "backends.json").read_text())
    aucs = [measured.pop(backend) for backend in backends.BACKENDS]
    assert list(measured) == ["versions"] and set(measured["versions"]) == set(backends.PACKAGES)
    assert min(aucs) > 0.9285 and max(aucs) - min(aucs) < 0.002


def test_the_columns_of_the_backends_benchmark_are_the_recipes():
    assert (backends.CATEGORIES, backends.NUMBERS) == (adult.CATEGORIES, adult.NUMBERS)


def test_it_trains_and_scores_a_data_frame():
    keras.utils.set_random_seed(1)
    model, auc = sixty.train_and_score(TRAIN, TEST, "rich", CATEGORIES, NUMBERS, WIDE[len(DEEP) :], epochs=3)
    assert auc == pytest.approx(roc_auc_score(TEST["rich"], probabilities(model, TEST)))
    assert auc > 0.75
