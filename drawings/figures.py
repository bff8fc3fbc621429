"""The drawings that explain: SVG files in notebooks/images/, the same to the byte wherever they are made.

    python -m drawings.figures        writes all of them

Each other module of this folder holds those of one notebook, a function for each, named like its file. To add one,
write such a function and put it into the FIGURES of its module.
"""

import pathlib

from drawings import deep, evaluation, joint, production, retrieval, scale, store, visits

IMAGES = pathlib.Path(__file__).resolve().parent.parent / "notebooks" / "images"
MODULES = [deep, joint, evaluation, retrieval, store, visits, production, scale]


def drawings() -> dict[str, str]:
    """File name → content, of every drawing."""
    return {f"{figure.__name__}.svg": figure() for module in MODULES for figure in module.FIGURES}


if __name__ == "__main__":
    for name, content in drawings().items():
        (IMAGES / name).write_text(content, encoding="utf-8", newline="\n")
        print(IMAGES.name, name, sep="/")
