# Runs of the recipe guestbook, with what its enrolment asks for.
# A dispatch of this job is one attempt at a run. What a job of your own needs to take
# its place: the name, the required meta, the group and the task's name.
#
# nomad job run jobs/seatrial-run-guestbook.nomad.hcl
job "seatrial-run-guestbook" {
  namespace   = "ci"
  type        = "batch"
  datacenters = ["*"]
  node_pool   = "default"

  meta {
    seatrial_definition = "dd6953fa1bc0a2eb"
  }

  parameterized {
    payload       = "forbidden"
    meta_required = ["REPO_URL", "COMMIT", "BRANCH", "FLAVOR"]
    meta_optional = ["RUN_ID", "ATTEMPT", "RECIPE", "REF", "PR", "SRC", "DOMAIN", "PUBLIC_URL", "INSTANCE", "EXPIRES", "TRUSTED", "JOB"]
  }

  constraint {
    attribute = "${attr.kernel.name}"
    value     = "linux"
  }

  # Warm caches: this repository's runs like to go where its runs went before, and nobody
  # has to remember where that was. The 16 digits that a node's ID may begin with are put
  # in an order that is this repository's own; the first digit suits best, then the
  # first two, four, eight. A node that comes or goes changes nothing for the others, and a
  # full node is passed over.
  affinity {
    attribute = "${node.unique.id}"
    operator  = "regexp"
    value     = "^[1234589f]"
    weight    = 25
  }
  affinity {
    attribute = "${node.unique.id}"
    operator  = "regexp"
    value     = "^[1345]"
    weight    = 25
  }
  affinity {
    attribute = "${node.unique.id}"
    operator  = "regexp"
    value     = "^[35]"
    weight    = 25
  }
  affinity {
    attribute = "${node.unique.id}"
    operator  = "regexp"
    value     = "^[5]"
    weight    = 25
  }

  group "runner" {
    count = 1

    # A run is never repeated behind the bridge's back: whether there is another attempt
    # is decided there.
    restart {
      attempts = 0
      mode     = "fail"
    }
    reschedule {
      attempts  = 0
      unlimited = false
    }

    # A node that is away is waited for; nobody takes its place.
    disconnect {
      lost_after = "5m"
      replace    = false
      reconcile  = "keep_original"
    }

    network {
      port "gateway" {}
    }

    ephemeral_disk {
      size = 300
    }

    task "executor" {
      driver = "raw_exec"

      config {
        command = "/usr/local/bin/seatrial"
        args    = ["--state", "/var/lib/seatrial", "nomad", "executor"]
      }

      identity {
        env = true
      }
      env {
        NODE_ID   = "${node.unique.id}"
        NODE_NAME = "${node.unique.name}"
      }

      # Stopping means tearing down. The client's max_kill_timeout caps this.
      kill_timeout = "7m"

      resources {
        cpu    = 340
        memory = 400
        memory_max = 1280
      }
      logs {
        max_files     = 5
        max_file_size = 10
      }
    }

    # After the executor, however it ended: looks after what it left on the node.
    task "teardown" {
      driver = "raw_exec"

      lifecycle {
        hook = "poststop"
      }
      config {
        command = "/usr/local/bin/seatrial"
        args    = ["--state", "/var/lib/seatrial", "nomad", "teardown"]
      }

      identity {
        env = true
      }
      env {
        NODE_ID   = "${node.unique.id}"
        NODE_NAME = "${node.unique.name}"
      }
      kill_timeout = "7m"

      resources {
        cpu    = 50
        memory = 128
      }
      logs {
        max_files     = 2
        max_file_size = 5
      }
    }
  }
}
