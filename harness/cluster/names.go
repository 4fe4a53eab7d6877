package cluster

import (
	"path"

	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
)

// Jobs in the namespace of the runs.
const (
	JobRun     = "seatrial-run"     // parameterized; a child of it, or of one of its kind, is an attempt at a run
	JobJanitor = "seatrial-janitor" // periodic, on every node
)

// A builder's group and task. They are those of any builder that an operator brings.
const (
	Group    = "runner"
	Executor = "executor" // performs the attempt
	Teardown = "teardown" // poststop: looks after what the executor left on its node
)

// PortGateway is the label of the port on which an attempt's gateway listens.
const PortGateway = "gateway"

// NodeCapabilities is the key of a node's meta that lists, separated by commas, what
// the node offers to those who need it.
const NodeCapabilities = "capabilities"

// Default names of the two namespaces.
const (
	DefaultRuns = "ci"
	appsSuffix  = "-apps"
)

// Namespaces are where things are on a cluster.
type Namespaces struct {
	Runs string // attempts, the janitor, enrolments, leases
	Apps string // apps under test, and nothing else
}

// NamespacesFor derives both names from that of the runs; empty means the default.
func NamespacesFor(runs string) Namespaces {
	if runs == "" || runs == "default" {
		runs = DefaultRuns
	}
	return Namespaces{Runs: runs, Apps: runs + appsSuffix}
}

// RecipeJob is the parameterized job of one recipe: it carries what a dispatch cannot
// choose, which is needs, resources, image and the affinity for warm caches.
func RecipeJob(recipe string) string { return JobRun + "-" + recipe }

// jobID is what may be in a job's name in URLs, file names and templates without
// being quoted. Nomad itself takes more.
var jobID = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// IsJobID says whether a name is fit for a job's ID.
func IsJobID(name string) bool { return jobID.MatchString(name) }

// Folder is where an attempt keeps events, log and results, below the directory that
// the tasks of its allocation share.
const Folder = "seatrial"

// SweptFile is what the poststop task writes into Folder: a run.Swept as JSON.
const SweptFile = "swept.json"

// AllocPath is a file in Folder as the allocation's file API calls it.
func AllocPath(name string) string { return path.Join("alloc", Folder, name) }

// LeasePath is the variable that says which allocation performs an attempt. Whoever
// makes it, performs; another one of the same attempt must not.
func LeasePath(id run.ID, attempt int) string {
	return path.Join("seatrial", "leases", childPrefix(id, attempt))
}
