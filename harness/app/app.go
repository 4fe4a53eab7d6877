// Package app says what a deployed app is: one instance of a recipe, for one
// run, at one subdomain.
//
// process/ and its siblings deploy. A *Fault blames the recipe and carries the
// evidence; any other error blames us. Every object that a deployer makes carries
// the run's labels before it exists, so that Destroy, the janitor, or an operator
// with nothing but the platform's own tools can find it. A deployer knows nothing
// about stages, backups or verdicts.
package app

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"seatrial/harness/run"
)

// Fault is a defect of the recipe. See run.Fault.
type Fault = run.Fault

// ErrNotRunning is returned where something needs the app to run and it does not.
var ErrNotRunning = errors.New("the app is not running")

// Release is one version of the recipe, as files on this machine.
type Release struct {
	Name   string // "1.2.0", or "head"
	Commit string // full hash; empty for a work tree
	Tree   string // git tree hash: two releases with one tree deploy the same content
	Dir    string // the checked-out files. The deployer copies them; it never writes here
	// Published says that people run it today: what its successor needs besides, upgrade_env,
	// is not for it.
	Published bool
}

// Lifecycle brings an app up and down. One goroutine at a time calls it.
type Lifecycle interface {
	// Deploy builds and starts a release where nothing is. It returns when every
	// service was started, or one surely cannot be, not when the app is healthy.
	Deploy(ctx context.Context, r Release) error

	// Upgrade replaces the running release in place: volumes, domain and secrets
	// stay. It returns like Deploy.
	Upgrade(ctx context.Context, r Release) error

	// Stop asks the app to stop and waits. What outlives the app's own stop is
	// killed, grandchildren too, and is a *Fault that names it. So is a service that
	// had ended by itself before: what does not run does not stop when asked. In both
	// cases the app is stopped afterwards. Stopping what Stop stopped does nothing.
	Stop(ctx context.Context) error

	// Start starts what Stop stopped.
	Start(ctx context.Context) error

	// Alive is nil while every service runs. A service that ended, whatever its exit
	// code, is a *Fault with the tail of its log. ErrNotRunning if it was stopped.
	Alive(ctx context.Context) error

	// Running says which release the running processes belong to, found out from
	// what runs, not from what was asked for. If one of any service belongs to an older
	// one, the error is a *Fault that says what runs instead. If one takes code from where
	// it outlives an upgrade, nothing is proven, whatever the code: an error, and no *Fault.
	Running(ctx context.Context) (Release, error)

	// Destroy removes everything, volumes too. It is safe at any time, any number of
	// times, also after a failed Deploy, and does not stop at the first error.
	Destroy(ctx context.Context) error

	// Inventory lists what exists of this app, from the platform's side. After Destroy
	// it is empty, or what it lists is left over.
	Inventory(ctx context.Context) ([]Object, error)
}

// Storage gives access to an app's volumes, running or stopped, as tar streams.
//
// What an app sees of its files comes back as it was: names and paths of any bytes and
// length; links as links and hard links as one file; pipes; modes with setuid, setgid and
// sticky bits; owners and groups; times to the nanosecond, also before 1970, of folders and
// links too; attributes of the app's own (user.*), access control lists and capabilities;
// holes as holes; and what the volume's own folder is like. Sockets and device nodes are
// not kept, but for overlay whiteouts. Where others on the machine can reach the volume,
// neither are setuid bits, setgid bits and capabilities of files, and where the deployer
// works as the app's user, neither are owners that the user may not give.
type Storage interface {
	Volumes(ctx context.Context) ([]Volume, error)
	// Export writes the volume as a tar stream, paths relative to the volume. Files with
	// holes are written as package sparse does. notKept says, a line a kind, what of the
	// volume is not in it.
	Export(ctx context.Context, volume string, w io.Writer) (notKept []string, err error)
	// Import replaces the volume's content by the stream's. Entries that would leave the
	// volume are refused. notKept says, a line a kind, what of the stream is not in it.
	Import(ctx context.Context, volume string, r io.Reader) (notKept []string, err error)
	// Put adds one file to a volume or overwrites it; Get reads one, with an error
	// that matches fs.ErrNotExist if it is not there.
	Put(ctx context.Context, volume, path string, content []byte) error
	Get(ctx context.Context, volume, path string) ([]byte, error)
}

// Volume is a place where an app keeps data.
type Volume struct {
	Name string
	Path string // as the app sees it
}

// Execer runs commands where the app runs: same user, same files, same network.
type Execer interface {
	// Exec runs the command and waits. A non-zero exit code is in the result, not an
	// error. It works while the app runs and while it is stopped.
	Exec(ctx context.Context, c Command) (Result, error)
}

// Command is what to run.
type Command struct {
	Service string   // the service in whose place it runs; empty for the main one
	Args    []string // Args[0] is looked up in PATH, in the release's folder first
	Shell   string   // instead of Args: a line for sh -c
	Stdin   io.Reader
}

