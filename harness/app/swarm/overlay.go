package swarm

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"seatrial/recipes/compose"
)

// proxyNetwork is what Co-op Cloud recipes call the network that they share with Traefik.
const proxyNetwork = "proxy"

// overlay is the compose file of ours that is laid over a recipe's: labels for whatever
// is made, the image's digests, the node that volumes lie on, and the network that
// proxy stands for.
func (a *App) overlay(d *deployed, node, proxy string) ([]byte, error) {
	file := yaml.MapSlice{}
	if v := d.recipe.Config.Version; v != "" {
		file = append(file, yaml.MapItem{Key: "version", Value: v})
	}
	services := map[string]any{}
	for _, s := range d.recipe.Services {
		services[s.Name] = a.serviceOverlay(d, s, node)
	}
	networks := map[string]any{}
	for _, n := range d.recipe.Networks {
		switch {
		case !n.External:
			networks[n.Name] = map[string]any{"labels": a.labels()}
		case n.Full == proxyNetwork:
			networks[n.Name] = map[string]any{"external": true, "name": proxy}
		}
	}
	volumes, configs, secrets := map[string]any{}, map[string]any{}, map[string]any{}
	for _, v := range d.recipe.Volumes {
		if !v.External {
			volumes[v.Name] = map[string]any{"labels": a.labels()}
		}
	}
	for _, c := range d.recipe.Configs {
		if !c.External {
			configs[c.Name] = map[string]any{"labels": a.labels()}
		}
	}
	for _, s := range d.recipe.Secrets {
		if !s.External {
			secrets[s.Name] = map[string]any{"labels": a.labels()}
		}
	}
	for _, part := range []yaml.MapItem{{Key: "services", Value: services}, {Key: "networks", Value: networks}, {Key: "volumes", Value: volumes}, {Key: "configs", Value: configs}, {Key: "secrets", Value: secrets}} {
		if len(part.Value.(map[string]any)) > 0 {
			file = append(file, part)
		}
	}
	return yaml.Marshal(file)
}

func (a *App) serviceOverlay(d *deployed, s compose.Service, node string) map[string]any {
	labels := maps.Clone(a.labels())
	labels[labelRelease] = d.serial
	deploy := map[string]any{"labels": labels, "placement": map[string]any{"constraints": []string{"node.id == " + node}}}
	if spec, ok := service(d.recipe, s.Name); ok && len(spec.Ports) == 0 && !a.cfg.Engine.virtual() {
		deploy["endpoint_mode"] = "dnsrr"
	}
	over := map[string]any{"labels": a.labels(), "deploy": deploy}
	if pinned := d.pinned[s.Name]; pinned != "" {
		over["image"] = pinned
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
