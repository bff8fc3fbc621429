"""The life of a model: saved, loaded, grown by a new day's data, warm-started, and let through the gate or not.

Read it from top to bottom, in the order of a model's life.

    save_training, load_training     the model and its features, to train on
    grow, expire                     a new day: values that are new get an id, values that are gone lose theirs
    warm_start, seed_ftrl            the weights of yesterday, and what the optimizer remembers of each
    dry_run                          what a candidate must pass before it goes live
"""

import hashlib
import json
import os
import pathlib
import pickle
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, TypeVar

from recommender.folders import check_replaceable, replace_folder
from recommender.raw_columns import Columns
from recommender.serving import check_fits, scorer
from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.checks import check_fitted, check_whole, warn_caller
from wide_deep.columns import AND, escaped, feature_codes, feature_counts, feature_prefix
from wide_deep.evaluation import scores
from wide_deep.features import DeepFeatures, WideFeatures, features_and_buckets
from wide_deep.models import TABLE
from wide_deep.optimizers import (
    build_for,
    check_same_ftrl,
    ftrl_weights_and_z,
    inner_optimizers,
    optimizer_slots,
    restart_schedules,
)
from wide_deep.plain import from_plain, to_plain
from wide_deep.tables import PathLike
from wide_deep.vocabularies import vocabulary_of_counts

import keras
import numpy as np
import pandas as pd

__all__ = ["Report", "dry_run", "expire", "grow", "load_training", "save_training", "seed_ftrl", "warm_start"]

Part = TypeVar("Part", WideFeatures, DeepFeatures)

# ------------------------------------------------------------------------------------- for training

SAVED = {"features.json", "model.keras"}


def save_training(model: keras.Model, wide: WideFeatures | None, deep: DeepFeatures | None, folder: PathLike) -> None:
    """Save what training needs to go on: `model.keras` with its optimizer, and `features.json`.

    Both are written to a new folder, which then replaces the old one, so that there is never half of them.

    Args:
        model: Keras model.
        wide: what `fit_wide` returned, or None for a part that is not there.
        deep: what `fit_deep` returned, or None.
        folder: path, or a link to it; it is made if need be.

    Raises:
        ValueError: the model does not belong to the features.
        FileExistsError: the folder holds something else than these two files.

    Taught in: notebook 10, "Monday: one artefact".

    Example:
        >>> import wdl_helpers as wdl
        >>> wide = wdl.fit_wide(pd.DataFrame({"city": ["Rome", "Oslo"]}), ["city"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_training(wdl.wide_model(wide), wide, None, f"{folder}/monday")
        ...     model, again, deep = load_training(f"{folder}/monday")
        >>> model.name, again == wide, deep
        ('wide', True, None)
    """
    folder = check_replaceable(folder, SAVED)
    check_fits(model, wide, deep)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as beside:
        new = pathlib.Path(beside, "new")
        new.mkdir()
        model.save(new / "model.keras")
        parts = {"wide": wide and to_plain(wide), "deep": deep and to_plain(deep)}
        model_digest = _digest((new / "model.keras").read_bytes())
        content = {"format": 2, "model": model_digest, "features": _features_digest(parts), **parts}
        text = json.dumps(content, ensure_ascii=False)
        (new / "features.json").write_text(text, encoding="utf-8", errors="surrogatepass")
        replace_folder(folder, new)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _features_digest(parts: Mapping[str, Any]) -> str:
    """The digest of both parts as plain data, in which the order of all entries counts."""
    return _digest(json.dumps([parts["wide"], parts["deep"]]).encode())