// Result is how a command ended.
type Result struct {
	ExitCode int
	Output   string // standard output and error, the last 64 KiB
}

// Databases lists an app's databases and runs SQL in them, as the app's own user.
type Databases interface {
	// Databases lists what is found in the volumes, and, marked so, outside of them.
	Databases(ctx context.Context) ([]Database, error)
	// SQL runs the statements in order, each on its own, and returns each one's rows as text.
	// A refused statement is an error with the database's message.
	SQL(ctx context.Context, db Database, statements ...string) ([]Rows, error)
}

// Database is one database of an app.
type Database struct {
	Engine  string // "sqlite", "postgres", "mysql" (MariaDB too)
	Name    string // for people and as a key: volume and path of a file, service and name of a server's
	Volume  string // that it lies in; empty if it lies outside every volume
	Path    string // as the app sees it; the folder of the data, for a server's
	Service string // that serves it; empty for a file
}

// Rows is the answer to one statement. NULL is an empty string.
type Rows [][]string

// Freezer holds all of an app's processes still while its volumes are copied.
type Freezer interface {
	// Freeze returns a function that thaws. The function is safe to call twice.
	Freeze(ctx context.Context) (thaw func() error, err error)
}

// Backup is what a recipe itself declares about its backup.
type Backup struct {
	Services []BackupService // those that take part; none: the recipe declares no backup
}

// BackupService is what one service declares. Hooks are lines for sh -c in the running
// service; empty ones are none.
type BackupService struct {
	Service                 string
	PreHook, PostHook       string // before and after its volumes are copied
	RestorePre, RestorePost string // before its volumes are put back, and when it runs again
	Volumes                 []BackupVolume
}

// BackupVolume is a volume that a backup covers.
type BackupVolume struct {
	Volume string
	Paths  []string // what of it, relative to the volume; empty: all
	Label  string   // what declares it, for people; may be empty
}

// Declarer is implemented by deployers whose recipes declare their backup themselves.
// The enrolment's own hooks run around the declared ones, and what it excludes is left out as well.
type Declarer interface {
	// Declared reads the declaration off what is deployed. What cannot be followed is a *Fault.
	Declared(ctx context.Context) (Backup, error)
}

// Merger puts part of a volume back.
type Merger interface {
	// Merge writes the stream's entries into the volume, over what has their names, and
	// leaves alone whatever else is in it. Otherwise it is like Import.
	Merge(ctx context.Context, volume string, r io.Reader) (notKept []string, err error)
}

// Stray is a file that the app wrote outside its volumes and temporary folders.
type Stray struct {
	Path     string // as the app sees it
	Size     int64
	Database bool // it is a database: data is kept where neither backup nor upgrade finds it
}

// Strays finds what an app wrote where it should not.
type Strays interface {
	Strays(ctx context.Context) ([]Stray, error)
}

// Usage is what an app has taken, at most, since its run began.
type Usage struct {
	Memory  int64 // bytes, of all its processes together; 0 where it was not counted
	Images  int64 // bytes, of all its images; 0 where it has none, or they were not counted
	Volumes int64 // bytes, of all its volumes together; 0 where they were not counted
}

// Meter is implemented by deployers that count what an app takes.
type Meter interface {
	// Used tells so over every deployment of the run; also after Destroy.
	Used() Usage
}

// Life is by what a service runs.
type Life struct {
	Service string
	ID      string // of the process, container or allocation; none ever has another's
}

// Lives is implemented by deployers that can tell what was started anew from what runs on.
type Lives interface {
	// Lives lists by what the services run that are to last.
	Lives(ctx context.Context) ([]Life, error)
}

// Witness is implemented by deployers whose platform may fail under an app.
type Witness interface {
	// Trouble says what befell the platform since then, so that what was seen of the app
	// proves nothing against it; empty for nothing.
	Trouble(since time.Time) string
}

// Dialer reaches the app's main service.
type Dialer interface {
	// Dial connects to the address that the app was told to listen on.
	Dial(ctx context.Context) (net.Conn, error)
}

// Listener is implemented by deployers that see where an app listens.
type Listener interface {
	// Astray says, for people, that the app listens elsewhere than it was told to; empty
	// where it does not, or where that cannot be seen.
	Astray() string
}

// App is one deployed instance.
type App interface {
	Lifecycle
	Storage
	Execer
	Databases
	Freezer
	Strays
	Dialer
}

// Object is something that a deployer made on the platform.
type Object struct {
	Kind   string // process, folder, cgroup, ...
	ID     string // enough to remove it
	Detail string // for people
	Labels run.Labels
}

// Place is where apps are deployed, seen from outside any one run: the janitor's view.
// It is safe for concurrent use.
type Place interface {
	// Objects lists every labelled object of every run and instance, what was made first
	// before what uses it.
	Objects(ctx context.Context) ([]Object, error)
	// Remove removes one; removing what is gone is no error.
	Remove(ctx context.Context, o Object) error
}
