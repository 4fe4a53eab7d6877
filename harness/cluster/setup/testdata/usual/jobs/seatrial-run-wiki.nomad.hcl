# Runs of the recipe wiki, with what its enrolment asks for.
# A dispatch of this job is one attempt at a run. What a job of your own needs to take
# its place: the name, the required meta, the group and the task's name.
#
# nomad job run jobs/seatrial-run-wiki.nomad.hcl
job "seatrial-run-wiki" {
  namespace   = "ci"
  type        = "batch"
  datacenters = ["*"]
  node_pool   = "default"

  meta {
    seatrial_definition = "44ee673623203cea"
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

  # The enrolment needs it; a node offers it in its meta: capabilities = "a,b".
  constraint {
    attribute = "${meta.capabilities}"
    operator  = "set_contains"
    value     = "large"
  }

  # The enrolment needs it; a node offers it in its meta: capabilities = "a,b".
  constraint {
    attribute = "${meta.capabilities}"
    operator  = "set_contains"
    value     = "browser"
  }

  # Warm caches: this repository's runs like to go where its runs went before, and nobody
  # has to remember where that was. The 16 digits that a node's ID may begin with are put
  # in an order that is this repository's own; the first digit suits best, then the
  # first two, four, eight. A node that comes or goes changes nothing for the others, and a
  # full node is passed over.
  affinity {
    attribute = "${node.unique.id}"
    operator  = "regexp"
    value     = "^[123456ad]"
    weight    = 25
  }
  affinity {
    attribute = "${node.unique.id}"
    operator  = "regexp"
    value     = "^[256a]"
    weight    = 25
  }
  affinity {
    attribute = "${node.unique.id}"
    operator  = "regexp"
    value     = "^[25]"
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
      driver = "docker"

      config {
        image   = "registry.example.org/runner@sha256:abc"
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
        cpu    = 2100
        memory = 3328
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
        image   = "registry.example.org/runner@sha256:abc"
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
