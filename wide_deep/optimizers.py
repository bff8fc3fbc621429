"""Optimizers whose step is correct on embedding lookups: FTRL, AdaGrad, Adam, and two of them combined.

The project uses private names of Keras only here; tests/test_optimizers.py covers each of them.
"""

import math
import numbers
from collections.abc import Callable
from typing import Any

from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.checks import warn_caller
from wide_deep.models import WIDE_WEIGHTS

import keras
import numpy as np
import tensorflow as tf

__all__ = [
    "Adagrad", "Adam", "Ftrl", "as_optimizer", "build_for", "check_same_ftrl", "ftrl_weights_and_z", "inner_optimizers",
    "joint_optimizer", "optimizer_slots", "restart_schedules", "warn_of_repeated_ids",
]  # fmt: skip

# A batch repeats ids. Keras' own optimizers square the pieces of such a gradient and then add, Σg²;
# the algorithms add first, (Σg)². So each class here adds first. Only rows of the batch are touched, except by Adam.


def _sum_repeated(gradient: tf.Tensor | tf.IndexedSlices) -> tf.Tensor | tf.IndexedSlices:
    """A lookup's gradient with each id once, its pieces added up; any other gradient as it is."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    ids, position = tf.unique(gradient.indices)  # (different ids,), (pieces,)
    sums = tf.math.unsorted_segment_sum(gradient.values, position, tf.size(ids))  # (different ids, dimension)
    return tf.IndexedSlices(sums, ids, gradient.dense_shape)


class _SumFirst:
    """Sums in `update_step`, when the pieces of several workers are together; and before Keras clips, if it does.

    It comes before one of Keras' optimizers in the list of base classes, so that `super()` is that optimizer.
    """

    clipvalue: float | None
    clipnorm: float | None
    global_clipnorm: float | None
    sparse_step: Callable[[tf.IndexedSlices, keras.Variable, tf.Tensor], None]

    def apply(self, grads: list[Any], trainable_variables: list[keras.Variable] | None = None) -> None:
        if self.clipvalue or self.clipnorm or self.global_clipnorm:
            grads = [_sum_repeated(gradient) for gradient in grads]
        super().apply(grads, trainable_variables)  # type: ignore[misc]

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: tf.Tensor) -> None:
        dense_step = super().update_step  # type: ignore[misc]
        step = self.sparse_step if isinstance(gradient, tf.IndexedSlices) else dense_step
        step(_sum_repeated(gradient), variable, tf.cast(learning_rate, variable.dtype))


@keras.saving.register_keras_serializable("wdl")
class Ftrl(_SumFirst, keras.optimizers.Ftrl):
    """FTRL-Proximal with L1, exact on lookups: a step costs what the batch's ids cost, whatever the table's size.

    FTRL does not keep weights but the sums n and z, from which they follow. Each step recomputes the weights that it
    touches with the current rate: half the rate would halve a weight, whatever it has learned. So the rate is a
    constant. It needs no schedule, since √n makes the steps of each weight shorter.

    Args:
        learning_rate: the rate α > 0, no schedule.
        **settings: those of `keras.optimizers.Ftrl`. Where ids are rare, set initial_accumulator_value near 0.

    Raises:
        ValueError: the rate is a schedule or not above 0, or is to change; or a first gradient of 0 would give NaN.

    Source:
        McMahan et al., "Ad Click Prediction: a View from the Trenches", KDD 2013, algorithm 1.

    Taught in: notebook 2, "From SGD to FTRL in three steps".

    Example:
        >>> table = keras.Variable([[0.0], [0.0], [0.0]])
        >>> ftrl = Ftrl(1.0, initial_accumulator_value=1e-9, l1_regularization_strength=1.0)
        >>> ftrl.build([table])
        >>> ftrl.apply([tf.IndexedSlices(tf.constant([[3.0], [1.0]]), tf.constant([2, 2]), tf.constant([3, 1]))])
        >>> table.numpy().tolist()  # n = 4², z = 4, so w = −(4 − 1) / 4
        [[0.0], [0.0], [-0.75]]
    """

    def __init__(self, learning_rate: float = 0.001, **settings: Any):
        is_number = isinstance(learning_rate, numbers.Real) and not isinstance(learning_rate, bool)
        if not is_number or not 0 < learning_rate < math.inf:
            raise ValueError(
                f"The learning rate of Ftrl is {learning_rate!r}; expected a number above 0 that stays the same, and "
                "no schedule: FTRL computes each weight anew from its sums, so another rate would rescale all it "
                "touches."
            )
        super().__init__(float(learning_rate), **settings)
        if not (self.initial_accumulator_value or self.beta or self.l2_regularization_strength):
            raise ValueError(
                "initial_accumulator_value is 0, and so are beta and l2_regularization_strength: a weight whose first "
                "gradient is 0 would be 0 / 0; expected one of them above 0, such as "
                "initial_accumulator_value=1e-6."
            )

    @property
    def learning_rate(self) -> keras.Variable:
        return super().learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        # Here Keras' callbacks write: LearningRateScheduler, ReduceLROnPlateau.
        if not np.isscalar(rate) or np.float32(rate) != np.float32(self.learning_rate):  # type: ignore[arg-type]
            raise ValueError(
                f"The learning rate of Ftrl cannot change from {float(self.learning_rate):.6g} to {rate}: FTRL "
                "computes each weight anew from its sums, so another rate would rescale all it touches."
            )

    def sparse_step(self, gradient: tf.IndexedSlices, variable: keras.Variable, rate: tf.Tensor) -> None:
        i = self._get_variable_index(variable)
        tf.raw_ops.ResourceSparseApplyFtrlV2(
            var=variable.handle, accum=self._accumulators[i].value.handle, linear=self._linears[i].value.handle,
            grad=gradient.values, indices=gradient.indices, lr=rate, lr_power=self.learning_rate_power,
            # The kernel divides by √n / rate + 2 l2, the paper by (β + √n) / rate + 2 l2: so β enters with l2.
            l1=self.l1_regularization_strength, l2=self.l2_regularization_strength + self.beta / (2 * rate),
            l2_shrinkage=self.l2_shrinkage_regularization_strength,
        )  # fmt: skip


@keras.saving.register_keras_serializable("wdl")
class Adagrad(_SumFirst, keras.optimizers.Adagrad):
    """AdaGrad, exact on lookups: a step costs what the batch's ids cost, whatever the table's size.

    Arguments are those of `keras.optimizers.Adagrad`. Where ids are rare, set initial_accumulator_value near 0.

    Source:
        Duchi, Hazan and Singer, "Adaptive Subgradient Methods", JMLR 2011.

    Taught in: notebook 2, "From SGD to FTRL in three steps".

    Example:
        >>> table = keras.Variable([[0.0], [0.0], [0.0]])
        >>> adagrad = Adagrad(0.5, initial_accumulator_value=9.0)
        >>> adagrad.build([table])
        >>> adagrad.apply([tf.IndexedSlices(tf.constant([[3.0], [1.0]]), tf.constant([2, 2]), tf.constant([3, 1]))])
        >>> print(table.numpy().ravel())  # n = 9 + 4², so w = −0.5 · 4 / 5
        [ 0.   0.  -0.4]
    """

    def sparse_step(self, gradient: tf.IndexedSlices, variable: keras.Variable, rate: tf.Tensor) -> None:
        # Keras' own formula, on the batch's rows alone: TensorFlow's kernel puts ε outside the root.
        accumulator = self._accumulators[self._get_variable_index(variable)].value  # as large as the variable
        accumulator.scatter_add(tf.IndexedSlices(gradient.values**2, gradient.indices))
        root = tf.sqrt(tf.gather(accumulator, gradient.indices) + self.epsilon)  # (different ids, dimension)
        variable.scatter_sub(tf.IndexedSlices(rate * gradient.values / root, gradient.indices))


@keras.saving.register_keras_serializable("wdl")
class Adam(_SumFirst, keras.optimizers.Adam):
    """Adam, exact on lookups. Its momentum moves every row in every step, so a step costs the whole table.

    Arguments are those of `keras.optimizers.Adam`.

    Source:
        Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.

    Taught in: notebook 3, "Three apps in the plane".

    Example:
        >>> table = keras.Variable([[0.0], [0.0], [0.0]])
        >>> adam = Adam(0.25)
        >>> adam.build([table])
        >>> adam.apply([tf.IndexedSlices(tf.constant([[3.0], [1.0]]), tf.constant([2, 2]), tf.constant([3, 1]))])
        >>> print(table.numpy().ravel().round(4))  # the first step is the learning rate, whatever the gradient
        [ 0.    0.   -0.25]
    """

    def sparse_step(self, gradient: tf.IndexedSlices, variable: keras.Variable, rate: tf.Tensor) -> None:
        self.update_step(tf.convert_to_tensor(gradient), variable, rate)


def as_optimizer(argument: str, value: keras.optimizers.Optimizer | str) -> keras.optimizers.Optimizer:
    """An optimizer, given as an object or by its name in Keras.

    Args:
        argument: the argument's name.
        value: its value.

    Returns:
        The optimizer; for a name, Keras' own with its default settings.

    Raises:
        TypeError: it is something else.
        ValueError: Keras has no optimizer of that name.

    Example:
        >>> type(as_optimizer("optimizer", "sgd")).__name__
        'SGD'
        >>> as_optimizer("wide", 0.1)
        Traceback (most recent call last):
        TypeError: wide is 0.1; expected a Keras optimizer, or the name of one.
    """
    if not isinstance(value, (keras.optimizers.Optimizer, str)):
        raise TypeError(f"{argument} is {value!r}; expected a Keras optimizer, or the name of one.")
    try:
        return keras.optimizers.get(value)
    except ValueError:
        raise ValueError(f"{argument} is {value!r}, and Keras has no optimizer of that name.") from None


def joint_optimizer(
    *, wide: keras.optimizers.Optimizer | str, deep: keras.optimizers.Optimizer | str
) -> keras.optimizers.Optimizer:
    """One optimizer for the wide weights, another for everything else.

    Args:
        wide: Keras optimizer of the wide weights, or its name; the paper takes FTRL with L1. The rate of an `Ftrl` is a
            number: a schedule would rescale its weights at each step.
        deep: that of all other weights; the paper takes AdaGrad. Its rate may follow a schedule.

    Returns:
        A Keras optimizer for `train`, or for `compile`, of a `wide_deep_model`.

    Raises:
        TypeError: one of them is not an optimizer.
        ValueError: both are the same object, or Keras has no optimizer of that name.

    Source:
        Section 3.3 of the paper.

    Taught in: notebook 4, "The grid, for the last time".

    Example:
        >>> optimizer = joint_optimizer(wide=Ftrl(0.02, l1_regularization_strength=0.003), deep=Adagrad(0.01))
        >>> [type(part).__name__ for part in optimizer.optimizers]
        ['Ftrl', 'Adagrad']
    """
    if wide is deep and not isinstance(wide, str):  # a name makes two
        raise ValueError(
            "wide and deep are the same optimizer; expected two, since each keeps slots of its own weights."
        )
    of_wide = {f"{WIDE_WEIGHTS}/.*": as_optimizer("wide", wide)}
    return keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(as_optimizer("deep", deep), of_wide))


# ------------------------------------------------------------------------ what an optimizer remembers


def inner_optimizers(optimizer: keras.optimizers.Optimizer) -> list[keras.optimizers.Optimizer]:
    """The two optimizers of a `joint_optimizer`, wide first; of another `optimizer` a list of it alone.

    Of Keras' `LossScaleOptimizer` it is the optimizer inside that counts.

    Example:
        >>> [part.name for part in inner_optimizers(joint_optimizer(wide=Ftrl(name="w"), deep=Adam(name="d")))]
        ['w', 'd']
        >>> [part.name for part in inner_optimizers(Ftrl(name="f"))]
        ['f']
    """
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return inner_optimizers(optimizer.inner_optimizer)
    if isinstance(optimizer, keras.optimizers.MultiOptimizer):
        return [inner for part in optimizer.optimizers for inner in inner_optimizers(part)]
    return [optimizer]


def warn_of_repeated_ids(optimizer: keras.optimizers.Optimizer) -> None:
    """Warn if the `optimizer`, or one in it, is one of Keras' own whose step is wrong where a batch repeats ids.

    SGD, Lion and Muon are correct: they do not square the gradient, or make it dense first.
    """
    right = (_SumFirst, keras.optimizers.SGD, keras.optimizers.Lion, keras.optimizers.Muon)
    for part in inner_optimizers(optimizer):
        if type(part).__module__.startswith("keras.") and not isinstance(part, right):
            name = type(part).__name__
            ours = name if name in ("Adagrad", "Adam", "Ftrl") else "Adagrad, Adam or Ftrl"
            warn_caller(
                f"Keras' own {name} squares the pieces of a repeated id's gradient one by one, and then adds them, so "
                f"its steps on lookups are not {name}'s. Take wdl_helpers' {ours}."
            )


def build_for(optimizer: keras.optimizers.Optimizer, model: keras.Model) -> None:
    """Make the slots of an `optimizer` for what a `model` trains; it must not have any of other weights.

    Raises:
        ValueError: it has trained another model, or a layer has been frozen or unfrozen since.

    Example:
        >>> models = [keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)], name=name) for name in "ab"]
        >>> adam = Adam(0.1, name="adam")
        >>> build_for(adam, models[0])
        >>> build_for(adam, models[1])
        Traceback (most recent call last):
        ValueError: The optimizer 'adam' keeps slots of other weights than those that 'b' trains now: it has trained \
