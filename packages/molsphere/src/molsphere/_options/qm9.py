"""Options and help of `molsphere qm9`."""

from __future__ import annotations

import dataclasses

from spinnn.command import Help

_TEXT = """Download QM9 (86 MB) and the list of its uncharacterised molecules from mirrors.

An interrupted download is continued; size and MD5 are verified. If no mirror answers, the error names the file and
where to put it by hand.

examples:
  molsphere qm9 fetch --out data
  molsphere qm9 fetch --out data --npz        # also write data/qm9.npz, which loads in seconds
  molsphere train --data data/qm9.npz --targets H --split cormorant --out runs/H"""


@dataclasses.dataclass(frozen=True)
class QM9FetchOptions:
    """Options of `molsphere qm9 fetch`.

    Attributes:
        out: Folder for the files.
        npz: Also read the archive and write qm9.npz beside it.
    """

    out: str = "data"
    npz: bool = False


QM9_FETCH = Help(QM9FetchOptions, _TEXT, common=())
