"""The system around the model: data sets, rankings, serving, the life of a model, and data larger than memory.

The modules at the root stand below: nothing there imports from here.
"""
