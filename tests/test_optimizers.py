import ast
import pathlib
import warnings

import wdl_helpers as wdl
from recommender import lifecycle
from wide_deep import optimizers

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given
from hypothesis import strategies as st
from laws import FEW, NumpyAdagrad, NumpyAdam, NumpyFtrl, sigmoid, small_parts, weights_of

ROWS = 5
REFERENCES = {"Ftrl": NumpyFtrl, "Adagrad": NumpyAdagrad, "Adam": NumpyAdam}
# Eighths add up without rounding in float32, so a difference is never one of the order of summation.
EIGHTHS = st.integers(-32, 32).map(lambda value: value / 8)
SETTINGS = {
    "Ftrl": st.fixed_dictionaries(
        {
            "l1": st.sampled_from([0.0, 0.01, 0.5, 3.0]),
            "l2": st.sampled_from([0.0, 0.1]),
            "beta": st.sampled_from([0.0, 1.0]),
            "start": st.sampled_from([0.1, 1.0]),
        }
    ),
    "Adagrad": st.fixed_dictionaries({"start": st.sampled_from([0.1, 1.0])}),
    "Adam": st.fixed_dictionaries({"beta_1": st.sampled_from([0.9, 0.5]), "beta_2": st.sampled_from([0.999, 0.9])}),
}
KERAS_NAMES = {
    "l1": "l1_regularization_strength", "l2": "l2_regularization_strength", "start": "initial_accumulator_value",
}  # fmt: skip
REPEATED = [([1, 1, 3, 1], [[1.0], [1.0], [0.5], [-0.25]]), ([3, 2, 3], [[1.0], [2.0], [1.0]])]


@st.composite
def problems(draw, name):
    """Settings, a table, and some batches of (ids, pieces of the gradient), ids repeated, absent, or none at all."""
    size = draw(st.sampled_from([1, 3]))
    piece = st.lists(EIGHTHS, min_size=size, max_size=size)
    batch = st.lists(st.tuples(st.integers(0, ROWS - 1), piece), max_size=8)
    batches = [
        ([i for i, _ in pairs], np.array([g for _, g in pairs], "float32").reshape(-1, size))
        for pairs in draw(st.lists(batch, min_size=1, max_size=5))
    ]
    table = np.array(draw(st.lists(piece, min_size=ROWS, max_size=ROWS)), "float32")
    settings = {"learning_rate": draw(st.sampled_from([0.01, 0.1, 1.0])), **draw(SETTINGS[name])}
    return settings, table, batches


def build(module, name, settings):
    return getattr(module, name)(**{KERAS_NAMES.get(key, key): value for key, value in settings.items()})


def slices(ids, pieces, rows=ROWS):
    pieces = np.asarray(pieces, "float32")
    return tf.IndexedSlices(tf.constant(pieces), tf.constant(ids, tf.int32), tf.constant([rows, pieces.shape[1]]))


def run(optimizer, table, batches, dense=False):
    """Apply the batches to a variable that starts as `table`; return it."""
    variable = keras.Variable(table, dtype="float32")
    optimizer.build([variable])
    for ids, pieces in batches:
        gradient = slices(ids, pieces)
        optimizer.apply([tf.convert_to_tensor(gradient) if dense else gradient], [variable])
    return variable.numpy()


def reference(name, settings, table, batches):
    result = REFERENCES[name](table, **settings)
    for ids, pieces in batches:
        result.step(ids, pieces)
    return result.w


def slots(optimizer, shape):
    return [variable for variable in optimizer.variables if tuple(variable.shape) == shape]


def close(result, expected):
    np.testing.assert_allclose(result, expected, rtol=2e-5, atol=2e-5)


# ------------------------------------------------------------------------------ the published algorithms


@pytest.mark.parametrize("name", REFERENCES)
def test_a_lookup_step_is_the_published_algorithm_on_the_summed_gradient(name):
    @FEW
    @given(problems(name))
    def law(problem):
        settings, table, batches = problem
        close(run(build(wdl, name, settings), table, batches), reference(name, settings, table, batches))

    law()


