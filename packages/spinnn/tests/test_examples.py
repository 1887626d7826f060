"""The examples in the docstrings of the package run and print what they say."""

import doc_examples

_, test_examples_run = doc_examples.tests("spinnn")
