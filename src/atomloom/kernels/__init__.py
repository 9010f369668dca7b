"""Formulas shared by two rooms or more, and the decorator that compiles a formula."""
