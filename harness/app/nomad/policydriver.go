package nomad

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/nomad/api"
)

// allowedKeys are a driver's settings that reach nothing but the task itself. Settings
// that are not known here are refused: a driver learns new ones.
var allowedKeys = map[string][]string{
	"exec": {"command", "args", "work_dir", "cap_drop", "pid_mode", "ipc_mode"},
	"java": {"class", "class_path", "jar_path", "args", "jvm_options", "work_dir", "cap_drop", "pid_mode", "ipc_mode"},
	"docker": {
		"image", "command", "args", "entrypoint", "work_dir", "ports", "port_map", "hostname", "labels", "healthchecks", "force_pull", "image_pull_timeout", "init",
		"interactive", "tty", "readonly_rootfs", "shm_size", "ulimit", "cap_drop", "extra_hosts", "dns_servers", "dns_search_domains", "dns_options", "auth",
		"auth_soft_fail", "pids_limit", "network_aliases", "network_mode", "pid_mode", "ipc_mode", "uts_mode", "userns_mode", "privileged", "volumes", "mount", "mounts", "logging",
	},
}

// driver holds a task's driver and its settings against the policy.
func (r *refusals) driver(where string, g *api.TaskGroup, t *api.Task) {
	if r.trusted {
		return
	}
	allowed, known := allowedKeys[t.Driver]
	if !known {
		r.untrusted(where, "the driver %s%s", t.Driver, map[bool]string{true: ", which runs the task as root on the node itself"}[t.Driver == "raw_exec"])
		return
	}
	if t.Driver != "docker" && !separate(g) {
		r.untrusted(where, `the driver %s in the node's own network; give the group a network { mode = "bridge" }`, t.Driver)
	}
	if t.Driver != "docker" && (t.User == "root" || t.User == "0") {
		r.untrusted(where, "it runs as root")
	}
	var keys []string
	for key := range t.Config {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if why := refused(key, t.Config[key], allowed); why != "" {
			r.untrusted(where, "%s", why)
		}
	}
}

// separate says that a group's tasks do not share the node's network.
func separate(g *api.TaskGroup) bool {
	return slices.ContainsFunc(g.Networks, func(n *api.NetworkResource) bool { return n.Mode == "bridge" || n.Mode == "none" })
}

func refused(key string, setting any, allowed []string) string {
	if !slices.Contains(allowed, key) {
		return fmt.Sprintf("the driver's setting %q", key)
	}
	text := fmt.Sprint(setting)
	switch key {
	case "privileged":
		if text != "false" && text != "" {
			return "a privileged container"
		}
	case "pid_mode", "ipc_mode", "uts_mode", "userns_mode":
		if text != "" && text != "private" && text != "none" && text != "shareable" {
			return fmt.Sprintf("%s %q", key, text)
		}
	case "network_mode":
		if text != "" && text != "bridge" && text != "none" && text != "default" {
			return fmt.Sprintf("the container's network mode %q", text)
		}
	case "volumes":
		for _, bind := range list(setting) {
			from, _, found := strings.Cut(fmt.Sprint(bind), ":")
			if found && !inTask(from) {
				return fmt.Sprintf("the container's volume %q, which is of the node", bind)
			}
		}
	case "mount", "mounts":
		for _, m := range list(setting) {
			fields, ok := m.(map[string]any)
			kind, from := fmt.Sprint(fields["type"]), fmt.Sprint(fields["source"])
			if !ok || kind != "tmpfs" && (kind != "bind" || !inTask(from)) {
				return fmt.Sprintf("a mount of the type %q; use a volume block", kind)
			}
		}
	case "logging":
		return "logging elsewhere: what the app prints would not be seen"
	}
	return ""
}

// inTask says that a path lies in the task's own folder.
func inTask(name string) bool {
	clean := path.Clean(name)
	first, _, _ := strings.Cut(clean, "/")
	return first == "local" || first == "alloc" || first == "secrets"
}

func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	case []map[string]any:
		var all []any
		for _, m := range v {
			all = append(all, m)
		}
		return all
	default:
		return []any{v}
	}
}
