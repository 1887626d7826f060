"""Help of `wxsphere doctor`."""

from spinnn.command import doctor_help

DOCTOR = doctor_help("wxsphere")