@pytest.mark.parametrize("name", REFERENCES)
def test_a_lookup_step_equals_the_step_on_the_dense_gradient(name):
    @FEW
    @given(problems(name))
    def law(problem):
        settings, table, batches = problem
        if name == "Ftrl":
            table = 0 * table  # dense FTRL recomputes all rows: those never seen become 0, their value at z = 0
        dense = run(build(keras.optimizers, name, settings), table, batches, dense=True)
        close(run(build(wdl, name, settings), table, batches), dense)

    law()


@pytest.mark.parametrize("name", ["Ftrl", "Adagrad"])
def test_rows_and_slots_of_absent_ids_keep_their_bits(name):
    @FEW
    @given(problems(name))
    @example(({"learning_rate": 0.1}, np.ones((ROWS, 3), "float32"), [([1, 1], np.ones((2, 3)))]))
    def law(problem):
        settings, table, batches = problem
        optimizer, variable = build(wdl, name, settings), keras.Variable(table)
        optimizer.build([variable])
        kept = [variable, *slots(optimizer, table.shape)]
        assert len(kept) == {"Ftrl": 3, "Adagrad": 2}[name]
        for ids, pieces in batches:
            before = [part.numpy() for part in kept]
            optimizer.apply([slices(ids, pieces)], [variable])
            absent = [i for i in range(ROWS) if i not in ids]
            for old, new in zip(before, kept, strict=True):
                np.testing.assert_array_equal(new.numpy()[absent], old[absent])

    law()


@pytest.mark.parametrize("option", [{"l2_shrinkage_regularization_strength": 0.3}, {"learning_rate_power": -0.75}])
def test_keras_further_options_of_ftrl_hold_for_lookups(option):
    # Shrinkage moves the rows of absent ids as well if the gradient is dense, so here none is absent.
    batches = [([0, 1, 2, 3, 4, 4], [[1.0], [2.0], [-1.0], [0.5], [1.0], [1.0]])] * 3
    sparse = run(wdl.Ftrl(0.1, **option), np.zeros((ROWS, 1)), batches)
    close(sparse, run(keras.optimizers.Ftrl(0.1, **option), np.zeros((ROWS, 1)), batches, dense=True))


@pytest.mark.parametrize("name", REFERENCES)
def test_a_dense_gradient_is_left_to_keras(name):
    settings, table = {"learning_rate": 0.1}, np.zeros((ROWS, 1))
    results = [run(build(module, name, settings), table, REPEATED, dense=True) for module in (wdl, keras.optimizers)]
    np.testing.assert_array_equal(*results)


def test_adams_momentum_moves_rows_of_absent_ids():
    table = np.zeros((ROWS, 1))
    once, more = REPEATED[:1], [*REPEATED[:1], ([4], [[1.0]])]
    assert run(wdl.Adam(0.1), table, more)[1] != run(wdl.Adam(0.1), table, once)[1]


def test_an_ftrl_step_by_hand():
    # n = 0 + 4², sigma = 4/1, z = 4 - 4·0 = 4, w = -(4 - 1)/(4/1 + 2·0.5) = -0.6; the pieces 3 and 1 share an id.
    optimizer = wdl.Ftrl(1.0, initial_accumulator_value=0, l1_regularization_strength=1, l2_regularization_strength=0.5)
    close(run(optimizer, np.zeros((ROWS, 1)), [([2, 2], [[3.0], [1.0]])])[2], [-0.6])
    # then n = 16 + 3² = 25, sigma = 5 - 4 = 1, z = 4 - 3 + 0.6 = 1.6, w = -(1.6 - 1)/(5 + 1) = -0.1
    optimizer = wdl.Ftrl(1.0, initial_accumulator_value=0, l1_regularization_strength=1, l2_regularization_strength=0.5)
    close(run(optimizer, np.zeros((ROWS, 1)), [([2, 2], [[3.0], [1.0]]), ([2], [[-3.0]])])[2], [-0.1])


def test_an_adagrad_step_by_hand():
    # n = 9 + (3 + 1)² = 25, w = 1 - 0.5·4/5 = 0.6
    optimizer = wdl.Adagrad(0.5, initial_accumulator_value=9)
    close(run(optimizer, np.ones((ROWS, 1)), [([2, 2], [[3.0], [1.0]])])[2], [0.6])


