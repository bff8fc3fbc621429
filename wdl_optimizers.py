"""Optimizers whose step is right on embedding lookups: FTRL, AdaGrad, Adam, and two of them together.

All that the project takes from Keras under private names stands here, and tests/test_optimizers.py names each of them.
"""

import wdl_reproducible  # noqa: F401, it sets how TensorFlow computes

import keras
import tensorflow as tf

# A batch repeats ids. Keras' own optimizers square the pieces of such a gradient and then add, Σg²;
# the algorithms add first, (Σg)². So each class here adds first. Only rows of the batch are touched.


def _sum_repeated(gradient: tf.Tensor | tf.IndexedSlices) -> tf.Tensor | tf.IndexedSlices:
    """A lookup's gradient with each id once, its pieces added up; any other gradient as it is."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    ids, position = tf.unique(gradient.indices)  # (different ids,), (pieces,)
    sums = tf.math.unsorted_segment_sum(gradient.values, position, tf.size(ids))  # (different ids, dimension)
    return tf.IndexedSlices(sums, ids, gradient.dense_shape)


class _SumFirst:
    """Sums in `update_step`, where several workers' pieces have met; and before Keras clips, if it is to."""

    def apply(self, grads, trainable_variables=None):
        if self.clipvalue or self.clipnorm or self.global_clipnorm:
            grads = [_sum_repeated(gradient) for gradient in grads]
        super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        step = self.sparse_step if isinstance(gradient, tf.IndexedSlices) else super().update_step
        step(_sum_repeated(gradient), variable, tf.cast(learning_rate, variable.dtype))


@keras.saving.register_keras_serializable("wdl")
class Ftrl(_SumFirst, keras.optimizers.Ftrl):
    """FTRL-Proximal with L1, exact on lookups: a step costs what the batch's ids cost, whatever the table's size.

    Arguments are those of `keras.optimizers.Ftrl`. Where ids are rare, set initial_accumulator_value near 0.
    Source:
        McMahan et al., "Ad Click Prediction: a View from the Trenches", KDD 2013, algorithm 1.
    """

    def sparse_step(self, gradient, variable, rate):
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
    """

    def sparse_step(self, gradient, variable, rate):
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
    """

    def sparse_step(self, gradient, variable, rate):
        self.update_step(tf.convert_to_tensor(gradient), variable, rate)


def joint_optimizer(
    *, wide: keras.optimizers.Optimizer, deep: keras.optimizers.Optimizer
) -> keras.optimizers.Optimizer:
    """One optimizer for the wide weights, another for everything else.

    Args:
        wide: Keras optimizer of the wide weights; the paper takes FTRL with L1.
        deep: Keras optimizer of all other weights; the paper takes AdaGrad.

    Returns:
        A Keras optimizer for `train`, or for `compile`, of a `wide_deep_model`.

    Source:
        Section 3.3 of the paper.
    """
    return keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(deep, {"wide_weights/.*": wide}))


# ------------------------------------------------------------------------ what an optimizer remembers


def inner_optimizers(optimizer: keras.optimizers.Optimizer) -> list[keras.optimizers.Optimizer]:
    """The two optimizers of a `joint_optimizer`, wide first; of another `optimizer` a list of it alone.

    Example:
        >>> [part.name for part in inner_optimizers(joint_optimizer(wide=Ftrl(name="w"), deep=Adam(name="d")))]
        ['w', 'd']
        >>> [part.name for part in inner_optimizers(Ftrl(name="f"))]
        ['f']
    """
    return list(getattr(optimizer, "optimizers", [optimizer]))


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
