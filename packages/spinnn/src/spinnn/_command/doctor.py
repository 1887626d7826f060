"""Help of the command `doctor`, which all programs have."""

from __future__ import annotations

import dataclasses

from spinharm import checks

from .help import Help


@dataclasses.dataclass(frozen=True)
class DoctorOptions:
    """Options of `doctor`: none."""


def doctor_help(program: str) -> Help:
    """Make the help of `doctor`, the examination by `spinharm.doctor`.

    Args:
        program: Name of the program.

    Returns:
        The help; its options are none.

    Raises:
        TypeError: A name that is not text.

    Examples:
        >>> from spinnn.command import doctor_help
        >>> doctor_help("molsphere").text.splitlines()[-1]
        '  molsphere doctor --json'
    """
    checks.instance("program", program, str, "text")
    return Help(
        DoctorOptions,
        f"""Examine the installation: versions, devices, memory, what is missing for which extra, and a self-test.

The exit status is 1 if the self-test fails.

examples:
  {program} doctor
  {program} doctor --json""",
    )