def load_training(folder: PathLike) -> tuple[keras.Model, WideFeatures | None, DeepFeatures | None]:
    """Load what `save_training` saved, in Keras' safe mode, so that no code is run from the file.

    Earlier versions wrote the names of features in another form, which is read too: see `wide_deep.columns.escaped`.
    Folders of version 1.0 hold no digest of the features, and still earlier ones none of the model: there nothing shows
    whether the vocabulary was edited, or the model replaced by one of the same sizes.

    Args:
        folder: path that `save_training` wrote.

    Returns:
        model, wide, deep.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged, or the two files do not belong together.

    Taught in: notebook 10, "Monday: one artefact".

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     try:
        ...         load_training(folder)
        ...     except FileNotFoundError as error:
        ...         print(str(error).replace(folder, "FOLDER"))
        FOLDER has no file features.json: make it with save_training.
    """
    folder = pathlib.Path(folder)
    for name in sorted(SAVED):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} has no file {name}: make it with save_training.")
    saved = _read_features(folder / "features.json")
    if saved["format"] == 2 and saved["model"] != _digest((folder / "model.keras").read_bytes()):
        raise ValueError(f"{folder / 'model.keras'} is not the file that was saved with {folder / 'features.json'}.")
    wide, deep = saved["wide"], saved["deep"]
    model = keras.saving.load_model(folder / "model.keras", safe_mode=True)
    check_fits(model, wide, deep)
    return model, wide, deep


def _read_features(path: pathlib.Path) -> dict[str, Any]:
    """The parts of a features.json as `fit_wide` and `fit_deep` return them, with the file's format."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
        saved = {"format": 1, **saved}
        if saved["format"] in (1, 2):
            saved |= _parts_of(saved)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged, or was not written by save_training: {error}") from error
    if saved["format"] not in (1, 2):
        raise ValueError(f"{path} has the format {saved['format']!r}; this version reads 1 and 2.")
    if saved["format"] == 1:
        for name in ("wide", "deep"):
            if saved[name] is not None:
                _modernise(saved[name], path)
    return saved


def _parts_of(saved: Mapping[str, Any]) -> dict[str, WideFeatures | DeepFeatures | None]:
    """The parts in what a features.json holds; a ValueError or TypeError if a key is missing or was changed."""
    missing = [key for key in ("wide", "deep", *(["model"] if saved["format"] == 2 else [])) if key not in saved]
    if missing:
        raise ValueError(f"it has no {missing[0]!r}.")
    # Earlier versions did not write which part it is.
    plain = {name: saved[name] and {"kind": name, **saved[name]} for name in ("wide", "deep")}
    if "features" in saved and saved["features"] != _features_digest(plain):
        raise ValueError("its features are not those that were saved.")
    return {name: None if part is None else from_plain({**part, "kind": name}) for name, part in plain.items()}


def _modernise(part: WideFeatures | DeepFeatures, path: pathlib.Path) -> None:
    """Write the names of a part's features as is done now; in format 1 a value ' &y' stood as it is."""
    if part["vocabulary"] is None:
        warn_caller(
            f"{path} has hashed features of an earlier version: values with ' &' have other buckets now than in the "
            "training that was saved."
        )
        return
    patterns = {}
    for feature in features_and_buckets(part)[0]:
        # The shortest values that fit: a value held no ' & '.
        pattern = re.escape(AND).join(f"{re.escape(column)}=(.*?)" for column in feature)
        patterns[feature] = re.compile(pattern, re.DOTALL)
    part["vocabulary"] = {_modern_name(name, patterns, path): i for name, i in part["vocabulary"].items()}


def _modern_name(name: str, patterns: dict[tuple[str, ...], re.Pattern[str]], path: pathlib.Path) -> str:
    for feature, pattern in patterns.items():
        values = pattern.fullmatch(name)
        if values is not None and not any(AND in value for value in values.groups()):
            pairs = zip(feature, values.groups(), strict=True)
            return AND.join(feature_prefix(column) + escaped(value) for column, value in pairs)
    raise ValueError(f"{path} has the name {name!r} in a vocabulary, which belongs to none of its features.")


# ----------------------------------------------------------------------------------------- warm start


def _counts(fitted: WideFeatures | DeepFeatures, frame: pd.DataFrame) -> pd.Series:
    """How many rows of a frame hold each feature of a part."""
    features, boundaries = features_and_buckets(fitted)
    coded = feature_codes(frame, features, boundaries, fitted.get("longest"), fitted.get("missing", "error"))
    return feature_counts(coded)


