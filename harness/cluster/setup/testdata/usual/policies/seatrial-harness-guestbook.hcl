# What an attempt at a run may do, which is what the job seatrial-run-guestbook may: take the lease
# of its attempt, and deploy apps where nothing but apps is. A policy is of one job.
#
# nomad acl policy apply -description "Seatrial: an attempt at a run of seatrial-run-guestbook" -namespace ci -job seatrial-run-guestbook seatrial-harness-guestbook policies/seatrial-harness-guestbook.hcl
# seatrial_definition = "04bfe3148db36b3a"
namespace "ci" {
  variables {
    path "seatrial/leases/*" {
      capabilities = ["read", "write"]
    }
    # what the operator set for runs
    path "seatrial/settings" {
      capabilities = ["read"]
    }
  }
}

# alloc-node-exec is for apps of the driver raw_exec. It allows nothing that submit-job
# does not: which drivers an app may have is decided by the harness, not by Nomad.
namespace "ci-apps" {
  capabilities = [
    "list-jobs", "read-job", "parse-job", "submit-job",
    "read-logs", "read-fs", "alloc-exec", "alloc-node-exec", "alloc-lifecycle",
    "host-volume-create", "host-volume-read", "host-volume-delete",
  ]
}

# Apps mount the volumes that were made for them, and no others.
host_volume "seatrial*" {
  policy = "write"
}

node {
  policy = "read"
}
