"""The drawing of notebook 10: a week in production."""

from drawings.pieces import JOINT, SMALL, arrow, box, svg, text


def pipeline() -> str:
    """The paper's figure 3, with what watches over it."""
    left, middle, right = 20, 270, 520
    parts = box(left, 28, 180, 84, "Store\nvisitors, and a\nhundred candidates")
    parts += box(middle, 28, 180, 84, "Server\nscores raw columns", JOINT)
    parts += box(right, 28, 180, 84, "Log\nfeatures as served,\nlabels as they come")
    parts += box(right, 160, 180, 84, "Monitor\ntoday against\npast days")
    parts += box(middle, 292, 180, 84, "Training\nrows whose\nlabels are ripe", JOINT)
    parts += box(right, 292, 180, 84, "Training folder\nvocabularies,\nweights, slots")
    parts += box(left, 160, 180, 84, "Gate\ncandidate against\nthe live model")
    parts += arrow((left + 180, 70), (middle, 70)) + arrow((middle + 180, 70), (right, 70))
    parts += arrow((right + 90, 112), (right + 90, 160))
    parts += arrow((right, 180), (middle + 130, 180), (middle + 130, 112))
    parts += text(middle + 122, 160, "roll back", SMALL, "end")
    parts += arrow((right, 224), (middle + 90, 224), (middle + 90, 292))
    parts += text(middle + 98, 258, "if quiet", SMALL, "start")
    parts += arrow((middle + 180, 316), (right, 316)) + text(middle + 215, 302, "save", SMALL)
    parts += arrow((right, 352), (middle + 180, 352)) + text(middle + 215, 394, "warm start", SMALL)
    parts += arrow((middle, 334), (left + 90, 334), (left + 90, 244)) + text(
        left + 98, 318, "candidate", SMALL, "start"
    )
    parts += arrow((left + 90, 160), (left + 90, 136), (middle + 40, 136), (middle + 40, 112))
    description = """
        A loop of seven boxes. The store asks the server, which scores raw columns. What it served goes into the log,
        with labels as they come. The monitor compares today's log with past days; it can roll the server back, and if
        all is quiet, training goes on, on rows whose labels are ripe. Training starts warm from a training folder with
        vocabularies, weights and optimizer slots, and saves a new one there. Its candidate must pass a gate, which
        compares it with the live model, before it goes to the server.
    """
    return svg("A week in production", description, 412, parts)


FIGURES = [pipeline]
