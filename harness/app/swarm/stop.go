package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"

	"seatrial/harness/app"
)

// unmetConstraint is a constraint that no node meets: how a service that runs once on every node
// is stopped.
const unmetConstraint = "node.id == stopped-by-seatrial"

// killSlack is for ending what did not stop in its own time, and for the swarm to notice.
const killSlack = 45 * time.Second

// mode is how a service ran before it was stopped.
type mode struct{ spec swarm.ServiceSpec }

// stopAll changes a service's spec so that nothing of it runs.
func stopAll(s *swarm.ServiceSpec) {
	var none uint64
	switch {
	case s.Mode.Replicated != nil:
		s.Mode.Replicated = &swarm.ReplicatedService{Replicas: &none}
	case s.Mode.Global != nil:
		if s.TaskTemplate.Placement == nil {
			s.TaskTemplate.Placement = &swarm.Placement{}
		}
		s.TaskTemplate.Placement.Constraints = append(slices.Clone(s.TaskTemplate.Placement.Constraints), unmetConstraint)
	}
}

// resume puts back what stopAll changed.
func (m mode) resume(s *swarm.ServiceSpec) {
	switch {
	case s.Mode.Replicated != nil && m.spec.Mode.Replicated != nil:
		s.Mode.Replicated = m.spec.Mode.Replicated
	case s.Mode.Global != nil && s.TaskTemplate.Placement != nil:
		s.TaskTemplate.Placement.Constraints = slices.DeleteFunc(slices.Clone(s.TaskTemplate.Placement.Constraints), func(c string) bool { return c == unmetConstraint })
	}
}

// setMode changes how a service runs. The swarm may change it at the same time.
func (a *App) setMode(ctx context.Context, id string, change func(*swarm.ServiceSpec)) error {
	return a.await(ctx, answerLimit, "a service to be changed", func() (string, error) {
		answer, err := a.cfg.Engine.ServiceInspect(ctx, id, client.ServiceInspectOptions{})
		if err != nil {
			return "", err
		}
		spec := answer.Service.Spec
		change(&spec)
		_, err = a.cfg.Engine.ServiceUpdate(ctx, id, client.ServiceUpdateOptions{
			Version: answer.Service.Version, Spec: spec, RegistryAuthFrom: swarm.RegistryAuthFromSpec,
		})
		if err != nil && strings.Contains(err.Error(), "update out of sequence") {
			return "it is being changed by the swarm", nil
		}
		return "", err
	})
}

// Stop implements app.Lifecycle: every service is scaled to nothing. When a container's
// first process ends, the kernel ends what it left behind: that is how an app stops on
// this platform. So what outlives a stop is a container that had to be killed.
func (a *App) Stop(ctx context.Context) error {
	a.life.Lock()
	defer a.life.Unlock()
	d, stopped := a.state()
	if d == nil || stopped {
		return nil
	}
	if err := a.thaw(); err != nil {
		return err
	}
	a.measure(ctx)
	ended, _ := errors.AsType[*app.Fault](a.Alive(ctx)) // before anything was asked
	services, err := a.services(ctx)
	if err != nil {
		return err
	}
	w, err := a.watch(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	modes := map[string]mode{}
	limit := killSlack
	for _, s := range services {
		if s.Spec.Mode.Replicated == nil && s.Spec.Mode.Global == nil {
			continue // a job runs once
		}
		modes[s.ID] = mode{s.Spec}
		if grace := graceOf(s.Spec); grace+killSlack > limit {
			limit = grace + killSlack
		}
	}
	a.mu.Lock()
	a.stopped = modes
	a.mu.Unlock()
	for id := range modes {
		if err := a.setMode(ctx, id, stopAll); err != nil {
			return fmt.Errorf("cannot stop the app: %w", err)
		}
	}
	err = a.await(ctx, limit, "the app to stop", func() (string, error) {
		running, err := a.containers(ctx)
		if err != nil {
			return "", err
		}
		for _, c := range running {
			w.look(ctx, c)
		}
		if len(running) > 0 {
			return fmt.Sprintf("%s still runs", running[0].service), nil
		}
		return "", nil
	})
	if err != nil {
		return err
	}
	if ended != nil {
		return ended
	}
	return w.fault(services).OrNil()
}

func graceOf(s swarm.ServiceSpec) time.Duration {
	const usual = 10 * time.Second // https://docs.docker.com/reference/compose-file/services/#stop_grace_period
	if s.TaskTemplate.ContainerSpec == nil || s.TaskTemplate.ContainerSpec.StopGracePeriod == nil {
		return usual
	}
	return *s.TaskTemplate.ContainerSpec.StopGracePeriod
}

// watcher sees how containers end.
type watcher struct {
	app    *App
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu     sync.Mutex
	asked  map[string]bool     // containers that were sent another signal than SIGKILL
	killed []string            // those that were killed after that
	names  map[string]string   // container → service
	procs  map[string][]string // what ran in it when it was looked at last
	tails  map[string][]string
}

func (a *App) watch(ctx context.Context) (*watcher, error) {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{app: a, cancel: cancel, asked: map[string]bool{}, names: map[string]string{}, procs: map[string][]string{}, tails: map[string][]string{}}
	f := a.stack().Add("type", "container").Add("event", "kill")
	stream := a.cfg.Engine.Events(ctx, client.EventsListOptions{Filters: f, Since: fmt.Sprint(time.Now().Add(-time.Second).Unix())})
	w.group.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-stream.Err:
				return
			case e := <-stream.Messages:
				w.see(e)
			}
		}
	})
	return w, nil
}

