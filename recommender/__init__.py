"""The system around the model: data sets, rankings, serving, the life of a model, and data larger than memory.

The package wide_deep stands below: nothing there imports from here.
"""
