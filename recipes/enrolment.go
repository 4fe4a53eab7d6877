// Package recipes says what a recipe and an enrolment are, and loads them.
//
// A recipe is the thing under test: a git repository that deploys an app. An
// enrolment is the operator's word that it may be tested, and how: the file
// recipe.yaml in a folder under tests/, named like the folder. The enrolment is
// read from the operator's checkout, never from a pull request. It is checked
// against schema.json; an error names file, line and column and shows the line.
package recipes

import "time"

// Enrolment is the permission to test one recipe, and the settings for it.
// Version and Repo alone are a valid one; Load fills in the defaults.
type Enrolment struct {
	Name string `json:"-" yaml:"-"` // the folder's name
	File string `json:"-" yaml:"-"` // where it was read from

	Version int    `json:"version" yaml:"version"` // of this format: 1
	Repo    string `json:"repo" yaml:"repo"`       // owner/name
	Forge   string `json:"forge,omitempty" yaml:"forge,omitempty"`
	Target  string `json:"target,omitempty" yaml:"target,omitempty"` // the deployer: process, nomad, swarm

	// On a cluster. Builder is an operator's own parameterized job instead of ours, Flavor
	// a label that it is given, Image a container image for the executor of ours.
	Builder string `json:"builder,omitempty" yaml:"builder,omitempty"`
	Flavor  string `json:"flavor,omitempty" yaml:"flavor,omitempty"`
	Image   string `json:"image,omitempty" yaml:"image,omitempty"`

	Versions Versions          `json:"versions,omitzero" yaml:"versions,omitempty"`
	Build    Build             `json:"build,omitzero" yaml:"build,omitempty"`
	Health   Health            `json:"health,omitzero" yaml:"health,omitempty"`
	Timeouts Timeouts          `json:"timeouts,omitzero" yaml:"timeouts,omitempty"`
	Env      map[string]string `json:"env,omitempty" yaml:"env,omitempty"`
	// UpgradeEnv is added to Env for whatever comes after the published release.
	UpgradeEnv map[string]string `json:"upgrade_env,omitempty" yaml:"upgrade_env,omitempty"`

	// Volumes are the places where the app keeps data. Each is a folder that the app
	// finds through <NAME>_DIR; the first one is also DATA_DIR. Default: data. With the
	// target swarm there are none: the recipe names them.
	Volumes []string `json:"volumes,omitempty" yaml:"volumes,omitempty"`
	// For the target swarm. Secrets say how generated ones look, by their names in the
	// recipe; Deps are the names of other enrolments, which are deployed first; Allow are
	// exceptions from the policy, each <rule>: <what>.
	Secrets   map[string]Secret `json:"secrets,omitempty" yaml:"secrets,omitempty"`
	Deps      []string          `json:"deps,omitempty" yaml:"deps,omitempty"`
	Allow     []string          `json:"allow,omitempty" yaml:"allow,omitempty"`
	Canaries  Canaries          `json:"canaries,omitzero" yaml:"canaries,omitempty"`
	Backup    Backup            `json:"backup,omitzero" yaml:"backup,omitempty"`
	Restore   Restore           `json:"restore,omitzero" yaml:"restore,omitempty"`
	Checks    []Step            `json:"checks,omitempty" yaml:"checks,omitempty"`
	Resources Resources         `json:"resources,omitzero" yaml:"resources,omitempty"`
	Needs     []string          `json:"needs,omitempty" yaml:"needs,omitempty"`
	Who       Who               `json:"who,omitzero" yaml:"who,omitempty"`
	// Branches are globs over the branches that pull requests want to change; none means all.
	Branches []string `json:"branches,omitempty" yaml:"branches,omitempty"`
	Forks    string   `json:"forks,omitempty" yaml:"forks,omitempty"`   // Allow or Deny
	Drafts   string   `json:"drafts,omitempty" yaml:"drafts,omitempty"` // Allow or Deny
	Trusted  Trusted  `json:"trusted,omitzero" yaml:"trusted,omitempty"`
	// Schedule is when the default branch is tested again: nightly, weekly, off, or a cron
	// expression; empty: as the server does by default.
	Schedule string `json:"schedule,omitempty" yaml:"schedule,omitempty"`
	// MergeQueue has each group of a merge queue tested.
	MergeQueue bool `json:"merge_queue,omitempty" yaml:"merge_queue,omitempty"`
	// ExpectNA names stages that do not apply to this recipe, each with the reason.
	ExpectNA map[string]string `json:"expect_na,omitempty" yaml:"expect_na,omitempty"`
}

