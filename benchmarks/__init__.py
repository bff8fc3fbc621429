"""What measures the models, and the files that it last wrote: `python -m benchmarks.NAME` from the project's folder.

Scripts that run in another environment (`peers`, `visits_peers`, `tf_estimator`, `spark`) import none of the others.
"""
