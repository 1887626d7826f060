"""The examples in the docstrings of public names: each name has one, and each runs and prints what it says."""

import doc_examples

test_public_names_have_examples, test_examples_run = doc_examples.tests("spinharm")
