# What the janitor may do, which is what the job seatrial-janitor may: see which runs live, and
# remove what outlived its run.
#
# nomad acl policy apply -description "Seatrial: removes what outlived its run" -namespace ci -job seatrial-janitor seatrial-janitor policies/seatrial-janitor.hcl
# seatrial_definition = "a027ea877a9e92f1"
namespace "ci" {
  capabilities = ["list-jobs", "read-job", "deregister-job"]

  variables {
    path "seatrial/leases/*" {
      capabilities = ["list", "read", "destroy"]
    }
  }
}

namespace "ci-apps" {
  capabilities = ["list-jobs", "read-job", "deregister-job", "purge-job", "host-volume-read", "host-volume-delete"]
}

node {
  policy = "read"
}