def test_the_first_adam_step_is_the_learning_rate():
    result = run(wdl.Adam(0.125), np.zeros((ROWS, 1)), [([2, 2, 3], [[3.0], [1.0], [-0.5]])])
    close(result[:, 0], [0, 0, -0.125, 0.125, 0])


@pytest.mark.parametrize("dense", [False, True], ids=["lookup", "dense"])
def test_ftrl_weights_are_exactly_zero_until_the_gradients_outweigh_l1(dense):
    batches = [([0, 1, 1], [[1.0], [1.0], [1.0]]), ([1, 2], [[1.0], [-0.5]])]
    weak = run(wdl.Ftrl(0.1, l1_regularization_strength=2.5), np.zeros((ROWS, 1)), batches, dense)
    assert weak[[0, 2, 3, 4], 0].tolist() == [0.0] * 4 and weak[1, 0] < 0
    assert not run(wdl.Ftrl(0.1, l1_regularization_strength=3.5), np.zeros((ROWS, 1)), batches, dense).any()


def test_ftrl_sets_a_weight_back_to_zero_when_its_gradients_cancel():
    batches = [([1], [[2.0]]), ([1], [[-2.0]])]
    optimizer = wdl.Ftrl(0.1, l1_regularization_strength=1.5)
    assert run(optimizer, np.zeros((ROWS, 1)), batches[:1])[1, 0] < 0
    optimizer = wdl.Ftrl(0.1, l1_regularization_strength=1.5)
    assert run(optimizer, np.zeros((ROWS, 1)), batches)[1, 0] == 0


@pytest.mark.parametrize("name", ["Ftrl", "Adagrad", "Adam"])
def test_keras_own_optimizers_still_square_the_pieces_of_repeated_ids(name):
    settings, table = {"learning_rate": 0.1}, np.zeros((ROWS, 1))
    theirs = run(build(keras.optimizers, name, settings), table, REPEATED)
    ours, published = run(build(wdl, name, settings), table, REPEATED), reference(name, settings, table, REPEATED)
    close(ours, published)
    assert not np.allclose(theirs, published, rtol=1e-3), (
        f"keras.optimizers.{name} now sums the pieces of repeated ids: Keras was mended, and wdl_helpers.{name} "
        "may be reconsidered. Compare speed and the rows of absent ids before removing it."
    )


@pytest.mark.parametrize("name", REFERENCES)
def test_clipping_acts_on_the_summed_gradient(name):
    table = np.zeros((ROWS, 1))
    for clipping in ("clipvalue", "clipnorm", "global_clipnorm"):
        settings = {"learning_rate": 0.1, clipping: 0.5}
        sparse = run(build(wdl, name, settings), table, REPEATED)
        close(sparse, run(build(wdl, name, settings), table, REPEATED, dense=True))


def test_adagrad_places_epsilon_alike_for_lookups_and_for_layers():
    settings, table = {"learning_rate": 0.1, "start": 0.0}, np.zeros((ROWS, 1))
    batches = [([1, 1, 2], [[0.0005], [0.0005], [1.0]])]
    sparse = run(build(wdl, "Adagrad", settings), table, batches)
    close(sparse, run(build(wdl, "Adagrad", settings), table, batches, dense=True))


@pytest.mark.parametrize("name", REFERENCES)
def test_arguments_of_keras_are_taken_and_saved(name):
    optimizer = getattr(wdl, name)(learning_rate=0.25, weight_decay=0.01)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(again) is getattr(wdl, name) and again.get_config() == optimizer.get_config()
    assert again.learning_rate == 0.25


@pytest.mark.parametrize("name", ["Adagrad", "Adam"])
def test_a_learning_rate_schedule_is_followed(name):
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.5, 0.125])
    table = np.zeros((ROWS, 1))
    close(
        run(getattr(wdl, name)(schedule), table, REPEATED[:1]),
        reference(name, {"learning_rate": 0.5}, table, REPEATED[:1]),
    )
    expected = REFERENCES[name](table, 0.5)
    expected.step(*REPEATED[0])
    expected.learning_rate = 0.125
    expected.step(*REPEATED[1])
    close(run(getattr(wdl, name)(schedule), table, REPEATED), expected.w)


