package setup

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"seatrial/harness/cluster"
	"seatrial/internal/lazyregexp"
	"seatrial/recipes"
)

// Drivers of the executor.
const (
	DriverRawExec = "raw_exec"
	DriverDocker  = "docker"
)

// Options say what the cluster must have. What is empty has a default.
type Options struct {
	Namespaces cluster.Namespaces // default: cluster.NamespacesFor("")
	Binary     string             // this program on the nodes; default /usr/local/bin/seatrial
	State      string             // its state folder on the nodes; default /var/lib/seatrial
	Driver     string             // default raw_exec; a recipe with an image has docker
	Image      string             // of recipes that name none, with the docker driver
	NodePool   string             // where runs go; default "default"

	Settings cluster.Settings  // of every run
	Env      map[string]string // for executor and teardown

	Recipes  []recipes.Enrolment  // with their defaults
	Measured map[string]Resources // by recipe: what its runs were seen to take

	JanitorEvery time.Duration // whole minutes, a divisor of an hour; default 10m
	LostAfter    time.Duration // how long a silent node is waited for; default 5m
	Force        bool          // overwrites what an operator changed
	KeepOthers   bool          // removes nothing: not every enrolment could be read
}

// Resources are what a run takes, the harness included.
type Resources struct {
	CPU      int // MHz; 0: what the enrolment says
	MemoryMB int
}

// FromPeak makes room for an app that was seen to hold so many bytes: half as much
// again, and the harness, in steps, so that a run that took a little more than the one
// before it changes nothing.
func FromPeak(bytes int64) Resources {
	const step = 64 // MiB
	wanted := int(bytes*3/2>>20) + harnessMemoryMB
	return Resources{MemoryMB: (wanted/step + 1) * step}
}

var (
	namespaceName = lazyregexp.New(`^[A-Za-z0-9-]{1,40}$`)
	poolName      = lazyregexp.New(`^[A-Za-z0-9_-]{1,128}$`)
)

// withDefaults fills in what is empty, and refuses what cannot work.
func (o Options) withDefaults() (Options, error) {
	o.Namespaces = cmp.Or(o.Namespaces, cluster.NamespacesFor(""))
	o.Binary = cmp.Or(o.Binary, "/usr/local/bin/seatrial")
	o.State = cmp.Or(o.State, "/var/lib/seatrial")
	o.Driver = cmp.Or(o.Driver, DriverRawExec)
	o.NodePool = cmp.Or(o.NodePool, "default")
	o.JanitorEvery = cmp.Or(o.JanitorEvery, 10*time.Minute)
	o.LostAfter = cmp.Or(o.LostAfter, 5*time.Minute)
	for _, name := range []string{o.Namespaces.Runs, o.Namespaces.Apps} {
		if !namespaceName.MatchString(name) {
			return o, fmt.Errorf("%q is not a name for a namespace: write it with letters, digits and -", name)
		}
	}
	for what, dir := range map[string]string{"the program": o.Binary, "the state folder": o.State} {
		if !path.IsAbs(dir) || interpolated(dir) {
			return o, fmt.Errorf("cannot use %q for %s: write the whole path as it is on the nodes, such as /usr/local/bin/seatrial", dir, what)
		}
	}
	switch {
	case !poolName.MatchString(o.NodePool):
		return o, fmt.Errorf("%q is no name of a node pool", o.NodePool)
	case o.Namespaces.Runs == o.Namespaces.Apps:
		return o, errors.New("runs and apps cannot share a namespace: what may change an app could change a run")
	case o.Driver != DriverRawExec && o.Driver != DriverDocker:
		return o, fmt.Errorf("cannot use the driver %q: choose %s or %s", o.Driver, DriverRawExec, DriverDocker)
	case o.Driver == DriverDocker && o.Image == "":
		return o, errors.New("the docker driver needs an image for recipes that name none, with seatrial and git in its PATH")
	case slices.ContainsFunc(slices.Collect(maps.Values(o.Env)), interpolated):
		return o, errors.New("a variable of the executor holds what Nomad would replace: ${ or {{")
	case interpolated(o.Image):
		return o, fmt.Errorf("%q is no name of an image", o.Image)
	case o.JanitorEvery < time.Minute || o.JanitorEvery%time.Minute != 0 || time.Hour%o.JanitorEvery != 0:
		return o, fmt.Errorf("the janitor cannot come every %v: choose minutes that divide an hour, such as 10m", o.JanitorEvery)
	case o.LostAfter < 10*time.Second:
		return o, fmt.Errorf("a node that was silent for %v cannot be given up: wait at least 10s", o.LostAfter)
	}
	return o, o.checkRecipes()
}

// checkRecipes refuses what is no job's name, and what Nomad would see into: enrolments
// that were loaded have neither.
func (o Options) checkRecipes() error {
	for _, e := range o.Recipes {
		if err := recipes.CheckName(e.Name); err != nil {
			return fmt.Errorf("cannot make a job for the recipe: %w", err)
		}
		for _, value := range append([]string{e.Image}, e.Needs...) {
			if interpolated(value) {
				return fmt.Errorf("cannot make a job for the recipe %s: %q holds what Nomad would replace", e.Name, value)
			}
		}
	}
	return nil
}

// interpolated says whether Nomad would replace a part of the text on a node. Quoting
// does not help against that: it is looked for after HCL was read.
func interpolated(s string) bool { return strings.Contains(s, "${") || strings.Contains(s, "{{") }
