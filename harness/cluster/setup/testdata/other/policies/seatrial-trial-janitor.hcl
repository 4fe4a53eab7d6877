# What the janitor may do, which is what the job seatrial-janitor may: see which runs live, and
# remove what outlived its run.
#
# nomad acl policy apply -description "Seatrial: removes what outlived its run" -namespace trial -job seatrial-janitor seatrial-trial-janitor policies/seatrial-trial-janitor.hcl
# seatrial_definition = "7f6e12cb2d6b5485"
namespace "trial" {
  capabilities = ["list-jobs", "read-job", "deregister-job"]

  variables {
    path "seatrial/leases/*" {
      capabilities = ["list", "read", "destroy"]
    }
  }
}

namespace "trial-apps" {
  # alloc-lifecycle ends what runs although its job is gone.
  capabilities = ["list-jobs", "read-job", "deregister-job", "purge-job", "alloc-lifecycle", "host-volume-read", "host-volume-delete"]
}

node {
  policy = "read"
}
