"""Train every model for some steps on this processor and on another, simulated by QEMU, and compare the weights.

    python -m tools.other_cpu [--steps 20] [--json FILE]

QEMU's processor computes reciprocals exactly, where each maker of real ones approximates them in its own way. So it
shows whether anything in training depends on the maker. It is about forty times slower: hence only some steps.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

BATCH = 64
# NumPy's vectorised sort reads up to the end of its array by masked instructions. A processor leaves what they mask
# alone; QEMU reads that too, and dies where the array ends with the memory.
QEMU_SETTINGS = {"NPY_DISABLE_CPU_FEATURES": "X86_V3"}
INSTALL = "QEMU is not installed: 'apt-get install qemu-user' (Debian, Ubuntu) or 'dnf install qemu-user' (Fedora)."


def train_models(steps: int) -> dict[str, list["np.ndarray"]]:
    """Name → weights, float32 array, of every model after some steps on Adult's first rows."""
    import wdl_helpers as wdl  # here, since the process that compares needs none of it
    from recommender.datasets import adult

    wdl.reproducible(0)
    rows = adult.load_adult()[0][: steps * BATCH]
    labels = (rows["income"] == ">50K").to_numpy(int)
    wide, deep = adult.wide_features(rows), adult.deep_features(rows)
    inputs = wdl.joint_inputs(rows, wide, deep)

    def ftrl() -> wdl.Ftrl:
        return wdl.Ftrl(0.05, l1_regularization_strength=0.003, initial_accumulator_value=1e-6, beta=1.0)

    models = {
        "wide, FTRL": (wdl.wide_model(wide), ftrl()),
        "deep, Adam": (wdl.deep_model(deep), adult.training("deep", len(rows))["optimizer"]),
        "wide & deep, FTRL and AdaGrad": (
            wdl.wide_deep_model(wide, deep),
            wdl.joint_optimizer(wide=ftrl(), deep=wdl.Adagrad(0.05)),
        ),
    }
    for model, optimizer in models.values():
        wdl.train(model, inputs, labels, optimizer, epochs=1, batch_size=BATCH)
    weights = {name: model.get_weights() for name, (model, _) in models.items()}

    course = adult.beginner_features(rows)
    arrays = adult.beginner_inputs(rows, *course)
    recipe = adult.beginner_model("wide_deep", *course)
    recipe.fit(arrays, labels, batch_size=BATCH, verbose=0)
    return {**weights, "course recipe": recipe.get_weights()}


def run_training(
    command: Sequence[str], file: str, settings: Mapping[str, str]
) -> tuple[dict[str, "np.ndarray"], float]:
    """What a process of its own trains, and its seconds; `settings` are further environment variables."""
    import numpy as np

    start = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    subprocess.run([*command, "--weights", file], check=True, env={**environment, **settings})
    return dict(np.load(file)), time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=20, help="steps of training (default: 20)")
    parser.add_argument("--json", type=pathlib.Path, help="file to write the result to")
    parser.add_argument("--weights", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.weights:
        import numpy as np

        weights = train_models(arguments.steps)
        arrays = {f"{name}/{i}": array for name, found in weights.items() for i, array in enumerate(found)}
        np.savez(arguments.weights, allow_pickle=False, **arrays)
        return
    qemu = shutil.which("qemu-x86_64")
    if qemu is None or platform.machine() != "x86_64" or not sys.platform.startswith("linux"):
        sys.exit(INSTALL if platform.machine() == "x86_64" else "This check needs Linux on an x86-64 processor.")
    here = [sys.executable, "-m", "tools.other_cpu", "--steps", str(arguments.steps)]
    with tempfile.TemporaryDirectory() as folder:
        native, seconds = run_training(here, f"{folder}/native.npz", {})
        print(f"this processor, {processor_name()}: {seconds:.0f} s", flush=True)
        other, seconds = run_training([qemu, "-cpu", "max", *here], f"{folder}/other.npz", QEMU_SETTINGS)
        print(f"QEMU's processor: {seconds:.0f} s\n", flush=True)
    result = {}
    for name in sorted({key.rsplit("/", 1)[0] for key in native}):
        keys = [key for key in native if key.startswith(f"{name}/")]
        count = sum(native[key].size for key in keys)
        differ = sum(int((native[key].view("int32") != other[key].view("int32")).sum()) for key in keys)
        result[name] = {"weights": count, "differ": differ}
        print(f"{name}: {count:,} weights after {arguments.steps} steps, {differ:,} differ")
    if arguments.json:
        arguments.json.write_text(json.dumps({"processor": processor_name(), "models": result}, indent=1) + "\n")
    if any(entry["differ"] for entry in result.values()):
        sys.exit("Something in training depends on the processor: see wide_deep/reproducible.py.")
    print("\nEvery bit is equal.")


def processor_name() -> str:
    """This processor's name."""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
