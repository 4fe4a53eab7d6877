package swarmtest

import (
	"context"
	"slices"
	"strings"
)

// builtin are the networks that every swarm node has.
var builtin = []string{"bridge", "host", "none", "ingress", "docker_gwbridge"}

// Inventory lists what is in the engine beside images, as the docker command line sees
// it: a line for each thing, which begins with its kind.
func (e *Engine) Inventory(ctx context.Context) ([]string, error) {
	var all []string
	for _, list := range []struct {
		kind string
		args []string
	}{
		{"service", []string{"service", "ls", "--format", "{{.Name}}"}},
		{"task", []string{"node", "ps", "self", "--no-trunc", "--format", "{{.Name}} {{.ID}} {{.CurrentState}}"}},
		{"container", []string{"ps", "--all", "--no-trunc", "--format", "{{.Names}} {{.Status}}"}},
		{"network", []string{"network", "ls", "--format", "{{.Name}}"}},
		{"volume", []string{"volume", "ls", "--format", "{{.Name}}"}},
		{"secret", []string{"secret", "ls", "--format", "{{.Name}}"}},
		{"config", []string{"config", "ls", "--format", "{{.Name}}"}},
	} {
		out, err := e.Docker(ctx, list.args...)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(out) {
			line = strings.TrimSpace(line)
			if line != "" && (list.kind != "network" || !slices.Contains(builtin, line)) {
				all = append(all, list.kind+" "+line)
			}
		}
	}
	return all, nil
}
