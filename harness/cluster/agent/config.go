package agent

import (
	"cmp"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Options say what an agent is.
type Options struct {
	Program string // from Find
	Dir     string // of this agent alone; it is made

	Name     string // of the node; default: the folder's name
	NoServer bool   // a client only, which needs Join
	NoClient bool   // a server only
	// Dev is for a cluster of one that need not outlive its agent: Nomad's development
	// mode, which keeps nothing on disk, so that Restart begins an empty cluster. In
	// return a node is ready at once, and tells of its volumes within a second where it
	// else takes five to ten.
	Dev    bool
	Expect int               // servers of the cluster; default 1
	Join   []string          // a client's servers: Agent.RPC; a server's fellows: Agent.Serf
	Meta   map[string]string // of the node
	// ChrootEnv is what the exec driver copies into each task's root, by source. The
	// default of Nomad is a whole system and takes a quarter of a minute a task.
	ChrootEnv map[string]string
	// Grace is how long a client may be silent before it counts as lost; default 10 s.
	Grace time.Duration
	// Change may change the configuration before it is written, as JSON names it.
	Change func(config map[string]any)
}

// environment keeps whatever is meant for another Nomad from this one.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "NOMAD_") })
}

func (a *Agent) config(client bool) map[string]any {
	host, port := split(strings.TrimPrefix(a.HTTP, "http://"))
	_, rpc := split(a.RPC)
	_, serf := split(a.Serf)
	grace := cmp.Or(max(a.Grace, 0), 10*time.Second)
	c := map[string]any{
		"name": a.Name, "log_level": "INFO", "bind_addr": host, "data_dir": filepath.Join(a.Dir, "data"), "disable_update_check": true, "leave_on_interrupt": false, "leave_on_terminate": false,
		"advertise": map[string]any{"http": host, "rpc": host, "serf": host},
		"ports":     map[string]any{"http": port, "rpc": rpc, "serf": serf},
		"acl":       map[string]any{"enabled": true, "token_ttl": "1s", "policy_ttl": "1s", "role_ttl": "1s"},
		"consul":    map[string]any{"auto_advertise": false, "server_auto_join": false, "client_auto_join": false},
		"limits":    map[string]any{"http_max_conns_per_client": 0, "rpc_max_conns_per_client": 0},
	}
	if !a.NoServer {
		server := map[string]any{
			"enabled": true, "bootstrap_expect": max(a.Expect, 1), "raft_multiplier": 1, "heartbeat_grace": grace.String(),
			"min_heartbeat_ttl": "2s", "max_heartbeats_per_second": 1000.0, "failover_heartbeat_ttl": "20s",
		}
		if len(a.Join) > 0 {
			server["server_join"] = map[string]any{"retry_join": a.Join, "retry_interval": "1s"}
		}
		c["server"] = server
	}
	if client {
		part := map[string]any{
			"enabled": true, "alloc_dir": a.allocs, "max_kill_timeout": "10m", "network_interface": "lo", "gc_interval": "1h",
			"options": map[string]any{"fingerprint.denylist": "env_aws,env_gce,env_azure,env_digitalocean,consul,vault"},
		}
		if a.NoServer {
			part["servers"] = a.Join
		}
		if a.Meta != nil {
			part["meta"] = a.Meta
		}
		if a.ChrootEnv != nil {
			part["chroot_env"] = a.ChrootEnv
		}
		c["client"] = part
		c["plugin"] = []any{map[string]any{"raw_exec": []any{map[string]any{"config": []any{map[string]any{"enabled": true}}}}}}
	}
	if a.Change != nil {
		a.Change(c)
	}
	return c
}

// allocDir makes a folder whose path is short enough, in the agent's own where that is.
func allocDir(dir string) (string, error) {
	const most = 107 - len("/01234567-0123-0123-0123-0123456789ab/executor/secrets/api.sock")
	if own := filepath.Join(dir, "a"); len(own) <= most {
		return own, os.MkdirAll(own, 0o711)
	}
	short, err := os.MkdirTemp("/tmp", "nomad-")
	if err != nil {
		return "", err
	}
	return short, os.Chmod(short, 0o711)
}

func split(addr string) (host string, port int) {
	tcp, _ := net.ResolveTCPAddr("tcp", addr) // it is one of freePorts
	return tcp.IP.String(), tcp.Port
}

// freePorts finds ports on loopback that nobody listens on now.
func freePorts(n int) ([]string, error) {
	var found []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		found = append(found, l.Addr().String())
	}
	return found, nil
}
