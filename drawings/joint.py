"""Drawings of notebook 4: joint training."""

from drawings.pieces import (
    DEEP,
    GREY,
    INK,
    JOINT,
    SMALL,
    TINT,
    WIDE,
    all_to_all,
    arrow,
    box,
    dot,
    line,
    panel,
    rectangle,
    svg,
    text,
)


def spectrum() -> str:
    """The paper's figure 1."""
    output, second, first, vectors, features = 92, 150, 208, 266, 330
    parts = []
    for y, label in ((output, "output"), (179, "hidden layers"), (vectors, "embeddings"), (features, "features")):
        parts += text(16, y, label, size=SMALL, anchor="start")
    wide, joint, deep = 215, 410, 605
    for middle, title in ((wide, "Wide"), (joint, "Wide & Deep"), (deep, "Deep")):
        parts += text(middle, 34, title, bold=True)

    for i in range(7):
        parts += line(wide - 78 + 26 * i, features, wide, output, colour=WIDE)
    for i in range(3):
        parts += line(joint - 78 + 26 * i, features, joint, output, colour=WIDE)

    for middle, columns, lower, upper, colour in (
        (joint, [13, 65], [14, 40, 66], [26, 54], JOINT),
        (deep, [-60, 0, 60], [-68, -34, 0, 34, 68], [-51, -17, 17, 51], DEEP),
    ):
        hidden, last = [(middle + x, first) for x in lower], [(middle + x, second) for x in upper]
        parts += all_to_all([(middle + x, vectors) for x in columns], hidden, DEEP)
        parts += all_to_all(hidden, last, DEEP) + all_to_all(last, [(middle, output)], DEEP)
        for x in columns:
            for side in (-13, 13):
                parts += line(middle + x + side, features, middle + x, vectors, colour=DEEP)
                parts += dot(middle + x + side, features, GREY)
            for i in (-1, 0, 1):
                parts += rectangle(middle + x - 6 + 12 * i, vectors - 8, 12, 16, TINT[DEEP], DEEP, radius=0)
        for x, y in hidden + last:
            parts += dot(x, y, DEEP)
        parts += dot(middle, output, colour, radius=11)

    parts += dot(wide, output, WIDE, radius=11)
    for i in range(7):
        parts += dot(wide - 78 + 26 * i, features, GREY)
    for i in range(3):
        parts += dot(joint - 78 + 26 * i, features, GREY)
    for middle, label in ((wide, "memorizes"), (joint, "can do both"), (deep, "generalizes")):
        parts += text(middle, 378, label, colour=INK)
    description = """
        Three networks side by side. Wide: every feature is joined straight to the output. Deep: features become
        embeddings, go through two hidden layers, and then reach the output. Wide & deep, between them: some
        features are joined straight to the output, others go the deep way to the same output.
    """
    return svg("Wide, wide & deep, deep", description, 406, parts)


def one_error() -> str:
    """How the error reaches the parts: joint training, and an ensemble."""
    parts = panel(16, 16, 336, 386, "Joint training") + panel(368, 16, 336, 386, "Ensemble")
    parts += box(40, 72, 288, 120, "p = σ(wide + deep + b)\none loss of p\nand the label y", JOINT)
    parts += box(40, 282, 132, 44, "Wide part", WIDE) + box(196, 282, 132, 44, "Deep part", DEEP)
    for x in (40, 196):
        parts += arrow((x + 28, 282), (x + 28, 192)) + text(x + 36, 212, "logit", SMALL, "start")
        parts += arrow((x + 104, 192), (x + 104, 282), colour=JOINT, thick=3)
        parts += text(x + 96, 262, "p − y", anchor="end", bold=True)
    for y, sentence in ((344, "The same error reaches both."), (366, "What one part explains,")):
        parts += text(184, y, sentence, SMALL)
    parts += text(184, 388, "the other need not learn.", SMALL)

    parts += box(412, 54, 248, 56, "mean of both p\nafter training")
    for x, name, colour in ((384, "wide", WIDE), (544, "deep", DEEP)):
        parts += box(x, 134, 144, 64, f"p = σ({name})\nits own loss", colour)
        parts += box(x, 282, 144, 44, f"{name.capitalize()} model", colour)
        parts += arrow((x + 72, 134), (x + 72, 110))
        parts += arrow((x + 28, 282), (x + 28, 198)) + text(x + 36, 216, "logit", SMALL, "start")
        parts += arrow((x + 116, 198), (x + 116, 282), colour=colour, thick=3)
        parts += text(x + 108, 262, "p − y", anchor="end", bold=True)
    parts += text(536, 352, "Each has its own error", SMALL) + text(536, 376, "and knows nothing of the other.", SMALL)
    description = """
        Left, joint training: the wide and the deep part send their logits into one probability p with one loss, and
        the same error, p minus y, comes back to both. Right, an ensemble: each model has its own probability, its own
        loss and its own error; the two probabilities are averaged after training.
    """
    return svg("One error for both parts, or one for each model", description, 418, parts)


FIGURES = [spectrum, one_error]