another model, or a layer was frozen or unfrozen since. Give a new optimizer.
    """
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    has_slots = {id(variable) for part in inner_optimizers(optimizer) for variable in part._trainable_variables}
    if has_slots != {id(variable) for variable in model.trainable_variables}:
        raise ValueError(
            f"The optimizer '{optimizer.name}' keeps slots of other weights than those that '{model.name}' trains now: "
            "it has trained another model, or a layer was frozen or unfrozen since. Give a new optimizer."
        )


def optimizer_slots(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """What a built `optimizer` remembers: its counts of steps and its slots, as Keras variables, but not its rate.

    Example:
        >>> optimizer = Ftrl(0.1)
        >>> optimizer.build([keras.Variable([[0.0], [0.0]], name="table")])
        >>> [variable.path.split("/")[-1] for variable in optimizer_slots(optimizer)]
        ['iteration', 'table_accumulator', 'table_linear']
    """
    return [variable for variable in optimizer.variables if not variable.path.endswith("learning_rate")]


def restart_schedules(optimizer: keras.optimizers.Optimizer) -> None:
    """Set the count of steps to 0 where the rate of an `optimizer`, or of one in it, follows a schedule.

    Example:
        >>> schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
        >>> optimizer = joint_optimizer(wide=Ftrl(0.1), deep=Adam(schedule))
        >>> for part in inner_optimizers(optimizer):
        ...     _ = part.iterations.assign(7)
        >>> restart_schedules(optimizer)
        >>> [int(part.iterations) for part in inner_optimizers(optimizer)]
        [7, 0]
    """
    for part in inner_optimizers(optimizer):
        if isinstance(part._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
            part.iterations.assign(0)


def ftrl_weights_and_z(ftrl: keras.optimizers.Ftrl) -> list[tuple[keras.Variable, keras.Variable]]:
    """The weights that a built `ftrl` trains, each with its slot z, the "linear" one: pairs of Keras variables.

    Example:
        >>> ftrl = Ftrl(0.1)
        >>> ftrl.build([keras.Variable([[0.0], [0.0]], name="table")])
        >>> [(weights.name, z.name) for weights, z in ftrl_weights_and_z(ftrl)]
        [('table', 'table_linear')]
    """
    return list(zip(ftrl._trainable_variables, ftrl._linears, strict=True))


def check_same_ftrl(old: keras.optimizers.Optimizer, new: keras.optimizers.Optimizer) -> None:
    """Raise a ValueError if an FTRL in `new` would make other weights of z and n than the one in `old` has made.

    Example:
        >>> check_same_ftrl(Ftrl(0.5, name="old"), Ftrl(0.05, name="new"))
        Traceback (most recent call last):
        ValueError: The old Ftrl has learning_rate 0.5 and the new one 0.05; expected the same: FTRL computes each \
weight anew from its sums, so it would rescale all it touches.
    """
    settings = ("learning_rate", "learning_rate_power", "beta", "l1_regularization_strength")
    for before, after in zip(inner_optimizers(old), inner_optimizers(new), strict=False):
        if not isinstance(before, keras.optimizers.Ftrl) or not isinstance(after, keras.optimizers.Ftrl):
            continue
        for name in (*settings, "l2_regularization_strength"):
            values = [float(getattr(ftrl, name)) for ftrl in (before, after)]
            if values[0] != values[1]:
                raise ValueError(
                    f"The old Ftrl has {name} {values[0]:.6g} and the new one {values[1]:.6g}; expected the same: FTRL "
                    "computes each weight anew from its sums, so it would rescale all it touches."
                )
