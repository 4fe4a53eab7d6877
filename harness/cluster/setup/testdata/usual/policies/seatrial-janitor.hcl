# What the janitor may do, which is what the job seatrial-janitor may: see which runs live, and
# remove what outlived its run.
#
# nomad acl policy apply -description "Seatrial: removes what outlived its run" -namespace ci -job seatrial-janitor seatrial-janitor policies/seatrial-janitor.hcl
# seatrial_definition = "8b6cedcb2ff08b1a"
namespace "ci" {
  capabilities = ["list-jobs", "read-job", "deregister-job"]

  variables {
    path "seatrial/leases/*" {
      capabilities = ["list", "read", "destroy"]
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
