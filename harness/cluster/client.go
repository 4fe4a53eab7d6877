package cluster

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"sync/atomic"

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

// Client is a client for a cluster whose token may be replaced while it is used.
// Requests carry the new one if their options were made by Query or Write.
type Client struct {
	*api.Client
	token atomic.Pointer[string] // nil: the one that the client was made with
	asked atomic.Uint64
}

// NewClient makes a client. Nothing is asked of the cluster yet.
func NewClient(c Config) (*Client, error) {
	config := api.DefaultConfig()
	config.Address, config.SecretID, config.Namespace = cmp.Or(c.Address, config.Address), cmp.Or(c.Token, config.SecretID), cmp.Or(c.Namespace, config.Namespace)
	at, err := url.Parse(config.Address)
	if err != nil || at.Scheme != "unix" && (at.Host == "" || at.Scheme != "http" && at.Scheme != "https") {
		return nil, fmt.Errorf("cannot reach Nomad at %q: this is not an address; write it like https://nomad.example.org:4646 in NOMAD_ADDR", config.Address)
	}
	client, err := api.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("cannot make a client for Nomad at %s: %w", config.Address, err)
	}
	return &Client{Client: client}, nil
}

// SetToken replaces the token of all requests from now on.
func (c *Client) SetToken(token string) { c.token.Store(&token) }

// Query are the options of a question in a namespace; empty means the client's own.
func (c *Client) Query(ctx context.Context, namespace string) *api.QueryOptions {
	c.asked.Add(1)
	q := &api.QueryOptions{Namespace: namespace}
	if token := c.token.Load(); token != nil {
		q.AuthToken = *token
	}
	return q.WithContext(ctx)
}

// Write are the options of a change in a namespace.
func (c *Client) Write(ctx context.Context, namespace string) *api.WriteOptions {
	c.asked.Add(1)
	w := &api.WriteOptions{Namespace: namespace}
	if token := c.token.Load(); token != nil {
		w.AuthToken = *token
	}
	return w.WithContext(ctx)
}

// Requests is how many options were made, which is how many requests, since the start.
func (c *Client) Requests() uint64 { return c.asked.Load() }
