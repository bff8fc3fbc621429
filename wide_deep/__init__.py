"""Wide & Deep learning on plain data frames: the modules of the model, from the lowest to the highest.

    reproducible ─► checks ─► tables, columns ─► features ─► models, optimizers ─► training, evaluation, plots
                 ─► backend                              (before all that need Keras)

Notebooks import `wdl_helpers`; other code imports the module that it needs.
"""

from wide_deep import reproducible  # noqa: F401, before any module imports TensorFlow: it sets how TensorFlow computes