func (w *watcher) see(e events.Message) {
	const sigkill = "9"
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case e.Actor.Attributes["signal"] != sigkill:
		w.asked[e.Actor.ID] = true
	case w.asked[e.Actor.ID] && !slices.Contains(w.killed, e.Actor.ID):
		w.killed = append(w.killed, e.Actor.ID)
	}
}

// look remembers what runs in a container, as long as it does.
func (w *watcher) look(ctx context.Context, c running) {
	top, err := w.app.cfg.Engine.ContainerTop(ctx, c.id, client.ContainerTopOptions{Arguments: []string{"-eo", "pid,args"}})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names[c.id] = c.service
	if err != nil {
		return
	}
	var lines []string
	for _, p := range top.Processes {
		if len(p) > 1 {
			lines = append(lines, clip(p[1]))
		}
	}
	w.procs[c.id] = lines
	if _, read := w.tails[c.id]; !read {
		w.tails[c.id] = w.app.tail(ctx, c.id)
	}
}

func clip(s string) string {
	const most = 200
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func (w *watcher) close() {
	w.cancel()
	w.group.Wait()
}

// fault names what had to be killed.
func (w *watcher) fault(services []swarm.Service) *app.Fault {
	const settle = 200 * time.Millisecond // the last event may still be on its way
	time.Sleep(settle)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.killed) == 0 {
		return nil
	}
	f := &app.Fault{Hint: "end on the signal that the service is sent: exec in the entrypoint, a trap in a shell that stays, stop_signal, init: true; or raise stop_grace_period"}
	var stubborn []string
	for _, id := range w.killed {
		name := w.names[id]
		for _, s := range services {
			if s.Spec.Name == w.app.cfg.Label+"_"+name || name == "" && len(services) == 1 {
				name = strings.TrimPrefix(s.Spec.Name, w.app.cfg.Label+"_")
				stubborn = append(stubborn, fmt.Sprintf("%s did not stop within %v of %s", name, graceOf(s.Spec), signalOf(s.Spec)))
			}
		}
		for _, line := range w.procs[id] {
			f.Evidence = append(f.Evidence, name+" ran "+line)
		}
		f.Evidence = append(f.Evidence, w.tails[id]...)
	}
	f.Summary = strings.Join(stubborn, " and ") + ", and had to be killed"
	if len(stubborn) == 0 {
		f.Summary = "a container did not stop when it was asked to, and had to be killed"
	}
	if len(f.Evidence) == 0 {
		f.Evidence = slices.Clone(stubborn)
	}
	return f
}

func signalOf(s swarm.ServiceSpec) string {
	if s.TaskTemplate.ContainerSpec != nil && s.TaskTemplate.ContainerSpec.StopSignal != "" {
		return s.TaskTemplate.ContainerSpec.StopSignal
	}
	return "SIGTERM"
}
