package compose

import (
	"fmt"
	"strings"
	"time"

	"github.com/docker/cli/cli/compose/types"
)

// Options say for which deployment a recipe is read.
type Options struct {
	Stack  string            // STACK_NAME
	Domain string            // DOMAIN
	Env    map[string]string // the enrolment's; over .env.sample's, under the two above
}

// Recipe is a recipe, read for one deployment.
type Recipe struct {
	Dir   string            // the folder that was read
	Stack string            // as in Options
	Files []string          // the compose files in their order, relative to the folder
	Env   map[string]string // all variables that the files are interpolated with

	// Config is what the docker program's loader makes of the files, merged.
	Config *types.Config

	Main     string // the service that answers the world: app, or the only one that Traefik is told of
	Services []Service
	Volumes  []Volume
	Networks []Network
	Configs  []Config
	Secrets  []Secret

	Version string        // of the label coop-cloud.<stack>.version; empty without one
	Timeout time.Duration // of the label coop-cloud.<stack>.timeout; 0 without one

	// Ignored are the keys of services that the docker program reads and does nothing with.
	Ignored []Ignored

	spots map[string]spot // by path, as in At
	work  string          // the folder of the first file, relative to Dir
}

// Ignored is a key that means nothing in swarm mode.
type Ignored struct {
	Service string
	Key     string
	Why     string
	Place   Place
}

// Place is where something is written.
type Place struct {
	File string // relative to the recipe's folder
	Line int    // from 1; 0 for the file as a whole
}

// String is file:line, as editors and terminals understand it.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// At is where a value was written last among the files, or the nearest thing around
// it: At("services", "app", "deploy", "labels", "traefik.enable"). Of keys and values,
// to which files add, it is where they begin. An entry of a list is found by its number in its
// file, by its text, and by what it is called: the key of key=value, the source or the
// target of a mount, the published port.
func (r *Recipe) At(path ...string) Place { return nearestSpot(r.spots, r.Files[0], path).Place }

// Written tells whether something is written at a path, and how, before variables are
// put in.
func (r *Recipe) Written(path ...string) (raw string, ok bool) {
	s, ok := r.spots[strings.Join(path, separator)]
	return s.raw, ok
}

// Service is one service.
type Service struct {
	Name   string // in the files
	Full   string // in the swarm: <stack>_<name>
	Image  string
	Labels map[string]string // under deploy.labels
	// ContainerLabels are those beside deploy; swarm's own tools do not see them.
	ContainerLabels map[string]string
	Mounts          []Mount
	Route           *Route // what Traefik is told; nil for a service that it is not told of
	Backup          *Backup
}

// Mount is a named volume in a service.
type Mount struct {
	Volume string // its name in the files
	Target string // where the service sees it
}

// Route is what Traefik is told about a service.
type Route struct {
	Rule    string // Host(`…`)
	Port    int    // loadbalancer.server.port; 0 where it is not told
	Network string // traefik.docker.network or traefik.swarm.network, else the recipe's external one; its name in the files
}

// Backup is what the labels backupbot.* of a service say, the old forms as well.
type Backup struct {
	PreHook, PostHook       string
	RestorePre, RestorePost string
	Volumes                 []BackupVolume
	// Outside are paths of the old form that lie in no volume.
	Outside []string
}

// BackupVolume is a volume that the labels cover.
type BackupVolume struct {
	Volume string   // its name in the files
	Paths  []string // relative to the volume; empty: all of it
}

// Volume is a named volume.
type Volume struct {
	Name     string // in the files
	Full     string // in the engine
	External bool
}

// Network is a network.
type Network struct {
	Name     string // in the files
	Full     string // in the engine
	External bool
}

// Config is a config.
type Config struct {
	Name     string // in the files
	Full     string // in the engine
	File     string // relative to the recipe's folder; empty for an external one
	External bool
	Template bool // a template driver expands it
}

// Secret is a secret.
type Secret struct {
	Name     string // in the files
	Full     string // in the engine
	External bool   // to be made before the stack: abra's kind
	File     string // for one that is not external
	Length   int    // as .env.sample asks for; 0 where it does not
	Charset  string // as .env.sample asks for; empty where it does not
	Manual   bool   // generate=false: nobody but the operator can tell its value
	Variable string // that holds its version: SECRET_<NAME>_VERSION
}
