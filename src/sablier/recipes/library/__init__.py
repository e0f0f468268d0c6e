"""The recipes. A file `some_name.py` with a function `recipe(tier)` is the recipe some-name; there is no other list."""
