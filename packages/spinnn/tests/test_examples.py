"""Each public name of the package has an example in its docstring, which runs and prints what it says."""

import doc_examples

test_public_names_have_examples, test_examples_run = doc_examples.tests("spinnn")
