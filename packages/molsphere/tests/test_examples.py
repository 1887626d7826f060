"""The examples in docstrings run."""

import doc_examples

_, test_examples_run = doc_examples.tests("molsphere")
