from pathlib import Path

import doc_examples

MODULE = '''
"""A module."""

__all__ = ["Thing", "good"]


def good(a):
    """Twice a number.

    Example:
        >>> good = lambda a: 2 * a
        >>> good(2)
        4
    """
    return 2 * a


class Thing:
    """A thing.

    Example:
        >>> Thing = list
        >>> Thing([1]).pop()
        2
    """

    def pop(self):
        """Take the last."""

    def push(self):
        """Add one."""
'''


def test_examples_are_found_run_and_missed(tmp_path: Path):
    source = tmp_path / "packages/spinharm/src/spinharm"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text(MODULE)
    good, wrong = sorted(doc_examples.examples("spinharm", tmp_path), key=lambda one: one.name, reverse=True)
    assert (good.name, wrong.name) == ("spinharm.good", "spinharm.Thing")
    assert doc_examples.run(good) == ""
    assert "Expected:\n    2\nGot:\n    1" in doc_examples.run(wrong)
    assert doc_examples.missing("spinharm", tmp_path) == ["spinharm.Thing.push"]
