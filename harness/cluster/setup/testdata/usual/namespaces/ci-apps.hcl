# nomad namespace apply namespaces/ci-apps.hcl
name        = "ci-apps"
description = "Seatrial: apps under test, and nothing else."
