"""Examples in docstrings of public names."""

import doc_examples

_, test_examples_run = doc_examples.tests("wxsphere")
