package compose

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/cli/cli/compose/types"
)

// service holds what a service asks for against the rules. Swarm ignores some of it;
// a recipe that needs it would not work, and another version of Docker might grant it.
func (p *policy) service(s types.ServiceConfig) {
	at := func(path ...string) Place { return p.At(append([]string{"services", s.Name}, path...)...) }
	if s.Privileged {
		p.deny("privileged", s.Name, at("privileged"), "%s asks to be privileged", s.Name)
	}
	p.namespaces(s, at)
	for _, d := range s.Devices {
		p.deny("device", d, at("devices", d), "%s asks for the device %s", s.Name, d)
	}
	for _, c := range s.CapAdd {
		p.deny("capability", c, at("cap_add", c), "%s asks for the capability %s", s.Name, c)
	}
	for _, o := range s.SecurityOpt {
		if plain := strings.ReplaceAll(o, "=", ":"); plain != "no-new-privileges:true" && plain != "no-new-privileges" {
			p.deny("security-option", o, at("security_opt", o), "%s asks for the security option %s", s.Name, o)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Sysctls)) {
		p.deny("sysctl", name, at("sysctls", name), "%s sets the kernel's %s", s.Name, name)
	}
	if s.CgroupParent != "" {
		p.deny("cgroup-parent", s.CgroupParent, at("cgroup_parent"), "%s asks for the control group %s", s.Name, s.CgroupParent)
	}
	if c := s.CredentialSpec; c != (types.CredentialSpecConfig{}) {
		p.deny("credential-spec", s.Name, at("credential_spec"), "%s asks for credentials of the machine", s.Name)
	}
	for _, h := range s.ExtraHosts {
		name, _, _ := strings.Cut(h, ":")
		p.deny("extra-host", h, at("extra_hosts", name), "%s names a host of its own: %s", s.Name, h)
	}
	if l := s.Logging; l != nil && l.Driver != "" && l.Driver != "json-file" && l.Driver != "local" {
		p.deny("logging-driver", l.Driver, at("logging", "driver"), "%s asks for the logging driver %s", s.Name, l.Driver)
	}
	for _, port := range s.Ports {
		published := strconv.Itoa(int(port.Published))
		where := at("ports", published)
		if port.Published == 0 {
			where = at("ports", strconv.Itoa(int(port.Target)))
		}
		what := published + "/" + port.Protocol
		if port.Protocol == "" {
			what += "tcp"
		}
		p.deny("published-port", what, where, "%s publishes the port %s; Traefik leads to it without", s.Name, what)
	}
}

// namespaces are those of the machine, or of another container.
func (p *policy) namespaces(s types.ServiceConfig, at func(...string) Place) {
	for _, n := range []struct{ key, value string }{
		{"pid", s.Pid}, {"ipc", s.Ipc}, {"userns_mode", s.UserNSMode}, {"cgroupns_mode", s.CgroupNSMode}, {"network_mode", s.NetworkMode},
	} {
		switch {
		case n.key == "network_mode" && n.value == "host":
			p.deny("host-network", s.Name, at(n.key), "%s asks for the machine's own network", s.Name)
		case n.value == "host" || strings.HasPrefix(n.value, "container:") || strings.HasPrefix(n.value, "service:"):
			p.deny("host-namespace", s.Name+" "+n.key, at(n.key), "%s asks for %s: %s", s.Name, n.key, n.value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Networks)) {
		for _, n := range p.Networks {
			if n.Name == name && n.Full == hostNetwork {
				p.deny("host-network", s.Name, at("networks", name), "%s asks for the machine's own network", s.Name)
			}
		}
	}
}

const hostNetwork = "host"

// resources are what one service takes from all others.
func (p *policy) resources(s types.ServiceConfig) {
	at := func(path ...string) Place { return p.At(append([]string{"services", s.Name}, path...)...) }
	if n := s.Deploy.Replicas; n != nil && *n > mostReplicas {
		p.deny("replicas", s.Name, at("deploy", "replicas"), "%s asks for %d replicas; %d are possible", s.Name, *n, mostReplicas)
	}
	for _, c := range s.Deploy.Placement.Constraints {
		plain := strings.ReplaceAll(c, " ", "")
		if strings.HasPrefix(plain, "node.id==") || strings.HasPrefix(plain, "node.hostname==") || strings.HasPrefix(plain, "node.ip==") {
			p.deny("other-node", c, at("deploy", "placement", "constraints", c), "%s asks for a certain node: %s", s.Name, c)
		}
	}
}

// mounts are what a service sees of the machine.
func (p *policy) mounts(s types.ServiceConfig) {
	for _, v := range s.Volumes {
		at := []string{"services", s.Name, "volumes", v.Target}
		switch v.Type {
		case "bind", "npipe":
			p.bind(p.source(at, v.Source), p.At(at...), s.Name)
		case "volume", "tmpfs":
		default:
			p.deny("volume-driver", v.Source, p.At(at...), "%s mounts %s as a %s", s.Name, v.Source, v.Type)
		}
	}
}

// bind refuses a path of the machine.
func (p *policy) bind(source string, at Place, who string) {
	if leadsToDocker(source) {
		p.deny("docker-socket", source, at, "%s mounts %s, through which Docker can be spoken to", who, source)
		return
	}
	p.deny("bind-mount", source, at, "%s mounts %s of the machine", who, source)
}

// source is a mount's source as it is written: the loader makes it an absolute path on
// this machine.
func (p *policy) source(at []string, source string) string {
	raw, _ := p.Written(at...)
	r := reader{env: p.Env}
	written, _, _ := strings.Cut(r.interpolated(raw), ":")
	if written == "" || path.IsAbs(written) {
		return path.Clean(source)
	}
	if written = path.Clean(written); !strings.HasPrefix(written, "..") {
		written = "./" + strings.TrimPrefix(written, "./")
	}
	return written
}

// leadsToDocker tells the sockets by which an engine is commanded, and the folders in
// which they lie.
func leadsToDocker(source string) bool {
	source = path.Clean(strings.Replace(source, "/var/run", "/run", 1))
	for _, socket := range []string{"/run/docker.sock", "/run/docker", "/run/containerd/containerd.sock", "/run/podman/podman.sock", "/var/run", "/var/lib/docker", "/var/lib/containerd"} {
		if _, in := inside(source, socket); in {
			return true
		}
		if _, in := inside(socket, source); in {
			return true
		}
	}
	return path.Base(source) == "docker.sock"
}

// labels refuses labels by which things are told apart.
func (p *policy) labels() {
	check := func(labels map[string]string, at ...string) {
		for _, key := range slices.Sorted(maps.Keys(labels)) {
			for _, reserved := range []string{"com.docker.", "seatrial."} {
				if strings.HasPrefix(strings.ToLower(key), reserved) {
					p.deny("reserved-label", key, p.At(append(at, key)...), "%s sets the label %s", at[1], key)
				}
			}
		}
	}
	for _, s := range p.Services {
		check(s.Labels, "services", s.Name, "deploy", "labels")
		check(s.ContainerLabels, "services", s.Name, "labels")
	}
	for name, v := range p.Config.Volumes {
		check(v.Labels, "volumes", name, "labels")
	}
	for name, n := range p.Config.Networks {
		check(n.Labels, "networks", name, "labels")
	}
	for name, c := range p.Config.Configs {
		check(c.Labels, "configs", name, "labels")
	}
	for name, s := range p.Config.Secrets {
		check(s.Labels, "secrets", name, "labels")
	}
}
