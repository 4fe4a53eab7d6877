package compose

import "strings"

// own says whether a name in the engine can be nobody else's.
func (p *policy) own(full string) bool { return strings.HasPrefix(full, p.Stack+"_") }

// stackName is how a recipe writes the beginning of such a name.
const stackPrefix = "${STACK_NAME}_"

func (p *policy) volumes() {
	for _, v := range p.Volumes {
		c := p.Config.Volumes[v.Name]
		at := func(key string) Place { return p.At("volumes", v.Name, key) }
		switch {
		case v.External:
			p.deny("foreign-volume", v.Full, at("external"), "the volume %s is not made by this stack", v.Full)
			continue
		case !p.own(v.Full):
			p.deny("foreign-volume", v.Full, at("name"), "the volume %s has a name that does not begin with %s", v.Full, stackPrefix)
		}
		options := c.DriverOpts
		switch {
		case c.Spec != nil:
			p.deny("volume-driver", v.Name, at("x-cluster-spec"), "the volume %s is one of a cluster", v.Name)
		case c.Driver != "" && c.Driver != "local":
			p.deny("volume-driver", v.Name, at("driver"), "the volume %s asks for the driver %s", v.Name, c.Driver)
		case options["type"] == "none" || hasOption(options["o"], "bind") || hasOption(options["o"], "rbind"):
			p.bind(options["device"], at("driver_opts"), "the volume "+v.Name)
		case len(options) > 0 && (options["type"] != "tmpfs" || options["device"] != "tmpfs"):
			p.deny("volume-driver", v.Name, at("driver_opts"), "the volume %s mounts %q (type %q)", v.Name, options["device"], options["type"])
		}
	}
}

func hasOption(options, wanted string) bool {
	for _, o := range strings.Split(options, ",") {
		if strings.TrimSpace(o) == wanted {
			return true
		}
	}
	return false
}

func (p *policy) networks() {
	for _, n := range p.Networks {
		at := func(key string) Place { return p.At("networks", n.Name, key) }
		switch driver := p.Config.Networks[n.Name].Driver; {
		case n.Full == hostNetwork:
			// That is asked about where a service is in it.
		case n.External && n.Full != proxy:
			p.deny("foreign-network", n.Full, at("external"), "the network %s is not made by this stack", n.Full)
		case !n.External && !p.own(n.Full):
			p.deny("foreign-network", n.Full, at("name"), "the network %s has a name that does not begin with %s", n.Full, stackPrefix)
		case !n.External && driver != "" && driver != "overlay":
			p.deny("network-driver", driver, at("driver"), "the network %s asks for the driver %s", n.Name, driver)
		}
	}
}

func (p *policy) objects() {
	for _, c := range p.Configs {
		at := func(key string) Place { return p.At("configs", c.Name, key) }
		switch {
		case c.External:
			p.deny("foreign-config", c.Full, at("external"), "the config %s is not made by this stack", c.Full)
		case !p.own(c.Full):
			p.deny("foreign-config", c.Full, at("name"), "the config %s has a name that does not begin with %s", c.Full, stackPrefix)
		}
		p.drivers("configs", c.Name, p.Config.Configs[c.Name].Driver, p.Config.Configs[c.Name].TemplateDriver)
	}
	for _, s := range p.Secrets {
		at := p.At("secrets", s.Name, "name")
		if !p.own(s.Full) {
			p.deny("foreign-secret", s.Full, at, "the secret %s has a name that does not begin with %s", s.Full, stackPrefix)
		}
		p.drivers("secrets", s.Name, p.Config.Secrets[s.Name].Driver, p.Config.Secrets[s.Name].TemplateDriver)
	}
}

// drivers refuses programs of the machine; golang is the engine's own templates.
func (p *policy) drivers(section, name, driver, template string) {
	if driver != "" {
		p.deny("object-driver", driver, p.At(section, name, "driver"), "%s asks for the driver %s", name, driver)
	}
	if template != "" && template != "golang" {
		p.deny("object-driver", template, p.At(section, name, "template_driver"), "%s asks for the template driver %s", name, template)
	}
}
