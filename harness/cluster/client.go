package cluster

import (
	"fmt"
	"net/url"

	"github.com/hashicorp/nomad/api"
)

// Config says how a cluster is reached. What is empty is taken from the environment
// as Nomad's own command does: NOMAD_ADDR, NOMAD_TOKEN, NOMAD_REGION, NOMAD_CACERT,
// NOMAD_CLIENT_CERT, NOMAD_CLIENT_KEY and the others that api.DefaultConfig reads.
type Config struct {
	Address   string
	Token     string
	Namespace string // of requests that name none
}

// NewClient makes a client. Nothing is asked of the cluster yet.
func NewClient(c Config) (*api.Client, error) {
	config := api.DefaultConfig()
	if c.Address != "" {
		config.Address = c.Address
	}
	if c.Token != "" {
		config.SecretID = c.Token
	}
	if c.Namespace != "" {
		config.Namespace = c.Namespace
	}
	at, err := url.Parse(config.Address)
	if err != nil || at.Scheme != "unix" && (at.Host == "" || at.Scheme != "http" && at.Scheme != "https") {
		return nil, fmt.Errorf("cannot reach Nomad at %q: this is no address; write it like https://nomad.example.org:4646 in NOMAD_ADDR", config.Address)
	}
	client, err := api.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("cannot make a client for Nomad at %s: %w", config.Address, err)
	}
	return client, nil
}
