# Removes what outlived its run, on every node and on the cluster. It is the last layer,
# behind the run itself, its poststop task and the bridge, so it need not come often.
#
# nomad job run jobs/seatrial-janitor.nomad.hcl
job "seatrial-janitor" {
  namespace   = "ci"
  type        = "sysbatch"
  datacenters = ["*"]
  node_pool   = "default"

  meta {
    seatrial_definition = "34539f8246db2897"
  }

  periodic {
    crons            = ["*/10 * * * *"]
    prohibit_overlap = true
    time_zone        = "UTC"
  }

  constraint {
    attribute = "${attr.kernel.name}"
    value     = "linux"
  }

  group "janitor" {
    restart {
      attempts = 0
      mode     = "fail"
    }

    task "janitor" {
      driver = "raw_exec"

      config {
        command = "/usr/local/bin/seatrial"
        args    = ["--state", "/var/lib/seatrial", "janitor", "--nomad"]
      }

      identity {
        env = true
      }
      env {
        NOMAD_ADDR = "${NOMAD_UNIX_ADDR}"
        NODE_ID    = "${node.unique.id}"
        NODE_NAME  = "${node.unique.name}"
      }

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
