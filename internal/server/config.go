package server

import (
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os/exec"
	"time"

	"seatrial/bridge/command"
	"seatrial/bridge/dispatch"
	"seatrial/bridge/forges"
	"seatrial/bridge/schedule"
	"seatrial/harness/cluster"
	"seatrial/internal/state"
)

// The executors: where runs are performed.
const (
	Local = "local" // this machine
	Nomad = "nomad" // a cluster
)

// Config is what an operator decides about a server. Whoever fills it in has checked
// what a person may have got wrong.
type Config struct {
	Version string // of this program
	State   state.Folder

	Forges         []forges.Forge
	TrustedProxies []netip.Prefix // whose word about an address counts
	HookSHA1       []string       // ids of forges that may sign with SHA-1 only

	Tests     string // the folder of the enrolments
	Listen    string // host:port; port 0 takes a free one
	PublicURL string // how browsers reach us; empty: the listening address

	Executor string                                 // Local or Nomad
	Harness  func(program, folder string) *exec.Cmd // the child for an attempt's folder, on this machine
	Settings dispatch.Settings                      // of runs on this machine; an empty Domain follows PublicURL
	Offers   []string                               // capabilities of this machine
	Capacity int                                    // runs at once
	Nomad    struct {
		cluster.Login
		PlaceWithin time.Duration // how long a run may wait for a node
		URL         string        // of Nomad's own pages; empty: the cluster's address
	}

	Word      string // that starts a run
	Grammar   command.Grammar
	PerPerson int // runs by comments in an hour; 0 for any number
	Schedule  string
	Night     schedule.Night

	Poll, Sweep  time.Duration // between questions to a forge, for the organisation and for each repository
	Janitor      time.Duration // between looks for what outlived its run
	KeepFiles    time.Duration // of runs that have ended
	KeepComments time.Duration // author and text of commands that were answered

	Log *slog.Logger
}

// scheme is what is spoken at the listening address.
func (c *Config) scheme() string {
	if c.Settings.TLSCert != "" {
		return "https"
	}
	return "http"
}

// complete fills in what follows from the rest.
func (c *Config) complete() {
	if c.PublicURL == "" {
		c.PublicURL = c.scheme() + "://" + c.Listen
	}
	if c.Settings.Domain == "" {
		c.Settings.Domain = "localhost"
		if public, err := url.Parse(c.PublicURL); err == nil && public.Hostname() != "" && net.ParseIP(public.Hostname()) == nil {
			c.Settings.Domain = public.Hostname()
		}
	}
}

// listened puts the real port where port 0 was asked for.
func (c *Config) listened(at net.Addr) {
	addr := at.String()
	if scheme := c.scheme() + "://"; c.PublicURL == scheme+c.Listen {
		c.PublicURL = scheme + addr
		// Who listens everywhere is reached at no particular address.
		if host, port, err := net.SplitHostPort(addr); err == nil && net.ParseIP(host).IsUnspecified() {
			c.PublicURL = scheme + net.JoinHostPort("localhost", port)
		}
	}
	c.Listen, c.Settings.PublicURL = addr, c.PublicURL
}