def grow(fitted: Part, frame: pd.DataFrame, min_count: int) -> Part:
    """Add the values of a new day to a part's vocabulary: old values keep their ids, new ones are appended.

    Args:
        fitted: what `fit_wide` or `fit_deep` returned.
        frame: the new day's frame.
        min_count: int ≥ 1, rows of `frame` that must hold a new value for it to get an id. It has no default, since
            `fitted` does not say with which one it was made. Rows of earlier days do not count.

    Returns:
        dict like `fitted`, which stays as it is. Boundaries do not move, since that would change what old weights
        mean. Hashed features have nothing to grow. It never shrinks by itself: see `expire`.

    Raises:
        KeyError: a column is missing.
        ValueError: `fitted` is not from `fit_wide` or `fit_deep`, a value is missing, or the count is below 1.
        TypeError: a cell has a type that has no text.

    Taught in: notebook 10, "Tuesday night: a warm start".

    Example:
        >>> import wdl_helpers as wdl
        >>> wide = wdl.fit_wide(pd.DataFrame({"city": ["Rome", "Oslo"]}), ["city"])
        >>> grow(wide, pd.DataFrame({"city": ["Bern", "Rome"]}), min_count=1)["vocabulary"]
        {'city=Oslo': 1, 'city=Rome': 2, 'city=Bern': 3}
    """
    check_whole("min_count", min_count, 1)
    check_fitted(fitted, "wide", "deep")
    old = fitted["vocabulary"]
    if old is None:  # hashed
        return fitted.copy()
    counts = _counts(fitted, frame)
    new = vocabulary_of_counts(counts[~counts.index.isin(list(old))], min_count)
    names = old | {name: fitted["n_ids"] - 1 + i for name, i in new.items()}
    grown = fitted.copy()
    grown["vocabulary"] = names
    grown["n_ids"] = len(names) + 1
    return grown


def expire(fitted: Part, recent: pd.DataFrame, min_count: int = 1) -> tuple[Part, np.ndarray]:
    """Take the values out of a part's vocabulary that recent days do not hold any more.

    Args:
        fitted: what `fit_wide`, `fit_deep` or `grow` returned.
        recent: the rows of some recent days, all that a value has to prove that it is still needed.
        min_count: int ≥ 1, rows of `recent` that must hold a value for it to stay.

    Returns:
        dict like `fitted`, with new ids in the old order; and the old ids of its table's rows, int (n_ids,), first 0,
        which `warm_start` takes as `kept`. Hashed features have nothing to expire.

    Raises:
        KeyError: a column is missing.
        ValueError: `fitted` is not from `fit_wide` or `fit_deep`, a value is missing, or the count is below 1.
        TypeError: a cell has a type that has no text.

    Taught in: notebook 10, "Wednesday to Sunday".

    Example:
        >>> import wdl_helpers as wdl
        >>> wide = wdl.fit_wide(pd.DataFrame({"city": ["Rome", "Oslo", "Bern"]}), ["city"])
        >>> smaller, kept = expire(wide, pd.DataFrame({"city": ["Rome", "Oslo"]}))
        >>> wide["vocabulary"], smaller["vocabulary"], kept.tolist()
        ({'city=Bern': 1, 'city=Oslo': 2, 'city=Rome': 3}, {'city=Oslo': 1, 'city=Rome': 2}, [0, 2, 3])
    """
    check_whole("min_count", min_count, 1)
    check_fitted(fitted, "wide", "deep")
    old_id_of: dict[str, int] | None = fitted["vocabulary"]
    if old_id_of is None:  # hashed
        return fitted.copy(), np.arange(fitted["n_ids"])
    counts = _counts(fitted, recent)
    enough = set(counts.index[counts >= min_count])
    names: list[str] = [name for name in old_id_of if name in enough]
    smaller = fitted.copy()
    smaller["vocabulary"] = {name: i for i, name in enumerate(names, start=1)}
    smaller["n_ids"] = len(names) + 1
    return smaller, np.array([0] + [old_id_of[name] for name in names])