// Versions says what a published release is.
type Versions struct {
	// Tags is a glob over tag names; what it matches must contain a semantic version.
	// Default: "**", which takes every tag; "*" stops at a slash.
	Tags string `json:"tags,omitempty" yaml:"tags,omitempty"`
}

// Build makes a release runnable: a command in the release's folder.
type Build struct {
	Command CommandLine `json:"command,omitzero" yaml:"command,omitempty"`
	// Network lets the build reach public addresses, through a proxy that refuses
	// this machine and private networks.
	Network bool     `json:"network,omitempty" yaml:"network,omitempty"`
	Timeout Duration `json:"timeout,omitempty" yaml:"timeout,omitempty"` // default 10m
}

// Health says when the app is up.
type Health struct {
	Path   string `json:"path,omitempty" yaml:"path,omitempty"`     // default /
	Status int    `json:"status,omitempty" yaml:"status,omitempty"` // default: any of 200 to 399
	Text   string `json:"text,omitempty" yaml:"text,omitempty"`     // must be in the body
	// Timeout is how long the app may take to become healthy. Default 2m.
	Timeout Duration `json:"timeout,omitempty" yaml:"timeout,omitempty"`
	// Steady is how long the app must stay up after it installed, and once with data in it.
	// Default 12s.
	Steady Duration `json:"steady,omitempty" yaml:"steady,omitempty"`
}

// Timeouts bound a run.
type Timeouts struct {
	Limit   Duration `json:"limit,omitempty" yaml:"limit,omitempty"`     // the whole run; default 60m
	Silence Duration `json:"silence,omitempty" yaml:"silence,omitempty"` // without any progress; default 20m
	Stop    Duration `json:"stop,omitempty" yaml:"stop,omitempty"`       // for the app's own stop; default 10s
	Hook    Duration `json:"hook,omitempty" yaml:"hook,omitempty"`       // each hook, and the release command; default 5m
}

// Secret says how a generated secret looks. At most one of the two is set. Value is
// not secret: it stands in the enrolment, for apps whose secret must have a form.
type Secret struct {
	Length int    `json:"length,omitempty" yaml:"length,omitempty"`
	Value  string `json:"value,omitempty" yaml:"value,omitempty"`
}

// Canaries are looked for after every change. Marks of our own are always planted.
type Canaries struct {
	Seed   []Step `json:"seed,omitempty" yaml:"seed,omitempty"`     // puts data in through the app's own front door
	Expect []Step `json:"expect,omitempty" yaml:"expect,omitempty"` // finds that data again
	// Ignore are globs over the names of database tables in which rows may vanish, and over
	// databases, files and folders that may, as <volume>/<path>.
	Ignore []string `json:"ignore,omitempty" yaml:"ignore,omitempty"`
	// Tables is TablesOff for an app that drops tables which it does not know.
	Tables string `json:"tables,omitempty" yaml:"tables,omitempty"`
}

// TablesOff says that no table of ours is made in the app's databases.
const TablesOff = "off"

// Backup says how the app is made ready to be copied. The app is frozen while its
// volumes are copied, between the two hooks.
type Backup struct {
	PreHook  CommandLine `json:"pre_hook,omitzero" yaml:"pre_hook,omitempty"`
	PostHook CommandLine `json:"post_hook,omitzero" yaml:"post_hook,omitempty"`
	// Exclude are globs over <volume>/<path> that the backup does not cover.
	Exclude []string `json:"exclude,omitempty" yaml:"exclude,omitempty"`
	// Verify are globs that must each match at least one file that is not empty.
	Verify []string `json:"verify,omitempty" yaml:"verify,omitempty"`
}