SCHEDULE = keras.optimizers.schedules.CosineDecay(0.1, 10)


@pytest.mark.parametrize("rate", [SCHEDULE, lambda: 0.1, 0.0, -0.1, float("nan"), "0.1"])
def test_ftrl_takes_no_schedule_and_no_rate_that_is_not_above_0(rate):
    with pytest.raises(
        ValueError, match="expected a number above 0 that stays the same, and no schedule: FTRL computes"
    ):
        wdl.Ftrl(rate)
    with pytest.raises(ValueError, match="expected a number above 0"):
        wdl.Ftrl.from_config({**wdl.Ftrl(0.1).get_config(), "learning_rate": rate})


def test_what_a_changed_rate_would_do_to_ftrl():
    """The reason for the refusals: Keras' own FTRL, with a gradient of 0, halves a weight when its rate is halved."""
    variable, optimizer = keras.Variable([0.0]), keras.optimizers.Ftrl(0.5)
    optimizer.build([variable])
    optimizer.apply([tf.constant([1.0])])
    before = float(variable[0])
    optimizer.learning_rate = 0.25
    optimizer.apply([tf.constant([0.0])])
    assert float(variable[0]) == pytest.approx(before / 2)


def test_keras_callbacks_cannot_change_the_rate_of_ftrl():
    wide, _, inputs, labels = small_parts()
    inputs = {"wide_ids": inputs["wide_ids"]}
    callbacks = keras.callbacks
    for callback in (
        callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
        callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=1e9),
    ):
        model = wdl.wide_model(wide)
        model.compile(wdl.Ftrl(0.1), wdl.LogLoss(), jit_compile=False)
        with pytest.raises(ValueError, match="rate of Ftrl cannot change from 0.1 to 0.0"):
            model.fit(inputs, labels, epochs=5, verbose=0, callbacks=[callback])
    constant = callbacks.LearningRateScheduler(lambda epoch, rate: rate)
    model = wdl.wide_model(wide)
    model.compile(wdl.Ftrl(0.1), wdl.LogLoss(), jit_compile=False)
    model.fit(inputs, labels, epochs=2, verbose=0, callbacks=[constant])
    with pytest.raises(ValueError, match="cannot change from 0.1 to"):
        model.optimizer.learning_rate = SCHEDULE
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)


FTRL = {"learning_rate": 0.1, "learning_rate_power": -0.5, "beta": 0.0}
FTRL |= {"l1_regularization_strength": 0.0, "l2_regularization_strength": 0.0}


@pytest.mark.parametrize("name", FTRL)
def test_an_ftrl_of_other_settings_is_told_from_the_same(name):
    other = {**FTRL, name: -0.25 if name == "learning_rate_power" else 0.2}
    for old, new in ((FTRL, other), (other, FTRL)):
        for join in (lambda ftrl: ftrl, lambda ftrl: wdl.joint_optimizer(wide=ftrl, deep=wdl.Adagrad(0.1))):
            message = rf"The old Ftrl has {name} {old[name]:g} and the new one {new[name]:g}; expected the same"
            with pytest.raises(ValueError, match=message):
                optimizers.check_same_ftrl(join(wdl.Ftrl(**old)), join(wdl.Ftrl(**new)))
            optimizers.check_same_ftrl(join(wdl.Ftrl(**new)), join(wdl.Ftrl(**new)))
    start = wdl.Ftrl(**FTRL, initial_accumulator_value=0.5)  # of new rows only, so it may differ
    optimizers.check_same_ftrl(wdl.Ftrl(**FTRL), start)
    optimizers.check_same_ftrl(wdl.Adagrad(0.1), wdl.Adagrad(0.2))


def test_a_warm_start_with_another_rate_of_ftrl_is_refused_and_changes_nothing():
    wide, _, inputs, labels = small_parts()
    old, new = wdl.wide_model(wide), wdl.wide_model(wide)
    wdl.train(old, {"wide_ids": inputs["wide_ids"]}, labels, wdl.Ftrl(0.5), 1)
    with pytest.raises(ValueError, match="has learning_rate 0.5 and the new one 0.05"):
        lifecycle.warm_start(old, new, wdl.Ftrl(0.05))
    assert not new.get_weights()[0].any()