def warm_start(
    old: keras.Model,
    new: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    kept: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Start a new day's model with yesterday's weights and the optimizer's slots for each of them.

    Args:
        old: trained Keras model.
        new: the same model built for the features that `grow` returned; it is changed. A vocabulary fitted anew would
            give weights to other values, which cannot be seen here: `dry_run` sees it.
        optimizer: new optimizer of the same kind, for training `new`; it is built and changed. Its learning rate
            stays its own, and a rate that follows a schedule starts anew: with the count of yesterday's steps it
            would begin past its end. (Adam corrects its first steps by this count, so it takes smaller ones then.)
            FTRL needs the settings of yesterday: it computes each weight anew from what it remembers, so that another
            rate would rescale all that it touches.
        kept: dict layer with a table, such as 'wide_weights' or 'deep_embeddings' → the old ids that its first rows
            had, from `expire`; None keeps all.

    Raises:
        ValueError: the models or the optimizers differ in more than the length of tables, a setting of FTRL is another
            one, or `old` has no optimizer.

    Source:
        Section 4.2 of the paper.

    Taught in: notebook 10, "Tuesday night: a warm start".

    Example:
        >>> import wdl_helpers as wdl
        >>> wide = wdl.fit_wide(pd.DataFrame({"city": ["Rome", "Oslo"]}), ["city"])
        >>> monday = wdl.wide_model(wide)
        >>> losses = wdl.train(monday, {"wide_ids": np.array([[1], [2]])}, [0, 1], wdl.Ftrl(0.1), epochs=1)
        >>> tuesday = wdl.wide_model(grow(wide, pd.DataFrame({"city": ["Bern"]}), min_count=1))
        >>> warm_start(monday, tuesday, wdl.Ftrl(0.1))
        >>> (tuesday.get_layer("wide_weights").get_weights()[0][:, 0] != 0).tolist()  # Bern begins at 0
        [False, True, True, False]
    """
    if getattr(old, "optimizer", None) is None:
        raise ValueError(f"The model '{old.name}' has no optimizer: train it first, or use seed_ftrl.")
    check_same_ftrl(old.optimizer, optimizer)
    kept = kept or {}
    _check_copy(old.variables, new.variables, kept)
    build_for(optimizer, new)
    old_slots = optimizer_slots(old.optimizer)
    slots = optimizer_slots(optimizer)
    _check_copy(old_slots, slots, kept)
    _copy_rows(old.variables, new.variables, kept)
    _copy_rows(old_slots, slots, kept)
    restart_schedules(optimizer)


# The table of a `Lookup` or of Keras' Embedding, or a slot of it, such as 'ftrl/wide_weights_table_linear'.
TABLES = re.compile(rf"(^|[/_])({TABLE}|embeddings)(_[a-z]+)?$")


def _rows_to_copy(old: keras.Variable, kept: Mapping[str, np.ndarray]) -> np.ndarray:
    """The rows of an old variable that go over, (rows, …): of a table with expired ids, those that are kept."""
    for layer, ids in kept.items():
        if layer in old.path and TABLES.search(old.path):
            return old.numpy()[ids]
    return old.numpy()


def _check_copy(old: Sequence[keras.Variable], new: Sequence[keras.Variable], kept: Mapping[str, np.ndarray]) -> None:
    """Refuse variables that differ in more than rows at the end of tables, before any of them is changed."""
    old_names = [variable.path.split("/")[-1] for variable in old]
    new_names = [variable.path.split("/")[-1] for variable in new]
    if old_names != new_names:
        raise ValueError(f"The old variables are {old_names} and the new ones {new_names}; expected the same.")
    for layer, ids in kept.items():
        tables = [variable for variable in old if layer in variable.path and TABLES.search(variable.path)]
        if not tables or not 0 <= np.min(ids) <= np.max(ids) < tables[0].shape[0]:
            raise ValueError(f"kept names the layer {layer!r}, which has no table with the ids {ids}.")
    for old_variable, new_variable in zip(old, new, strict=True):
        rows = _rows_to_copy(old_variable, kept)
        # More rows of a layer's kernel are other inputs, not new ids.
        may_grow = TABLES.search(new_variable.path) and rows.shape[1:] == new_variable.shape[1:]
        if rows.shape != new_variable.shape and not (may_grow and len(rows) <= new_variable.shape[0]):
            raise ValueError(
                f"{new_variable.path} has the shape {new_variable.shape} and had {rows.shape}; only rows of "
                "tables may be added."
            )


def _copy_rows(old: Sequence[keras.Variable], new: Sequence[keras.Variable], kept: Mapping[str, np.ndarray]) -> None:
    """Copy variables; where a new one has more rows, the rest of it stays as it is."""
    for old_variable, new_variable in zip(old, new, strict=True):
        rows = _rows_to_copy(old_variable, kept)
        if rows.shape == new_variable.shape:
            new_variable.assign(rows)
        else:
            new_variable.assign(np.concatenate([rows, new_variable.numpy()[len(rows) :]]))


def seed_ftrl(optimizer: keras.optimizers.Optimizer, model: keras.Model) -> None:
    """Make a new FTRL keep a model's present weights, where the slots of the optimizer that trained them are lost.

    FTRL computes each weight anew from its slot z, and a new z says that the weight is 0. Here z becomes the one from
    which the present weight follows: z = −w (√n₀/α + 2 λ₂ + β/α) − λ₁ sign(w).

    Args:
        optimizer: new `Ftrl`, or `joint_optimizer` with one; it is built and changed.
        model: Keras model whose weights are to be kept.

    Raises:
        ValueError: there is no FTRL in the optimizer, its learning rate is not above 0, it has trained already, or it
            has slots of another model's weights.

    Source:
        McMahan et al., 2013, algorithm 1, solved for z.

    Taught in: notebook 10, "Tuesday night: a warm start".

    Example:
        >>> import wdl_helpers as wdl
        >>> model = wdl.wide_model(wdl.fit_wide(pd.DataFrame({"city": ["Rome"]}), ["city"]))
        >>> model.get_layer("wide_weights").set_weights([np.array([[0.0], [0.5]])])
        >>> ftrl = wdl.Ftrl(0.1, initial_accumulator_value=0.04)
        >>> seed_ftrl(ftrl, model)
        >>> (weights, z), _ = ftrl_weights_and_z(ftrl)
        >>> z.numpy().ravel().round(6).tolist()  # −0.5 · √0.04 / 0.1
        [-0.0, -1.0]
    """
    parts = inner_optimizers(optimizer)
    inner = [part for part in parts if isinstance(part, keras.optimizers.Ftrl)]
    if not inner:
        raise ValueError(f"There is no Ftrl in the optimizer '{optimizer.name}'.")
    for ftrl in inner:
        rate = float(ftrl.learning_rate)
        if not rate > 0:
            raise ValueError(f"The learning rate of '{ftrl.name}' is {rate}; expected one above 0.")
    build_for(optimizer, model)
    for ftrl in inner:
        if int(ftrl.iterations):
            raise ValueError(f"The optimizer '{ftrl.name}' has trained already; expected a new one.")
        rate = float(ftrl.learning_rate)
        l2 = ftrl.l2_regularization_strength
        slope = (ftrl.initial_accumulator_value**-ftrl.learning_rate_power + ftrl.beta) / rate + 2 * l2
        for variable, z in ftrl_weights_and_z(ftrl):
            w = variable.numpy()
            z.assign(-w * slope - ftrl.l1_regularization_strength * np.sign(w))


# -------------------------------------------------------------------------------------------- the gate

GATE_SECONDS = 600  # after which a candidate that gives no scores is stopped


class Report(TypedDict):
    """What `dry_run` reports of a candidate."""

    change: float  # mean absolute difference of the probabilities, NaN if the candidate gives no usable ones
    rise: float  # of the log loss, in nats; NaN likewise
    reasons: list[str]  # why it must not go live; if there is none, it may


def dry_run(
    serving: PathLike,
    candidate: PathLike,
    sample: Columns,
    labels: Any,
    max_change: float,
    max_rise: float,
) -> Report:
    """Load a candidate, score a fixed sample with it, and compare it with the model that serves.

    The candidate is loaded by a process of its own, which takes some seconds: so it takes nothing down if it crashes,
    hangs for more than ten minutes, or, on Linux, needs more memory than there is. It is no shield against malice: a
    SavedModel is a program, and runs with your rights.

    Args:
        serving: path of the export that serves.
        candidate: path of the one that may take its place.
        sample: raw rows, as for `scorer`.
        labels: 0 or 1 a row.
        max_change: how far the probabilities may move, in the mean of absolute differences.
        max_rise: by how much the log loss may be worse, in nats.

    Returns:
        dict with 'change', 'rise' and 'reasons', a list of str: why the candidate must not go live. If the list is
        empty, it may. Where the candidate gives no usable scores, 'change' and 'rise' are NaN.

    Raises:
        OSError: there is no model that serves.
        KeyError: the sample lacks a column.
        TypeError: the sample holds something of another type, or the labels are not numbers.
        ValueError: the model that serves cannot score the sample, or the labels are not 0 and 1 or of one class. What
            is wrong with the candidate is a reason in the report, and no error.

    Source:
        Section 4.2 of the paper, which has a dry run, and a comparison of quality; sample and bounds are ours.

    Example:
        >>> import wdl_helpers as wdl
        >>> from recommender.serving import export
        >>> frame = pd.DataFrame({"city": ["Rome", "Oslo"]})
        >>> wide = wdl.fit_wide(frame, ["city"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export(wdl.wide_model(wide), wide, None, frame, f"{folder}/live")
        ...     dry_run(f"{folder}/live", f"{folder}/nothing", frame, [0, 1], max_change=0.1, max_rise=0.01)["reasons"]
        ['it cannot be loaded and score: OSError: ...']
    """
    before = scorer(serving)(sample)
    loss = scores(labels, before)["log loss"]
    report: Report = {"change": np.nan, "rise": np.nan, "reasons": []}
    try:
        after = _score_in_process(candidate, sample)
    except _NoScoresError as error:
        return {**report, "reasons": [f"it cannot be loaded and score: {error}"]}
    if after.shape != before.shape:
        return {**report, "reasons": [f"it gives scores of the shape {after.shape}; expected {before.shape}"]}
    unusable = np.sum(~((after >= 0) & (after <= 1)))
    if unusable:
        return {**report, "reasons": [f"{unusable} of {len(after)} scores are no numbers between 0 and 1"]}
    report["change"] = np.abs(after - before).mean()
    report["rise"] = scores(labels, after)["log loss"] - loss
    # "not at most": a bound that is NaN lets nothing through
    if not report["change"] <= max_change:
        report["reasons"].append(
            f"its scores moved by {_format_above(report['change'], max_change, 2)}, more than {max_change}"
        )
    if not report["rise"] <= max_rise:
        rise = _format_above(report["rise"], max_rise, 4)
        report["reasons"].append(f"its log loss rose by {rise}, more than {max_rise}")
    return report


def _format_above(value: float, bound: float, digits: int) -> str:
    """A value that is above a bound, with as many digits as it takes to see that."""
    return f"{value:.{digits}f}" if round(value, digits) > bound else f"{value:.6g}"


GATE_PROGRAM = ["-m", "recommender.gate"]


class _NoScoresError(Exception):
    """Why a candidate gives no scores, in words."""


def _score_in_process(candidate: PathLike, sample: Columns) -> np.ndarray:
    """A candidate's scores of a sample, computed by another process; a _NoScoresError if it gives none."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "sample").write_bytes(pickle.dumps(sample))
        command = [sys.executable, *GATE_PROGRAM, str(candidate), str(folder)]
        import_path = os.pathsep.join(path or os.getcwd() for path in sys.path)  # it imports what this process would
        environment = {**os.environ, "PYTHONPATH": import_path}
        try:
            process = subprocess.run(command, check=False, env=environment, capture_output=True, timeout=GATE_SECONDS)
        except subprocess.TimeoutExpired:
            raise _NoScoresError(f"it took more than {GATE_SECONDS} seconds") from None
        if (folder / "error").exists():
            raise _NoScoresError((folder / "error").read_text(encoding="utf-8"))
        if process.returncode != 0 or not (folder / "scores.npy").exists():
            last = "".join(f": {line}" for line in process.stderr.decode(errors="replace").strip().splitlines()[-1:])
            raise _NoScoresError(f"its process ended with the code {process.returncode}{last}")
        return np.load(folder / "scores.npy", allow_pickle=False)
