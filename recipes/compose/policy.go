package compose

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/docker/cli/cli/compose/types"

	"seatrial/recipes"
)

// proxy is the network that recipes share with Traefik. It is for all.
const proxy = "proxy"

// Denied is something that a recipe asks for and that is not allowed.
type Denied struct {
	Rule, What string
	Place      Place
	Text       string // for the packager: what, and what to do
}

// Policy holds the recipe against the operator's policy. allow are the enrolment's
// exceptions, each "<rule>: <what>".
func (r *Recipe) Policy(allow []string) []Denied {
	p := &policy{Recipe: r, allow: allow}
	for _, s := range r.Config.Services {
		p.service(s)
		p.mounts(s)
		p.ports(s)
	}
	p.objects()
	slices.SortStableFunc(p.denied, func(a, b Denied) int {
		if c := strings.Compare(a.Place.File, b.Place.File); c != 0 {
			return c
		}
		return a.Place.Line - b.Place.Line
	})
	return p.denied
}

type policy struct {
	*Recipe
	allow  []string
	denied []Denied
}

// deny refuses one thing, unless it is allowed.
func (p *policy) deny(rule, what string, at Place, format string, args ...any) {
	entry := rule + ": " + what
	if slices.Contains(p.allow, entry) {
		return
	}
	if _, known := recipes.PolicyRules[rule]; !known {
		panic("a rule that nobody knows: " + rule)
	}
	text := fmt.Sprintf(format, args...)
	p.denied = append(p.denied, Denied{rule, what, at, fmt.Sprintf("%s. Leave it out, or the operator adds %q to allow in the enrolment", plain(text), plain(entry))})
}

func (p *policy) service(s types.ServiceConfig) {
	at := func(field string) Place { return p.At("services", s.Name, field) }
	if s.Privileged {
		p.deny("privileged", s.Name, at("privileged"), "%s asks to be privileged, which is root on the machine", s.Name)
	}
	for field, value := range map[string]string{"pid": s.Pid, "ipc": s.Ipc, "userns_mode": s.UserNSMode, "network_mode": s.NetworkMode} {
		if value == "host" || strings.HasPrefix(value, "container:") || strings.HasPrefix(value, "service:") {
			rule := "host-namespace"
			if field == "network_mode" && value == "host" {
				rule = "host-network"
			}
			p.deny(rule, s.Name+" "+field, at(field), "%s asks for %s: %s", s.Name, field, value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Networks)) {
		if n, ok := p.Config.Networks[name]; name == "host" || ok && n.External.External && (n.Name == "host" || n.Name == "" && name == "host") {
			p.deny("host-network", s.Name+" networks", p.At("services", s.Name, "networks", name), "%s asks for the machine's own network", s.Name)
		}
	}
	for _, d := range s.Devices {
		p.deny("device", d, at("devices"), "%s asks for the device %s", s.Name, d)
	}
	for _, c := range s.CapAdd {
		p.deny("capability", c, p.At("services", s.Name, "cap_add", c), "%s asks for the capability %s", s.Name, c)
	}
	for _, o := range s.SecurityOpt {
		if o != "no-new-privileges:true" && o != "no-new-privileges" {
			p.deny("security-option", o, at("security_opt"), "%s asks for the security option %s", s.Name, o)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Sysctls)) {
		p.deny("sysctl", name, p.At("services", s.Name, "sysctls", name), "%s sets the kernel's %s", s.Name, name)
	}
	if s.CgroupParent != "" {
		p.deny("cgroup-parent", s.CgroupParent, at("cgroup_parent"), "%s asks for the control group %s", s.Name, s.CgroupParent)
	}
	if c := s.CredentialSpec; c.File != "" || c.Registry != "" || c.Config != "" {
		p.deny("credential-spec", s.Name, at("credential_spec"), "%s asks for credentials of the machine", s.Name)
	}
	for _, c := range s.Deploy.Placement.Constraints {
		// The swarm has one node here, and what asks for another never runs.
		if strings.HasPrefix(strings.ReplaceAll(c, " ", ""), "node.id==") || strings.HasPrefix(strings.ReplaceAll(c, " ", ""), "node.hostname==") {
			p.deny("other-node", c, p.At("services", s.Name, "deploy", "placement", "constraints"), "%s asks for a certain node: %s", s.Name, c)
		}
	}
}

// sockets are where Docker listens, on most machines.
var sockets = []string{"/var/run/docker.sock", "/run/docker.sock", "/var/run", "/run", "/run/containerd", "/var/run/containerd", "/var/lib/docker"}

func (p *policy) mounts(s types.ServiceConfig) {
	for i, v := range s.Volumes {
		at := p.At("services", s.Name, "volumes", fmt.Sprint(i))
		switch v.Type {
		case "bind", "npipe", "cluster":
			source := path.Clean(v.Source)
			if slices.Contains(sockets, source) || source == "/" {
				p.deny("docker-socket", source, at, "%s mounts %s, by which it could speak to Docker", s.Name, source)
				continue
			}
			// A folder of the recipe's own would not be there on another node, nor on a
			// packager's machine.
			p.deny("bind-mount", source, at, "%s mounts %s of the machine", s.Name, source)
		}
	}
}

func (p *policy) ports(s types.ServiceConfig) {
	for i, port := range s.Ports {
		if port.Published == 0 && port.Mode != "host" && port.Target == 0 {
			continue
		}
		what := fmt.Sprintf("%d/%s", port.Published, port.Protocol)
		p.deny("published-port", what, p.At("services", s.Name, "ports", fmt.Sprint(i)), "%s publishes the port %s of the machine: Traefik leads to it without", s.Name, what)
	}
}

// own says whether a name can be nobody else's.
func (p *policy) own(full string) bool { return strings.HasPrefix(full, p.Stack+"_") }

func (p *policy) objects() {
	for _, v := range p.Volumes {
		c := p.Config.Volumes[v.Name]
		at := p.At("volumes", v.Name)
		switch {
		case v.External || !p.own(v.Full):
			p.deny("foreign-volume", v.Full, at, "the volume %s is not this stack's: its name does not begin with ${STACK_NAME}_", v.Full)
		case c.Driver != "" && c.Driver != "local" || len(c.DriverOpts) > 0:
			p.deny("volume-driver", v.Name, at, "the volume %s is not a plain one of the engine (driver %q, options %v)", v.Name, c.Driver, slices.Sorted(maps.Keys(c.DriverOpts)))
		}
	}
	for _, n := range p.Networks {
		if n.External && n.Full == proxy || n.Full == "host" {
			continue // host is asked about where a service is in it
		}
		if n.External || !p.own(n.Full) {
			p.deny("foreign-network", n.Full, p.At("networks", n.Name), "the network %s is not this stack's", n.Full)
		}
	}
	for _, c := range p.Configs {
		if c.External || !p.own(c.Full) {
			p.deny("foreign-config", c.Full, p.At("configs", c.Name), "the config %s is not this stack's: its name does not begin with ${STACK_NAME}_", c.Full)
		}
	}
	for _, s := range p.Secrets {
		if !p.own(s.Full) {
			p.deny("foreign-secret", s.Full, p.At("secrets", s.Name), "the secret %s is not this stack's: its name does not begin with ${STACK_NAME}_", s.Full)
		}
	}
}
