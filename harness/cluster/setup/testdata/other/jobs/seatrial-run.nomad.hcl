# Runs of recipes that have no job of their own.
# A dispatch of this job is one attempt at a run. What a job of your own needs to take
# its place: the name, the required meta, the group and the task's name.
#
# nomad job run jobs/seatrial-run.nomad.hcl
job "seatrial-run" {
  namespace   = "trial"
  type        = "batch"
  datacenters = ["*"]
  node_pool   = "ci"

  meta {
    seatrial_definition = "0021a8d593b44af7"
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
      lost_after = "1m30s"
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
      driver = "docker"

      config {
        image   = "runner:1"
        ports   = ["gateway"]
        command = "seatrial"
        args    = ["--state", "${NOMAD_ALLOC_DIR}/state", "nomad", "executor"]
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
        cpu    = 1100
        memory = 1280
      }
      logs {
        max_files     = 5
        max_file_size = 10
      }
    }

    # After the executor, however it ended: looks after what it left on the node.
    task "teardown" {
      driver = "docker"

      lifecycle {
        hook = "poststop"
      }
      config {
        image   = "runner:1"
        command = "seatrial"
        args    = ["--state", "${NOMAD_ALLOC_DIR}/state", "nomad", "teardown"]
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