def test_both_optimizers_are_named_so_that_they_cannot_be_swapped():
    with pytest.raises(TypeError):
        wdl.joint_optimizer(wdl.Ftrl(0.1), wdl.Adagrad(0.1))
    ftrl, adagrad = wdl.Ftrl(0.1), wdl.Adagrad(0.1)
    joint = wdl.joint_optimizer(wide=ftrl, deep=adagrad)
    assert optimizers.inner_optimizers(joint) == [ftrl, adagrad]
    assert optimizers.inner_optimizers(keras.optimizers.LossScaleOptimizer(joint)) == [ftrl, adagrad]


def test_an_optimizer_of_keras_is_seen_inside_one_that_scales_the_loss():
    with pytest.warns(UserWarning, match="Keras' own Adam squares"):
        optimizers.warn_of_repeated_ids(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.1)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizers.warn_of_repeated_ids(keras.optimizers.LossScaleOptimizer(wdl.Adam(0.1)))


KERAS_OWN = [
    each
    for each in vars(keras.optimizers).values()
    if isinstance(each, type) and each.__name__ not in ("Optimizer", "MultiOptimizer", "LossScaleOptimizer")
    if issubclass(each, keras.optimizers.Optimizer)
]


@pytest.mark.parametrize("kind", KERAS_OWN, ids=lambda kind: kind.__name__)
def test_a_warning_is_given_for_those_of_keras_that_are_wrong_on_repeated_ids_alone(kind):
    batches = [([1, 1, 3, 1], [[1.0, 1.0], [1.0, 0.5], [0.5, 1.0], [-0.25, 3.0]])] * 3
    results = [run(kind(learning_rate=0.1), np.full((ROWS, 2), 0.5), batches, dense) for dense in (True, False)]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        optimizers.warn_of_repeated_ids(kind(learning_rate=0.1))
    said = [warning for warning in seen if "repeated id" in str(warning.message)]
    assert len(said) == (not np.allclose(*results, rtol=0, atol=1e-5)), f"Keras {keras.version()} has changed it"


# ----------------------------------------------------------------------------------- Keras' private names

PRIVATE = {
    "_get_variable_index": "from a variable to the place of its slots",
    "_accumulators": "FTRL's and AdaGrad's n",
    "_linears": "FTRL's z",
    "_trainable_variables": "what an optimizer was built for",
    "_learning_rate": "the rate, or the schedule itself, where `learning_rate` is its present value",
}