// Restore says how the app takes its data back.
type Restore struct {
	PreHook  CommandLine `json:"pre_hook,omitzero" yaml:"pre_hook,omitempty"`   // after the volumes were imported, before the app starts
	PostHook CommandLine `json:"post_hook,omitzero" yaml:"post_hook,omitempty"` // when the app runs again
}

// Resources limit the app.
type Resources struct {
	Memory    ByteSize `json:"memory,omitempty" yaml:"memory,omitempty"`       // default 1GiB
	Processes int      `json:"processes,omitempty" yaml:"processes,omitempty"` // default 512
	CPUs      float64  `json:"cpus,omitempty" yaml:"cpus,omitempty"`           // default 2
}

// What an enrolment says of forks and drafts.
const (
	Allow = "allow"
	Deny  = "deny"
)

// Who says who may ask for runs.
type Who struct {
	Members *bool     `json:"members,omitempty" yaml:"members,omitempty"` // nil: yes
	Teams   []string  `json:"teams,omitempty" yaml:"teams,omitempty"`     // instead of the whole organisation
	People  []Account `json:"people,omitempty" yaml:"people,omitempty"`   // besides

	// RequireApproval: whoever is none of the Approvers waits for one of them.
	RequireApproval bool      `json:"require_approval,omitempty" yaml:"require_approval,omitempty"`
	Approvers       []Account `json:"approvers,omitempty" yaml:"approvers,omitempty"`
}

// MembersMay says whether every member of the organisation may ask.
func (w Who) MembersMay() bool { return len(w.Teams) == 0 && (w.Members == nil || *w.Members) }

// Trusted loosens what is denied by default.
type Trusted struct {
	// Senders may ask for runs although they are not members of the organisation.
	Senders []Account `json:"senders,omitempty" yaml:"senders,omitempty"`
	// Code lets the recipe's code run without isolation.
	Code bool `json:"code,omitempty" yaml:"code,omitempty"`
}

// Step is one thing to do and what must come of it: an HTTP request to the app, or
// a command where the app runs.
type Step struct {
	Name    string            `json:"name,omitempty" yaml:"name,omitempty"`
	Exec    CommandLine       `json:"exec,omitzero" yaml:"exec,omitempty"`
	Request *Request          `json:"request,omitempty" yaml:"request,omitempty"`
	Expect  Expect            `json:"expect,omitzero" yaml:"expect,omitempty"`
	Capture map[string]string `json:"capture,omitempty" yaml:"capture,omitempty"` // name → JSON path; later steps write ${name}
}

// Request is an HTTP request to the app.
type Request struct {
	Method  string            `json:"method,omitempty" yaml:"method,omitempty"` // default GET, or POST with a body
	Path    string            `json:"path" yaml:"path"`
	Headers map[string]string `json:"headers,omitempty" yaml:"headers,omitempty"`
	Body    string            `json:"body,omitempty" yaml:"body,omitempty"`
	JSON    any               `json:"json,omitempty" yaml:"json,omitempty"`
	Form    map[string]string `json:"form,omitempty" yaml:"form,omitempty"`
}

// Expect is what an answer must look like. Empty: a status below 400, an exit code of 0.
type Expect struct {
	Status  int               `json:"status,omitempty" yaml:"status,omitempty"`
	Headers map[string]string `json:"headers,omitempty" yaml:"headers,omitempty"` // each must contain the text
	Text    []string          `json:"text,omitempty" yaml:"text,omitempty"`       // each must be in the body or the output
	NotText []string          `json:"not_text,omitempty" yaml:"not_text,omitempty"`
	JSON    map[string]any    `json:"json,omitempty" yaml:"json,omitempty"` // JSON path → value
}

// The deployers besides the embedded one, as enrolments name them.
const (
	TargetSwarm = "swarm" // of Co-op Cloud recipes
	TargetNomad = "nomad" // of recipes that are Nomad job files
)

// Limit is the run's time limit.
func (e Enrolment) Limit() time.Duration { return time.Duration(e.Timeouts.Limit) }
