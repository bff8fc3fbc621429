"""What runs, checks and prints the notebooks: `python -m tools.NAME` from the project's folder."""
