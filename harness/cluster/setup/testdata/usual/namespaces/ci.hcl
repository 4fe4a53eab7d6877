# nomad namespace apply namespaces/ci.hcl
name        = "ci"
description = "Seatrial: attempts at runs, enrolments, leases."
