# nomad namespace apply namespaces/trial-apps.hcl
name        = "trial-apps"
description = "Seatrial: apps under test, and nothing else."