def private_names(path):
    """Names with one underscore that a module reads of something and does not define itself."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)}
    own = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    own |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    public = {"_asdict", "_fields", "_replace"}  # of a NamedTuple
    return {name for name in used - own - public if name.startswith("_") and not name.startswith("__")}


def test_private_names_of_keras_are_known_and_stand_in_one_module():
    room = pathlib.Path(optimizers.__file__)
    root = room.parent.parent
    assert private_names(room) == set(PRIVATE)
    for path in (*root.glob("wide_deep/*.py"), *root.glob("recommender/**/*.py")):
        if path != room:
            assert not private_names(path), path.name


@pytest.mark.parametrize("name", PRIVATE)
def test_keras_still_has_the_private_name(name):
    variable, ftrl, adagrad = keras.Variable([[0.0]], name="table"), wdl.Ftrl(0.1), wdl.Adagrad(SCHEDULE)
    for optimizer in (ftrl, adagrad):
        optimizer.build([variable])
    said = (
        f"keras {keras.version()}: {name} ({PRIVATE[name]}) is not what it was in 3.15.1; see wide_deep/optimizers.py"
    )
    meant = {
        "_get_variable_index": lambda: ftrl._get_variable_index(variable) == 0,
        "_accumulators": lambda: [each._accumulators[0].name for each in (ftrl, adagrad)] == ["table_accumulator"] * 2,
        "_linears": lambda: ftrl._linears[0].name == "table_linear",
        "_trainable_variables": lambda: ftrl._trainable_variables[0] is variable,
        "_learning_rate": lambda: adagrad._learning_rate is SCHEDULE,
    }
    try:
        found = meant[name]()
    except AttributeError as error:
        raise AssertionError(said) from error
    assert found, said


# --------------------------------------------------------------------------------- inside other machinery


@pytest.mark.parametrize("name", REFERENCES)
def test_the_steps_are_the_same_inside_a_tf_function(name):
    settings, table = {"learning_rate": 0.1}, np.full((ROWS, 1), 0.5)
    optimizer, variable = build(wdl, name, settings), keras.Variable(table, dtype="float32")
    optimizer.build([variable])

    @tf.function
    def step(ids, pieces):
        optimizer.apply([tf.IndexedSlices(pieces, ids, [ROWS, 1])], [variable])

    for ids, pieces in REPEATED:
        step(tf.constant(ids), tf.constant(pieces, tf.float32))
    close(variable.numpy(), reference(name, settings, table, REPEATED))


def test_the_joint_optimizer_gives_each_part_its_own_algorithm():
    wide, deep, inputs, labels = small_parts()
    model = wdl.wide_deep_model(wide, deep, 3, (4,), 0.0)
    table = model.get_layer("deep_embeddings")
    table.set_weights([table.get_weights()[0] * 20])
    rates = {"wide_weights/table": NumpyFtrl}
    expected = {}
    for path, weight in weights_of(model).items():
        expected[path] = rates[path](weight, 0.3, l1=0.01) if path in rates else NumpyAdagrad(weight, 0.05)
    optimizer = wdl.joint_optimizer(wide=wdl.Ftrl(0.3, l1_regularization_strength=0.01), deep=wdl.Adagrad(0.05))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    for epoch in range(3):  # all rows in one batch, so that the gradient can be computed beforehand
        with tf.GradientTape() as tape:
            value = loss(labels[:, None], model(inputs, training=True))
        gradients = tape.gradient(value, [variable.value for variable in model.trainable_variables])
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
            dense = tf.convert_to_tensor(gradient).numpy()
            expected[variable.path].step(range(len(dense)), dense)
        wdl.train(model, inputs, labels, optimizer if epoch == 0 else None, epochs=1, batch_size=len(labels))
    for path, weight in weights_of(model).items():
        np.testing.assert_allclose(weight, expected[path].w, rtol=2e-4, atol=2e-5, err_msg=path)


@pytest.mark.parametrize("name", REFERENCES)
def test_training_with_a_save_in_the_middle_follows_the_published_algorithm(name, tmp_path):
    wide, _, inputs, labels = small_parts()
    inputs = {"wide_ids": inputs["wide_ids"]}
    settings = {"learning_rate": 0.2, **({"l1": 0.02, "l2": 0.1, "beta": 1.0} if name == "Ftrl" else {})}
    model = wdl.wide_model(wide)
    table, bias = (REFERENCES[name](np.zeros(shape), **settings) for shape in ((wide["n_ids"], 1), (1,)))
    losses = []
    for _ in range(6):
        known = inputs["wide_ids"] > 0
        logits = (table.w[inputs["wide_ids"], 0] * known).sum(axis=1) + bias.w[0]
        losses.append(np.mean(np.log1p(np.exp(np.where(labels == 1, -logits, logits)))))
        error = (sigmoid(logits) - labels) / len(labels)
        table.step(inputs["wide_ids"][known], np.repeat(error, known.sum(axis=1))[:, None])
        bias.step([0], [error.sum()])
    everything = {"epochs": 3, "batch_size": len(labels)}
    found = wdl.train(model, inputs, labels, build(wdl, name, settings), **everything)["loss"]
    model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert type(model.optimizer) is getattr(wdl, name)
    found += wdl.train(model, inputs, labels, **everything)["loss"]
    np.testing.assert_allclose(found, losses, rtol=1e-5)
    np.testing.assert_allclose(model.get_layer("wide_weights").get_weights()[0], table.w, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(model.get_layer("logit").get_weights()[0], bias.w, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("rate", [1, np.float32(0.5)])
def test_ftrl_takes_any_number_as_its_rate(rate):
    assert float(wdl.Ftrl(rate).learning_rate) == float(rate)


@pytest.mark.parametrize("rate", [0, -1.0, float("inf"), float("nan"), True, "0.1"])
def test_ftrl_refuses_what_is_no_rate(rate):
    with pytest.raises(ValueError, match="expected a number above 0"):
        wdl.Ftrl(rate)
