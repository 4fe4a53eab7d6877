// Package swarm deploys Co-op Cloud recipes on a Docker Engine in swarm mode.
package swarm

import _ "github.com/moby/moby/client"
