package nomad

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/app"
	"seatrial/harness/cluster"
)

func (a *App) Deploy(ctx context.Context, r app.Release) error {
	a.life.Lock()
	defer a.life.Unlock()
	if d, _ := a.state(); d != nil {
		return fmt.Errorf("cannot deploy %s: %s is deployed; upgrade it or destroy it first", r.Name, d.release.Name)
	}
	d, err := a.prepare(ctx, r)
	if err != nil {
		return err
	}
	return a.bringUp(ctx, d, a.registerNew)
}

// Upgrade implements app.Lifecycle. Nomad stops the old release's tasks and starts the
// new one's in their place.
func (a *App) Upgrade(ctx context.Context, r app.Release) error {
	a.life.Lock()
	defer a.life.Unlock()
	if d, _ := a.state(); d == nil {
		return fmt.Errorf("cannot upgrade to %s: nothing is deployed", r.Name)
	}
	d, err := a.prepare(ctx, r)
	if err != nil {
		return err
	}
	if err := a.thaw(); err != nil {
		return err
	}
	if err := d.remember(a.cfg.Enrolment.Volumes); err != nil {
		return err
	}
	return a.bringUp(ctx, d, a.register)
}

func (a *App) Start(ctx context.Context) error {
	a.life.Lock()
	defer a.life.Unlock()
	d, up := a.state()
	switch {
	case d == nil:
		return errors.New("cannot start the app: nothing is deployed")
	case up != nil:
		return errors.New("cannot start the app: it runs already")
	}
	return a.start(ctx, d, a.register)
}

// submit hands a job to Nomad.
type submit func(ctx context.Context, job *api.Job) (*api.JobRegisterResponse, error)

func (a *App) register(ctx context.Context, job *api.Job) (*api.JobRegisterResponse, error) {
	answer, _, err := a.cfg.Client.Jobs().Register(job, a.write(ctx))
	return answer, err
}

// registerNew takes no job's place, not even that of another run with our label.
func (a *App) registerNew(ctx context.Context, job *api.Job) (*api.JobRegisterResponse, error) {
	answer, _, err := a.cfg.Client.Jobs().EnforceRegister(job, 0, a.write(ctx))
	return answer, err
}

func (a *App) bringUp(ctx context.Context, d *deployed, how submit) error {
	a.mu.Lock()
	a.current = d
	a.history = append(a.history, d)
	a.mu.Unlock()
	return a.start(ctx, d, how)
}

// prepare makes a release into a job. Nothing is made before the policy agrees.
func (a *App) prepare(ctx context.Context, r app.Release) (*deployed, error) {
	file, text, err := findJobFile(r.Dir)
	if err != nil {
		return nil, err
	}
	node, _, err := a.cfg.Client.Nodes().Info(a.cfg.NodeID, a.query(ctx))
	if err != nil {
		return nil, cluster.Explain("read our own node", err)
	}
	values, err := assign(file, text, a.values(r, node.Name), r)
	if err != nil {
		return nil, err
	}
	job, err := a.parse(ctx, file, text, values)
	if err != nil {
		return nil, err
	}
	if fault := (policy{trusted: a.cfg.Trusted, volumes: a.cfg.Enrolment.Volumes}).check(file, job); fault != nil {
		return nil, fault
	}
	d := &deployed{release: r, file: file, job: job, main: mainSpot(job)}
	d.mounts = mountsOf(job, d.main, nil)
	for _, name := range a.cfg.Enrolment.Volumes {
		if d.mounts[name] == "" {
			return nil, &app.Fault{
				Summary: fmt.Sprintf("%s: no task mounts the volume %q, in which the app is to keep its data", file, name),
				Hint:    fmt.Sprintf("add volume %q { type = \"host\", source = %q } to the group and a volume_mount to the task, or ask the operator to name the volumes in the enrolment", name, name),
			}
		}
	}
	names, dirs, err := a.prepareVolumes(ctx, d)
	if err != nil {
		return nil, err
	}
	d.mounts, d.files, d.dirs = mountsOf(job, d.main, dirs), dirs[releaseVolume], dirs
	d.seen = seenBy(job, dirs)
	s := shape{
		namespace: a.cfg.Namespaces.Apps, label: a.cfg.Label, node: node, labels: a.labelMeta(), release: r, volumes: names, dirs: dirs,
		stop: time.Duration(a.cfg.Enrolment.Timeouts.Stop), memory: max(int(a.cfg.Enrolment.Resources.Memory>>20), 1),
	}
	s.apply(job)
	mainVolume(job, a.cfg.Enrolment.Volumes[0])
	return d, nil
}

// prepareVolumes makes the app's volumes, and one of the release's files if the job
// file asks for it. For each it says what its host volume is called and where it lies.
func (a *App) prepareVolumes(ctx context.Context, d *deployed) (names, dirs map[string]string, err error) {
	all := map[string]hostVolume{}
	for _, volume := range a.cfg.Enrolment.Volumes {
		if all[volume], err = a.makeVolume(ctx, volume, ownerOf(d.job, volume)); err != nil {
			return nil, nil, err
		}
	}
	if d.mounts[releaseVolume] != "" {
		a.mu.Lock()
		number := len(a.history) + 1
		a.mu.Unlock()
		if all[releaseVolume], err = a.makeVolume(ctx, releaseVolume+"-"+strconv.Itoa(number), ""); err != nil {
			return nil, nil, err
		}
	}
	names, dirs = map[string]string{}, map[string]string{}
	for volume, v := range all {
		names[volume] = v.name
		if dirs[volume], err = a.awaitVolume(ctx, v); err != nil {
			return nil, nil, err
		}
	}
	if dir := dirs[releaseVolume]; dir != "" {
		if err := fill(dir, d.release.Dir); err != nil {
			return nil, nil, fmt.Errorf("cannot give the release's files to the app: %w", err)
		}
	}
	return names, dirs, nil
}

// start submits the job and waits until all of it was started.
func (a *App) start(ctx context.Context, d *deployed, how submit) error {
	serial(d.job, a.cfg.Now())
	answer, err := how(ctx, d.job)
	if err != nil {
		return registerError(d, err)
	}
	up := &instance{deployed: d, index: answer.JobModifyIndex}
	a.mu.Lock()
	old := a.up
	a.up = up
	a.mu.Unlock()
	if err := a.awaitStarted(ctx, up, answer.EvalID); err != nil {
		return err
	}
	if old != nil {
		old.last.Store(up.index)
		return a.awaitReplaced(ctx, old)
	}
	return nil
}

// awaitReplaced waits for an older instance's end. How it ended is said in the log
// alone: the head is asked about its own stop when it is restarted.
func (a *App) awaitReplaced(ctx context.Context, old *instance) error {
	if err := a.awaitEnded(ctx, old); err != nil {
		return err
	}
	if fault := a.stopFault(ctx, old); fault != nil {
		a.logs.Say("upgrade", "while the old release was stopped: "+fault.Summary)
	}
	return nil
}

// wanted lists the groups with the number of allocations that each is to have.
func wanted(d *deployed) map[string]int {
	groups := map[string]int{}
	for _, g := range d.job.TaskGroups {
		groups[value(g.Name)] = count(g)
	}
	return groups
}

// taskNames lists the tasks that are to last, of one group.
func taskNames(d *deployed, group string) []string {
	var names []string
	for _, g := range d.job.TaskGroups {
		if value(g.Name) != group {
			continue
		}
		for _, t := range g.Tasks {
			if lasts(t) {
				names = append(names, t.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}
