"""Drawings of notebook 7: the app store."""

from drawings.models import model
from drawings.pieces import (
    JOINT,
    SMALL,
    arrow,
    box,
    svg,
    text,
)

# The numbers of the paper's figure 4.
DIMENSION = 32
SIDE_BY_SIDE = "about 1200"
UNITS = (1024, 512, 256)


def recommender() -> str:
    """The paper's figure 2."""
    parts = box(20, 80, 110, 80, "Visitor\nopens\nthe store")
    parts += box(200, 80, 150, 80, "Retrieval\nabout 100\ncandidates")
    parts += box(415, 80, 140, 80, "Ranking\nsorts them by\nP(install | x)", JOINT)
    parts += box(610, 80, 90, 80, "Page\nthe top\nten")
    parts += arrow((130, 120), (200, 120)) + text(164, 106, "query", size=SMALL)
    parts += arrow((350, 120), (415, 120)) + arrow((555, 120), (610, 120))
    parts += arrow((655, 80), (655, 40), (75, 40), (75, 80)) + text(380, 24, "what the visitor sees", size=SMALL)

    parts += box(205, 250, 140, 80, "All apps\nmore than\na million")
    parts += box(415, 250, 140, 80, "Training\na new model\nfrom the log", JOINT)
    parts += box(610, 250, 90, 80, "Log\nshown,\ninstalled")
    parts += arrow((275, 250), (275, 160)) + arrow((485, 250), (485, 160)) + text(492, 205, "model", SMALL, "start")
    parts += arrow((655, 160), (655, 250)) + text(648, 205, "responses", SMALL, "end")
    parts += arrow((610, 290), (555, 290))
    description = """
        A loop. A visitor's query goes to retrieval, which picks about a hundred candidates out of more than a million
        apps. Ranking sorts them by the probability of an install, and the top ten make up the page that the visitor
        sees. The page and the visitor's responses go into a log, training makes a new model from the log, and ranking
        uses it.
    """
    return svg("Retrieval and ranking", description, 352, parts)


def store_model() -> str:
    """The paper's figure 4."""
    wide = (
        "Wide: FTRL, L1",
        "a cross\ninstalled app AND\nimpression app",
        "one weight\nper pair of apps,\nsummed",
    )
    deep = (
        "Deep: AdaGrad",
        ("apps\ninstalled", f"vector\nof {DIMENSION}"),
        ("app\nshown", f"vector\nof {DIMENSION}"),
        ("visitor\ncountry …", f"vectors\nof {DIMENSION}"),
        ("numbers\nage …", "0 to 1\nquantiles"),
    )
    top = "σ ( wide logit + deep logit + one bias ) = P(install)\none log loss trains both parts"
    description = f"""
        Bottom to top. Left, the wide part: each pair of an installed app and the app shown has one weight; a row's
        weights are added up. Right, the deep part: installed apps, the app shown and what is known about the visitor
        become vectors of {DIMENSION} numbers; concatenated with the numeric features, as quantiles, they form
        {SIDE_BY_SIDE} numbers and go through ReLU layers of {UNITS[0]}, {UNITS[1]} and {UNITS[2]}. At the
        top both logits and one bias are added, and the sigmoid turns the sum into the probability of an install.
    """
    return model("The app store's model", description, wide, deep, SIDE_BY_SIDE, UNITS, top)


FIGURES = [
    recommender,
    store_model,
]
