# nomad namespace apply namespaces/trial.hcl
name        = "trial"
description = "Seatrial: attempts at runs, enrolments, leases."
