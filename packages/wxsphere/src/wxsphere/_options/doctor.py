"""Options and help of `wxsphere doctor`."""

from __future__ import annotations

import dataclasses

from spinnn.command import Help


@dataclasses.dataclass(frozen=True)
class DoctorOptions:
    """Options of `wxsphere doctor`: none."""


DOCTOR = Help(
    DoctorOptions,
    """Examine the installation: versions, devices, memory, what is missing for which extra, and a self-test.

The exit status is 1 if the self-test fails.

examples:
  wxsphere doctor
  wxsphere doctor --json""",
)
