"""The data of the notebooks, each with its recipe.

Each module has `wide_features`, `deep_features`, `build_model` and `training`.
"""
