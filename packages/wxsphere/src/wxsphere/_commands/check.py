"""`wxsphere check`."""

from __future__ import annotations

from collections.abc import Sequence

from spinnn import command

from .._audit.audit import check_dataset
from .._files.open import open_dataset
from .._options.check import CHECK, CheckOptions
from ._renames import renames


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(CheckOptions, f"wxsphere {name}", words, CHECK)
    if not options.source:
        raise ValueError("`source` must name at least one store or file, got none")
    source = options.source[0] if len(options.source) == 1 else list(options.source)
    found = check_dataset(open_dataset(source, rename=renames(options.rename)), options.variables or None)
    for one in found:
        command.say(str(one))
    errors, warnings = (sum(one.severity == kind for one in found) for kind in ("error", "warning"))
    command.say(f"{errors} errors, {warnings} warnings")
    findings = [{"severity": one.severity, "text": str(one)} for one in found]
    command.result({"errors": errors, "warnings": warnings, "findings": findings})
    return 1 if errors else 0
