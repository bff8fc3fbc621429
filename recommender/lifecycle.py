"""The life of a model: saved, loaded, grown by a new day, started warm, and let through the gate or not.

Read it from top to bottom: the functions stand in the order of a model's life.

    save_training, load_training     the model and its features, to train on
    grow, warm_start, seed_ftrl      day 2: more data, more values, the weights of yesterday
    dry_run                          what a candidate must pass before it goes live
"""

import itertools
import json
import pathlib

import wdl_helpers as wdl
import wdl_optimizers
from recommender.serving import scorer

import keras
import numpy as np

# ------------------------------------------------------------------------------------- for training


def save_training(model, wide, deep, folder):
    """Keep what training can go on from: `model.keras` with its optimizer, and `features.json`.

    Args:
        model: Keras model. wide, deep: what `fit_wide` and `fit_deep` returned, or None for a part that is not there.
        folder: path; it is made if need be.
    Raises:
        TypeError: a column's name is not a string.
    """
    parts = {"wide": wide, "deep": deep}
    for column in wdl.used_columns(wide, deep):
        if not isinstance(column, str):
            raise TypeError(f"The column {column!r} is named by a {type(column).__name__}; expected a string.")
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / "model.keras")
    text = json.dumps(parts, default=lambda array: array.tolist(), ensure_ascii=False)
    (folder / "features.json").write_text(text, encoding="utf-8")


def load_training(folder):
    """Load what `save_training` kept in a `folder`; Keras' safe mode is on, so no code comes out of the file.

    Returns:
        model, wide, deep.
    Raises:
        FileNotFoundError: a file is missing.
    """
    folder = pathlib.Path(folder)
    for name in ("model.keras", "features.json"):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} has no file {name}: make it with save_training.")
    parts = json.loads((folder / "features.json").read_text(encoding="utf-8"))
    for part in filter(None, parts.values()):
        part["boundaries"] = {column: np.array(edges) for column, edges in part["boundaries"].items()}
    if parts["wide"]:
        parts["wide"]["features"] = [tuple(feature) for feature in parts["wide"]["features"]]
    return keras.saving.load_model(folder / "model.keras", safe_mode=True), parts["wide"], parts["deep"]


# ----------------------------------------------------------------------------------------- warm start


def grow(fitted, frame, min_count):
    """Let a part's vocabulary grow by the values of a new day: old values keep their ids, new ones follow at the end.

    Args:
        fitted: what `fit_wide` or `fit_deep` returned. frame: the new day's frame.
        min_count: int ≥ 1, rows of `frame` that must hold a new value for it to get an id. It has no default, since
            `fitted` does not say with which one it was made. Rows of earlier days do not count.
    Returns:
        dict like `fitted`, which stays as it is. Boundaries do not move, since that would change what old weights
        mean. Hashed features have nothing to grow. It never shrinks: fit anew, and train from scratch, now and then.
    Raises:
        KeyError: a column is missing. ValueError, TypeError: a cell or the count is not usable.
    """
    wdl.check_whole("min_count", min_count, 1)
    if not fitted["vocabulary"]:  # hashed, or a deep part of numbers only
        return dict(fitted)
    features = fitted.get("features") or [(column,) for column in fitted["categories"]]
    wdl.check_frame(frame, itertools.chain(*features))
    counts = wdl.feature_counts(
        wdl.feature_codes(frame, features, fitted["boundaries"] if "features" in fitted else {})
    )
    new = wdl.vocabulary_of_counts(counts[~counts.index.isin(list(fitted["vocabulary"]))], min_count)
    names = fitted["vocabulary"] | {value: fitted["n_ids"] - 1 + i for value, i in new.items()}
    return {**fitted, "vocabulary": names, "n_ids": len(names) + 1}


def warm_start(old, new, optimizer):
    """Start a new day's model with yesterday's weights and with what yesterday's optimizer remembers of each.

    Args:
        old: trained Keras model. new: the same model built for the features that `grow` returned; it is changed. A
            vocabulary fitted anew would give weights to other values, which cannot be seen here: `dry_run` sees it.
        optimizer: new optimizer of the same kind, for training `new`; it is built and changed. Its learning rate
            stays its own, and a rate that follows a schedule starts anew: with the count of yesterday's steps it
            would begin past its end. (Adam corrects its first steps by this count, so it takes smaller ones then.)
    Raises:
        ValueError: the models or the optimizers differ in more than the length of tables, or `old` has no optimizer,
            or an FTRL has another rate or penalty than yesterday's: it would rescale each weight that it touches.
    Source:
        Section 4.2 of the paper.
    """
    if getattr(old, "optimizer", None) is None:
        raise ValueError(f"The model '{old.name}' has no optimizer: train it first, or use seed_ftrl.")
    wdl_optimizers.check_same_ftrl(old.optimizer, optimizer)
    _copy_rows(old.variables, new.variables)
    optimizer.build(new.trainable_variables)
    _copy_rows(wdl_optimizers.optimizer_slots(old.optimizer), wdl_optimizers.optimizer_slots(optimizer))
    wdl_optimizers.restart_schedules(optimizer)


