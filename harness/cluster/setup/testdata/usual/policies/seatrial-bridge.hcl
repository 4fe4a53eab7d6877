# What seatrial serve may do: dispatch runs, follow and stop them, read enrolments, and
# remove what a run left behind. It may change no job and start none but what is there.
#
# nomad acl policy apply -description "Seatrial: seatrial serve: dispatches runs and follows them" seatrial-bridge policies/seatrial-bridge.hcl
# seatrial_definition = "7bcf121fa18c17cc"
namespace "ci" {
  capabilities = ["list-jobs", "read-job", "dispatch-job", "read-logs", "read-fs", "alloc-lifecycle", "deregister-job"]

  variables {
    path "seatrial/leases/*" {
      capabilities = ["read", "list", "destroy"]
    }
    path "seatrial/recipes/*" {
      capabilities = ["read", "list"]
    }
  }
}

namespace "ci-apps" {
  # alloc-lifecycle ends what runs although its job is gone.
  capabilities = ["list-jobs", "read-job", "deregister-job", "purge-job", "alloc-lifecycle", "host-volume-read", "host-volume-delete"]
}

node {
  policy = "read"
}
