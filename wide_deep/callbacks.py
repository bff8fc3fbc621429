"""What `train` does with Keras' callbacks: which of them must see each step, early stopping, learning rates.

callback_list ─► those of the user, with the model that each of them sees
BestEpoch        stops early, and goes back to the best epoch
"""

from collections.abc import Sequence
from typing import Any

from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.optimizers import inner_optimizers

import keras
import numpy as np
from keras import ops

__all__ = ["BestEpoch", "callback_list", "need_each_step"]

OF_STEPS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
SET_RATES = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)


class BestEpoch(keras.callbacks.Callback):
    """Stop after some epochs without a lower validation loss, and go back to the epoch where it was lowest.

    Unlike `keras.callbacks.EarlyStopping` it takes the optimizer back, too. That matters: FTRL computes each weight
    from its sums, so if training went on, weights that alone were taken back would jump.

    Args:
        patience: epochs to wait, at least 1.
    """

    def __init__(self, patience: int):
        super().__init__()
        self.patience = patience
        self.lowest = np.inf
        self.best = -1  # epoch, from 0
        self.kept: list[np.ndarray] = []

    def _variables(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.model.optimizer.variables]

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        loss = (logs or {})["val_loss"]
        if loss < self.lowest:
            self.lowest = loss
            self.best = epoch
            self.kept = [variable.numpy() for variable in self._variables()]
        elif epoch - self.best >= self.patience:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self.best < 0:  # no epoch had a loss that is a number, since a callback stopped at a NaN
            return
        for variable, value in zip(self._variables(), self.kept, strict=True):
            variable.assign(value)


class _Rates:
    """One learning rate in place of several: what a callback that sets rates sees as the optimizer.

    It is the rate of the last optimizer that is no FTRL, in a joint model the deep part's. The rates of others change
    by the same factor, so that each keeps its own. FTRL's stays: another rate would rescale all that it has learned.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer):
        self.parts = [part for part in inner_optimizers(optimizer) if not isinstance(part, keras.optimizers.Ftrl)]
        self.name = optimizer.name
        if not self.parts:
            raise ValueError(
                "A callback is to set the learning rate, and the only optimizer is FTRL, whose rate cannot change: "
                "another one would rescale all weights that it has learned. Expected another optimizer, or none of "
                "LearningRateScheduler and ReduceLROnPlateau."
            )
        self.start = [float(ops.convert_to_numpy(part.learning_rate)) for part in self.parts]
        if self.start[-1] == 0:
            raise ValueError("A callback is to set the learning rate, and it is 0 now; expected a rate to start from.")

    @property
    def learning_rate(self) -> float:
        return float(ops.convert_to_numpy(self.parts[-1].learning_rate))

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        for part, start in zip(self.parts, self.start, strict=True):
            part.learning_rate = start * (float(rate) / self.start[-1])


class _ModelWithRates:
    """A model, but its optimizer is `_Rates`. What a callback writes, such as stop_training, goes to the model."""

    def __init__(self, model: keras.Model):
        vars(self).update(wrapped=model, optimizer=_Rates(model.optimizer))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.wrapped, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.wrapped, name, value)


def callback_list(
    callbacks: Sequence[keras.callbacks.Callback],
    model: keras.Model,
    epochs: int,
    n_steps: int,
    patience: int | None = None,
) -> keras.callbacks.CallbackList:
    """The callbacks as one, and each knows its model.

    Args:
        callbacks: of Keras, or of one's own.
        model: compiled.
        epochs: that are asked for.
        n_steps: of an epoch.
        patience: of a `BestEpoch` after the others; without one if None.

    Returns:
        Keras' list of them. LearningRateScheduler and ReduceLROnPlateau see one rate, that of the deep part; the rates
        of other optimizers change by the same factor, and FTRL's does not.

    Raises:
        TypeError: they are no sequence of callbacks.
        ValueError: one of them is BackupAndRestore, or is to change the rate of FTRL alone, or a rate of 0.

    Example:
        >>> import wdl_helpers as wdl
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile(wdl.Adam(0.01), "mse")
        >>> halving = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.5 * rate)
        >>> callback_list([halving], model, epochs=1, n_steps=1).on_epoch_begin(0)
        >>> round(float(model.optimizer.learning_rate), 4)
        0.005
    """
    if not isinstance(callbacks, (list, tuple)):
        raise TypeError(f"callbacks is a {type(callbacks).__name__}; expected a list of Keras callbacks.")
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(f"callbacks holds a {type(callback).__name__}; expected Keras callbacks.")
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            raise ValueError("callbacks holds a BackupAndRestore, which needs `fit`; save with ModelCheckpoint.")
    stoppers = [] if patience is None else [BestEpoch(patience)]
    together = keras.callbacks.CallbackList(
        [*callbacks, *stoppers], model=model, epochs=epochs, steps=n_steps, verbose=0
    )
    for callback in callbacks:
        if isinstance(callback, SET_RATES):
            callback.set_model(_ModelWithRates(model))
    return together


def need_each_step(callbacks: Sequence[keras.callbacks.Callback]) -> bool:
    """Whether one of the `callbacks` does something before or after each step, and not only each epoch.

    Example:
        >>> need_each_step([keras.callbacks.EarlyStopping()]), need_each_step([keras.callbacks.TerminateOnNaN()])
        (False, True)
    """
    return any(
        getattr(getattr(callback, name), "__func__", None) is not getattr(keras.callbacks.Callback, name)
        for callback in callbacks
        for name in OF_STEPS
    )
