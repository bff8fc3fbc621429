"""Wide & Deep learning on plain data frames: the rooms of the model, from the lowest to the highest.

    reproducible ─► checks ─► tables, columns ─► features ─► models, optimizers ─► training, evaluation, plots
                 ─► backend                              (before all that need Keras)

Notebooks enter by the door `wdl_helpers`; code imports the room that it needs.
"""

from wide_deep import reproducible  # noqa: F401, before any room imports TensorFlow: it sets how TensorFlow computes
