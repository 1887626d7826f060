"""Options and help of `molsphere doctor`."""

from __future__ import annotations

import dataclasses

from spinnn.command import Help


@dataclasses.dataclass(frozen=True)
class DoctorOptions:
    """Options of `molsphere doctor`: none."""


DOCTOR = Help(
    DoctorOptions,
    """Examine the installation: versions, devices, memory, what is missing for which extra, and a self-test.

The exit status is 1 if the self-test fails.

examples:
  molsphere doctor
  molsphere doctor --json""",
)