def _copy_rows(old, new):
    """Copy variables; where a new one has more rows, the rest of it stays as it is."""
    kinds = [[variable.path.split("/")[-1] for variable in variables] for variables in (old, new)]
    if kinds[0] != kinds[1]:
        raise ValueError(f"The old variables are {kinds[0]} and the new ones {kinds[1]}; expected the same.")
    for before, after in zip(old, new, strict=True):
        if before.shape == after.shape:
            after.assign(before.numpy())
            continue
        only_rows = before.shape[1:] == after.shape[1:] and before.shape[0] <= after.shape[0]
        if not only_rows or "table" not in after.path:  # more rows of a layer's kernel are other inputs, not new ids
            raise ValueError(
                f"{after.path} has the shape {after.shape} and had {before.shape}; only rows of tables may be added."
            )
        after.assign(np.concatenate([before.numpy(), after.numpy()[before.shape[0] :]]))


def seed_ftrl(optimizer, model):
    """Make a new FTRL keep the weights that it finds, when those that trained them left nothing but the weights.

    FTRL computes each weight anew from its slot z, and a new z says that the weight is 0. Here z becomes the one from
    which the present weight follows: z = −w (√n₀/α + 2 λ₂ + β/α) − λ₁ sign(w).

    Args:
        optimizer: new `Ftrl`, or `joint_optimizer` with one; it is built and changed.
        model: Keras model whose weights are to be kept.
    Raises:
        ValueError: there is no FTRL in it.
    Source:
        McMahan et al., 2013, algorithm 1, solved for z.
    """
    parts = wdl_optimizers.inner_optimizers(optimizer)
    inner = [part for part in parts if isinstance(part, keras.optimizers.Ftrl)]
    if not inner:
        raise ValueError(f"There is no Ftrl in the optimizer '{optimizer.name}'.")
    optimizer.build(model.trainable_variables)
    for ftrl in inner:
        rate, l2 = float(ftrl.learning_rate), ftrl.l2_regularization_strength
        slope = (ftrl.initial_accumulator_value**-ftrl.learning_rate_power + ftrl.beta) / rate + 2 * l2
        for variable, z in wdl_optimizers.ftrl_weights_and_z(ftrl):
            w = variable.numpy()
            z.assign(-w * slope - ftrl.l1_regularization_strength * np.sign(w))


# -------------------------------------------------------------------------------------------- the gate


def dry_run(serving, candidate, sample, labels, max_change, max_rise):
    """Load a candidate, score a fixed sample with it, and compare it with the model that serves.

    Args:
        serving, candidate: paths of two exports. sample: data frame of raw rows. labels: 0 or 1 a row.
        max_change: float, how far the probabilities may move, in the mean of absolute differences.
        max_rise: float, by how much the log loss may be worse, in nats.
    Returns:
        dict with 'change', 'rise' and 'reasons', a list of str: why the candidate must not go live. If the list is
        empty, it may. Where the candidate gives no usable scores, 'change' and 'rise' are NaN.
    Raises:
        Only for the serving model, the sample and the labels, as `scorer` and `wdl_helpers.scores` do.
    Source:
        Section 4.2 of the paper, which has a dry run, and a comparison of quality; sample and bounds are ours.
    """
    before = scorer(serving)(sample)
    loss = wdl.scores(labels, before)["log loss"]
    report = {"change": np.nan, "rise": np.nan, "reasons": []}
    try:
        after = scorer(candidate)(sample)
    except Exception as error:  # whatever it is, a candidate that cannot score must not take the server down
        return {**report, "reasons": [f"it cannot be loaded and score: {type(error).__name__}: {error}"]}
    if after.shape != before.shape:
        return {**report, "reasons": [f"it gives scores of the shape {after.shape}; expected {before.shape}"]}
    unusable = np.sum(~((after >= 0) & (after <= 1)))
    if unusable:
        return {**report, "reasons": [f"{unusable} of {len(after)} scores are no numbers between 0 and 1"]}
    report["change"] = np.abs(after - before).mean()
    report["rise"] = wdl.scores(labels, after)["log loss"] - loss
    if report["change"] > max_change:
        report["reasons"].append(f"its scores moved by {report['change']:.2f}, more than {max_change}")
    if report["rise"] > max_rise:
        report["reasons"].append(f"its log loss rose by {report['rise']:.4f}, more than {max_rise}")
    return report
