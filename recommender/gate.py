"""The process in which the gate scores a candidate: `python -m recommender.gate CANDIDATE FOLDER`.

It reads FOLDER/sample and writes FOLDER/scores.npy, or what went wrong into FOLDER/error. See `lifecycle.dry_run`.
"""

import contextlib
import pathlib
import pickle
import sys

__all__ = ["main", "write_scores"]


def write_scores(candidate: str, folder: pathlib.Path) -> None:
    """Score the sample that stands in a folder, and write the scores, or the error, beside it.

    Args:
        candidate: path of an export.
        folder: where the sample stands, as `pickle` has written it.
    """
    from recommender.serving import scorer  # here, so that the process can ask before for what `main` asks

    import numpy as np

    sample = pickle.loads((folder / "sample").read_bytes())
    try:
        np.save(folder / "scores.npy", scorer(candidate)(sample))
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        (folder / "error").write_text(text, encoding="utf-8", errors="replace")


def main() -> None:
    """Score, and ask before that to be the first to be stopped where memory runs out, which Linux does."""
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/oom_score_adj").write_text("1000")
    write_scores(sys.argv[1], pathlib.Path(sys.argv[2]))


if __name__ == "__main__":
    main()
