"""Examples in docstrings of public names."""

import doc_examples

test_public_names_have_examples, test_examples_run = doc_examples.tests("molsphere")
