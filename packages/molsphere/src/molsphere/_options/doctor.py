"""Help of `molsphere doctor`."""

from spinnn.command import doctor_help

DOCTOR = doctor_help("molsphere")
