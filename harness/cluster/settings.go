package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hashicorp/nomad/api"
)

// SettingsPath is the variable with what the operator set for the runs of a cluster. Nomad
// keeps variables encrypted; a job's arguments and environment are read by everybody who
// may read jobs, or lists a node's processes.
const SettingsPath = "seatrial/settings"

const settingsItem = "settings"

// Settings are the operator's, for every run.
type Settings struct {
	Share    []string `json:"share,omitempty"`     // folders of nodes that isolated builds and apps may read
	BuildEnv []string `json:"build_env,omitempty"` // KEY=VALUE, for builds alone
	Vault    string   `json:"vault,omitempty"`     // what keeps backups; empty: the archive
}

// Variable is the settings as they are kept.
func (s Settings) Variable(n Namespaces) (*api.Variable, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return &api.Variable{Namespace: n.Runs, Path: SettingsPath, Items: api.VariableItems{settingsItem: string(text)}}, nil
}

// ReadSettings reads them; where nothing was set, they are empty.
func ReadSettings(ctx context.Context, client *Client, n Namespaces) (s Settings, err error) {
	found, _, err := client.Variables().Read(SettingsPath, client.Query(ctx, n.Runs))
	if errors.Is(err, api.ErrVariablePathNotFound) {
		return s, nil
	}
	if err != nil {
		return s, Explain("read the settings of runs in "+SettingsPath, err)
	}
	// Their values are secret: no error may quote them.
	if json.Unmarshal([]byte(found.Items[settingsItem]), &s) != nil {
		return s, fmt.Errorf("cannot read the settings of runs in %s: it is not as seatrial nomad setup writes it; run that again", SettingsPath)
	}
	return s, nil
}
