package swarm

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/cli/cli/compose/types"
	"gopkg.in/yaml.v3"

	"seatrial/recipes/compose"
)

// proxyNetwork is what Co-op Cloud recipes call the network that they share with Traefik.
const proxyNetwork = "proxy"

// overlay is the compose file of ours that is laid over a recipe's: labels for whatever
// is made, the images' digests, the node that volumes lie on, and the network that proxy
// stands for. Of services the docker program merges the fields; volumes, networks,
// configs and secrets it takes as the last file has them, so they are repeated whole.
func (a *App) overlay(d *deployed, node, proxy string) ([]byte, error) {
	services, networks, volumes, configs, secrets := part{}, part{}, part{}, part{}, part{}
	for _, s := range d.recipe.Services {
		services[s.Name] = a.serviceOverlay(d, s, node)
	}
	for _, n := range d.recipe.Networks {
		c := d.recipe.Config.Networks[n.Name]
		switch {
		case !n.External:
			c.Name, c.Labels = n.Full, a.added(c.Labels)
			networks[n.Name] = c
		case n.Full == proxyNetwork:
			networks[n.Name] = part{"external": true, "name": proxy}
		}
	}
	for _, v := range d.recipe.Volumes {
		if c := d.recipe.Config.Volumes[v.Name]; !v.External {
			c.Name, c.Labels = v.Full, a.added(c.Labels)
			volumes[v.Name] = c
		}
	}
	for _, one := range d.recipe.Configs {
		if c := d.recipe.Config.Configs[one.Name]; !one.External {
			c.Name, c.Labels = one.Full, a.added(c.Labels)
			configs[one.Name] = c
		}
	}
	for _, s := range d.recipe.Secrets {
		if c := d.recipe.Config.Secrets[s.Name]; !s.External {
			c.Name, c.Labels = s.Full, a.added(c.Labels)
			secrets[s.Name] = c
		}
	}
	file := part{}
	if v := d.recipe.Config.Version; v != "" {
		file["version"] = v
	}
	for name, p := range map[string]part{"services": services, "networks": networks, "volumes": volumes, "configs": configs, "secrets": secrets} {
		if len(p) > 0 {
			file[name] = p
		}
	}
	text, err := yaml.Marshal(file)
	// Everything was interpolated already, and must not be again.
	return []byte(strings.ReplaceAll(string(text), "$", "$$")), err
}

// part is a part of a compose file.
type part map[string]any

// added are an object's labels and ours.
func (a *App) added(labels types.Labels) types.Labels {
	all := types.Labels{}
	maps.Copy(all, labels)
	maps.Copy(all, a.labels())
	return all
}

func (a *App) serviceOverlay(d *deployed, s compose.Service, node string) part {
	labels := maps.Clone(a.labels())
	labels[labelRelease] = d.serial
	deploy := part{"labels": labels, "placement": part{"constraints": []string{"node.id == " + node}}}
	spec, _ := service(d.recipe, s.Name)
	if len(spec.Ports) == 0 && !a.cfg.Engine.virtual() {
		deploy["endpoint_mode"] = "dnsrr"
	}
	over := part{"labels": a.labels(), "deploy": deploy}
	if pinned := d.pinned[s.Name]; pinned != "" {
		over["image"] = pinned
	}
	// Where other apps of the run are looked for by their domain, that is its name.
	for _, n := range d.recipe.Networks {
		joined, in := spec.Networks[n.Name]
		if s.Name != d.recipe.Main || !in || !n.External || n.Full != proxyNetwork {
			continue
		}
		aliases := []string{a.domain}
		if joined != nil {
			aliases = append(aliases, joined.Aliases...)
		}
		over["networks"] = part{n.Name: part{"aliases": aliases}}
	}
	return over
}

// writeOverlay writes it where the docker program finds it, outside of the recipe.
func (a *App) writeOverlay(d *deployed, node, proxy string) (file string, remove func(), err error) {
	text, err := a.overlay(d, node, proxy)
	if err != nil {
		return "", nil, fmt.Errorf("cannot write our part of the stack: %w", err)
	}
	dir, err := os.MkdirTemp(a.cfg.Scratch, "stack-")
	if err != nil {
		return "", nil, fmt.Errorf("cannot write our part of the stack: %w", err)
	}
	file = filepath.Join(dir, "seatrial.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		os.RemoveAll(dir)
		return "", nil, fmt.Errorf("cannot write our part of the stack: %w", err)
	}
	return file, func() { os.RemoveAll(dir) }, nil
}
