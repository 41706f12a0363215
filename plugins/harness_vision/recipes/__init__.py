"""Recipes: a module each, with its loss and the paper's settings as defaults."""
