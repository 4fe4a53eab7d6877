package perform

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/local"
	"seatrial/harness/app"
	"seatrial/harness/app/process"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
	"seatrial/internal/atomicfile"
	"seatrial/internal/exit"
	"seatrial/internal/state"
)

// Allocation is the place on a cluster in which this process is a task.
type Allocation struct {
	id, job, node, nodeID string
	Folder                string // of the attempt's files; the tasks share it
	gateway               string // host:port on which the attempt's gateway listens
	domain, publicURL     string
	namespaces            cluster.Namespaces
	client                *cluster.Client // with the task's own identity
	Job                   dispatch.Job    // of the attempt
}

// errNoTask is for somebody who starts by hand what a cluster starts.
var errNoTask = errors.New("this is started by Nomad, as a task of the job " + cluster.JobRun + "; to run a recipe on this machine: seatrial run")

// ReadAllocation takes everything from the environment that Nomad has made, and takes
// it out of it: no child of this process inherits the task's identity.
func ReadAllocation(environ []string) (*Allocation, error) {
	env := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
		if strings.HasPrefix(name, "NOMAD_") {
			os.Unsetenv(name)
		}
	}
	meta := func(key string) string { return env["NOMAD_META_"+key] }
	if env["NOMAD_ALLOC_ID"] == "" || env["NOMAD_ALLOC_DIR"] == "" || meta(cluster.MetaJob) == "" {
		return nil, exit.With(exit.Usage, errNoTask)
	}
	a := &Allocation{
		id: env["NOMAD_ALLOC_ID"], job: env["NOMAD_JOB_ID"], node: env[nodeNameVariable], nodeID: env[nodeIDVariable],
		Folder:  filepath.Join(env["NOMAD_ALLOC_DIR"], cluster.Folder),
		gateway: env["NOMAD_ADDR_"+cluster.PortGateway],
		domain:  cmp.Or(meta(cluster.MetaDomain), "localhost"), publicURL: meta(cluster.MetaPublicURL),
		namespaces: cluster.NamespacesFor(env["NOMAD_NAMESPACE"]),
	}
	if err := cluster.Unpack(meta(cluster.MetaJob), &a.Job); err != nil {
		return nil, exit.With(exit.Configuration, err)
	}
	a.Job.Complete()
	if string(a.Job.Request.ID) != meta(cluster.MetaRunID) {
		return nil, exit.With(exit.Configuration, fmt.Errorf("cannot perform run %s: the job packed in its meta is that of %s", meta(cluster.MetaRunID), a.Job.Request.ID))
	}
	if err := os.MkdirAll(a.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the attempt's folder: %w", err)
	}
	socket := env["NOMAD_UNIX_ADDR"]
	if socket == "" {
		socket = "unix://" + filepath.Join(env["NOMAD_SECRETS_DIR"], "api.sock")
	}
	var err error
	a.client, err = cluster.NewClient(cluster.Config{Address: socket, Token: env["NOMAD_TOKEN"], Namespace: a.namespaces.Runs})
	return a, err
}

// The job's definition puts these into the tasks' environment: Nomad itself does not
// tell a task its node.
const (
	nodeNameVariable = "NODE_NAME"
	nodeIDVariable   = "NODE_ID"
)

// clusterTries is within about a minute: a cluster without a leader finds one in less.
const clusterTries = 7

// TakeLease makes sure that no other allocation performs the attempt.
func (a *Allocation) TakeLease(ctx context.Context) error {
	if late := time.Since(a.Job.Lease.Expires.Add(-run.TeardownBudget)); late > 0 {
		return exit.Errorf(exit.Unavailable, "run %s comes too late: its time ended %s ago, so nothing was started", a.Job.Request.ID, late.Round(time.Second))
	}
	return askCluster(ctx, func() error {
		return cluster.TakeLease(ctx, a.client, a.namespaces, a.Job.Labels(), a.id)
	})
}

// ReadSettings completes the job with what the operator set for runs on the cluster.
func (a *Allocation) ReadSettings(ctx context.Context) error {
	return askCluster(ctx, func() error {
		s, err := cluster.ReadSettings(ctx, a.client, a.namespaces)
		a.Job.Settings.Share, a.Job.Settings.BuildEnv, a.Job.Settings.Vault = s.Share, s.BuildEnv, s.Vault
		return err
	})
}

// askCluster asks until there is an answer.
func askCluster(ctx context.Context, ask func() error) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.Multiplier = time.Second, 2
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := ask()
		if errors.Is(err, cluster.ErrTaken) || cluster.Is(err, cluster.ErrForbidden) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxTries(clusterTries))
	return exit.With(exit.Unavailable, err)
}

// TearDown removes what carries the attempt's labels on this node, lists again, and
// writes down what is left, so that the bridge learns of it. What is on the cluster is the
// bridge's: Nomad takes a task's identity for invalid as soon as another task of its
// allocation has failed ("allocation is terminal"), so here nobody could ask.
func (a *Allocation) TearDown(ctx context.Context, f state.Folder, log *slog.Logger) error {
	work, err := f.Work()
	if err != nil {
		return err
	}
	job := a.Job
	swept, trouble, err := app.Clean(ctx, []app.Place{process.NewPlace(work, job.Instance)}, job.Request.ID, job.Attempt)
	trouble = errors.Join(trouble, process.RemoveCache(filepath.Join(local.Temp(a.Folder), cacheDir)), os.RemoveAll(local.Temp(a.Folder)))
	if err != nil {
		return fmt.Errorf("cannot say what run %s left: %w", job.Request.ID, errors.Join(trouble, err))
	}
	if trouble != nil {
		log.Warn("the teardown met errors", "run", job.Request.ID, "attempt", job.Attempt, "err", trouble)
	}
	if err := writeSwept(filepath.Join(a.Folder, cluster.SweptFile), swept); err != nil {
		return err
	}
	if n := len(swept.Leftovers); n > 0 {
		return exit.With(exit.Unverified, fmt.Errorf("%d things of run %s are left over", n, job.Request.ID))
	}
	return Records(f).Forget(job.Labels())
}

// writeSwept writes the file whole or not at all.
func writeSwept(path string, swept run.Swept) error {
	text, err := json.Marshal(swept)
	if err == nil {
		err = atomicfile.Write(path, append(text, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("cannot write down what is left: %w", err)
	}
	return nil
}

// where is what the allocation adds to the started event. Nothing, on one machine.
func (a *Allocation) where() run.Started {
	if a == nil {
		return run.Started{}
	}
	return run.Started{Job: a.job, Alloc: a.id, Node: a.node}
}

// Records are those of the attempts that this node was given by a cluster.
func Records(f state.Folder) cluster.Records { return cluster.Records{Dir: f.Path(state.AttemptsDir)} }
