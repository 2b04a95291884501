"""Scores: counts apart from what is made of them. One file a family, imported only by the tasks that need it."""
