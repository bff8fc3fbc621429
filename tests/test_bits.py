"""No kernel whose bits depend on the maker of the processor, in any graph that trains, predicts or serves."""

import sys

import wdl_helpers as wdl
from recommender import serving
from recommender.datasets import adult

import keras
import numpy as np
import pytest
import tensorflow as tf
import threadpoolctl
from hypothesis import given
from hypothesis import strategies as st
from laws import FEW, small_frame
from tensorflow.python.eager import context

# In float32 they start from the processor's approximate RCPPS and RSQRTPS. Softmax multiplies by a reciprocal.
DEPENDENT = {"Inv", "InvGrad", "Reciprocal", "ReciprocalGrad", "Rsqrt", "RsqrtGrad", "Softmax", "LogSoftmax"}
DEPENDENT |= {"SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"}
MODELS = {
    "wide": lambda small: wdl.wide_model(small.wide),
    "deep": lambda small: wdl.deep_model(small.deep, 3, (6, 5), 0.2),
    "wide_deep": lambda small: wdl.wide_deep_model(small.wide, small.deep, 3, (6, 5), 0.2),
}
OPTIMIZERS = {
    "ftrl": lambda: wdl.Ftrl(0.1, l1_regularization_strength=0.01, l2_regularization_strength=0.1, beta=1.0),
    "adagrad": lambda: wdl.Adagrad(0.1),
    "adam": lambda: wdl.Adam(keras.optimizers.schedules.CosineDecay(0.01, 10)),
    "keras adam": lambda: keras.optimizers.Adam(0.01, clipnorm=1.0),
    "sgd": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    "joint": lambda: wdl.joint_optimizer(wide=wdl.Ftrl(0.1), deep=wdl.Adagrad(0.1)),
}


def kernels(run):
    """The kernels in all graphs that a function runs, as TensorFlow's optimizer has left them."""
    tf.keras.backend.clear_session()
    with context.collect_graphs(optimized=True) as graphs:
        run()
    nodes = [node for graph in graphs for node in graph.node]
    nodes += [node for graph in graphs for function in graph.library.function for node in function.node_def]
    found = {node.op for node in nodes}
    assert "MatMul" in found or "AddV2" in found, "there is a graph to look at"
    return found


@pytest.mark.filterwarnings("ignore:Keras' own Adam squares")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", MODELS)
def test_training_runs_no_kernel_that_depends_on_the_processor(model, optimizer, small):
    built = MODELS[model](small)
    validation = (small.inputs, small.labels) if optimizer == "ftrl" else None  # its graph has no optimizer in it
    run = lambda: wdl.train(built, small.inputs, small.labels, OPTIMIZERS[optimizer](), 1, 16, validation)  # noqa: E731
    assert not kernels(run) & DEPENDENT


def test_predicting_and_scoring_raw_columns_run_none_either(tmp_path, small):
    model, (frame, _) = MODELS["wide_deep"](small), small_frame()
    assert not kernels(lambda: wdl.predict(model, small.inputs)) & DEPENDENT
    serving.export(model, small.wide, small.deep, frame, tmp_path)
    score = serving.scorer(tmp_path)
    assert not kernels(lambda: score(frame)) & DEPENDENT


@pytest.mark.parametrize("kind", ["wide", "deep", "wide_deep"])
def test_the_course_recipe_runs_none_either(kind):
    frame = adult.load_adult()[0][:256]
    wide, deep = adult.beginner_features(frame)
    inputs, labels = adult.beginner_inputs(frame, wide, deep), (frame["income"] == ">50K").to_numpy(int)
    model = adult.beginner_model(kind, wide, deep)
    inputs = {tensor.name: inputs[tensor.name] for tensor in model.inputs}
    assert not kernels(lambda: model.fit(inputs, labels, batch_size=64, verbose=0)) & DEPENDENT


def test_the_test_sees_what_keras_own_loss_and_tensorflows_own_graph_optimizer_bring_in(small):
    model = MODELS["wide"](small)
    inputs = {"wide_ids": small.inputs["wide_ids"]}

    def fit(loss, optimizer):
        model.compile(optimizer, loss, jit_compile=False)
        return kernels(lambda: model.fit(inputs, small.labels, batch_size=16, verbose=0)) & DEPENDENT

    assert fit(keras.losses.BinaryCrossentropy(from_logits=True), keras.optimizers.SGD(0.1))
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": True})
    try:
        assert "Rsqrt" in fit(wdl.LogLoss(), keras.optimizers.Adagrad(0.1))
    finally:
        wdl.reproducible()
    assert not fit(wdl.LogLoss(), keras.optimizers.Adagrad(0.1))


def test_the_number_of_threads_is_fixed():
    wdl.reproducible()
    assert tf.config.threading.get_intra_op_parallelism_threads() == 2
    blas = [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    assert set(blas) == {1} or sys.platform == "darwin", "a Mac has a library of its own, which nothing can set"


# ------------------------------------------------------------------------------------------------- the loss


@pytest.mark.parametrize("from_logits", [True, False])
@given(st.lists(st.tuples(st.integers(0, 1), st.floats(-12, 12)), min_size=1, max_size=9))
@FEW
def test_the_loss_and_its_gradient_are_those_of_keras(from_logits, rows):
    labels, z = np.array(rows, "float32").T
    labels, outputs = labels[:, None], tf.Variable(z[:, None] if from_logits else tf.sigmoid(z[:, None]))
    values, gradients = [], []
    for loss in (wdl.LogLoss(from_logits), keras.losses.BinaryCrossentropy(from_logits)):
        with tf.GradientTape() as tape:
            values.append(loss(labels, outputs))
        gradients.append(tape.gradient(values[-1], outputs))
    np.testing.assert_allclose(values[0], values[1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)


def test_the_loss_takes_one_label_a_row_whatever_their_shape():
    z = tf.constant([[0.0], [2.0], [-1.0]])
    flat, column = (wdl.LogLoss()(labels, z) for labels in (tf.constant([1.0, 0, 1]), tf.constant([[1.0], [0], [1]])))
    assert float(flat) == float(column) == pytest.approx((np.log(2) + np.log1p(np.exp(2)) + np.log1p(np.exp(1))) / 3)
    with pytest.raises(tf.errors.InvalidArgumentError):
        wdl.LogLoss()(tf.constant([1.0, 0]), z)
    assert wdl.LogLoss.from_config(wdl.LogLoss(False).get_config()).from_logits is False
