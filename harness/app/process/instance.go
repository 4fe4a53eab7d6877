package process

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"seatrial/harness/app"
	"seatrial/internal/procs"
)

// instance is the app as it runs now: a supervisor and its services.
type instance struct {
	supervisor *supervisor
	group      *group
	before     procs.Hits // of the cgroup, when the instance started
	view       view
	port       int
	services   []*service
}

// service is one line of the Procfile, started.
type service struct {
	name    string
	task    *task
	started time.Time
	out     *output
	ended   chan struct{} // closed when the main process ended or the supervisor was lost
	exit    message
	took    time.Duration
	lost    bool
}

// startServices brings up a fresh instance of what is deployed.
func (a *App) startServices(ctx context.Context, d *deployed) (*instance, error) {
	for _, dir := range []string{"tmp", "home"} {
		if err := a.freshen(dir); err != nil {
			return nil, err
		}
	}
	v := view{release: d.dir, volumes: true, home: "home", tmp: "tmp"}
	g, err := a.group(groupApp)
	if err != nil {
		return nil, err
	}
	port, err := a.choosePort()
	if err != nil {
		return nil, err
	}
	in := &instance{group: g, before: g.hits(), view: v, port: port}
	if in.supervisor, err = a.startSupervisor(ctx, v, g); err != nil {
		return nil, err
	}
	for _, line := range d.procfile.services {
		s, err := a.startService(ctx, in, line)
		if err != nil {
			err = in.blame(line.name, fmt.Errorf("cannot start %s: %w", line.name, err))
			in.close()
			return nil, err
		}
		in.services = append(in.services, s)
	}
	return in, nil
}

func (a *App) startService(ctx context.Context, in *instance, line procLine) (*service, error) {
	out, write, err := newOutput(false, func(text string) { a.log(line.name, text) })
	if err != nil {
		return nil, err
	}
	defer write.Close()
	none, err := devNull()
	if err != nil {
		return nil, err
	}
	defer none.Close()
	s := &service{name: line.name, started: time.Now(), out: out, ended: make(chan struct{})}
	s.task, err = in.supervisor.spawn(ctx, spawn{
		Args: []string{"/bin/sh", "-c", shellLine(line.command)},
		Env:  a.environment(line.name, in.view, in.port),
		Dir:  a.see(in.view.release),
		UID:  a.uid(),
	}, none, write, write)
	if err != nil {
		write.Close()
		out.close()
		return nil, err
	}
	go s.watch(in.supervisor)
	return s, nil
}

// uid is whom the supervisor makes of a child.
func (a *App) uid() int {
	if a.cfg.Isolate {
		return a.cfg.UID
	}
	return 0
}

func (s *service) watch(sup *supervisor) {
	defer close(s.ended)
	select {
	case s.exit = <-s.task.exit:
	case <-sup.lost:
		select {
		case s.exit = <-s.task.exit: // it came before the end
		default:
			s.lost = true
		}
	}
	s.took = time.Since(s.started)
}

func (s *service) alive() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// blame turns an error that a limit of the recipe's own explains into the recipe's
// fault.
func (in *instance) blame(what string, err error) error {
	if why := in.exceeded(); why != "" {
		return &app.Fault{Summary: what + " " + why, Hint: "use less, or ask the operator to raise resources in the enrolment"}
	}
	return err
}

// exceeded says which limit the app ran into since it started, or nothing.
func (in *instance) exceeded() string {
	if in.group == nil {
		return ""
	}
	now := in.group.hits()
	switch {
	case now.Killed > in.before.Killed:
		return "was killed for using more than " + bytesText(in.group.limits.memory) + " of memory"
	case now.Refused > in.before.Refused:
		return fmt.Sprintf("tried to have more than %d processes", in.group.limits.processes)
	}
	return ""
}

// fault says how a service ended, with the tail of its log.
func (in *instance) fault(s *service) *app.Fault {
	s.out.drain()
	f := &app.Fault{Evidence: s.out.tail()}
	limit := ""
	if s.lost || s.exit.Code != 0 || s.exit.Signal != 0 {
		limit = in.exceeded() // whoever ends well did not end because of it
	}
	took := s.took.Round(100 * time.Millisecond)
	switch {
	case limit != "":
		f.Summary = s.name + " " + limit
		f.Hint = "use less, or ask the operator to raise resources in the enrolment"
	case s.lost:
		f.Summary = fmt.Sprintf("%s ended after %v together with everything around it", s.name, took)
	case s.exit.Signal != 0:
		f.Summary = fmt.Sprintf("%s was ended by signal %d (%s) after %v", s.name, s.exit.Signal, unix.SignalName(unix.Signal(s.exit.Signal)), took)
	default:
		f.Summary = fmt.Sprintf("%s exited with code %d after %v", s.name, s.exit.Code, took)
	}
	if f.Hint == "" && s.exit.Code == 127 && s.exit.Signal == 0 {
		f.Hint = "the shell found no such program: is it built, and does the Procfile name it by its path?"
	}
	return f
}

// close takes the instance down at once.
func (in *instance) close() {
	in.supervisor.close()
	for _, s := range in.services {
		<-s.ended
		s.out.close()
	}
}

func (a *App) Alive(context.Context) error {
	in := a.instance()
	if in == nil {
		return app.ErrNotRunning
	}
	for _, s := range in.services {
		if !s.alive() {
			return in.fault(s)
		}
	}
	select {
	case <-in.supervisor.lost:
		return in.blame(mainService, errSupervisorLost)
	default:
		return nil
	}
}

// Lives implements app.Lives: by the number of each service's main process, as the
// supervisor counts, and the time of its start.
func (a *App) Lives(context.Context) ([]app.Life, error) {
	in := a.instance()
	if in == nil {
		return nil, app.ErrNotRunning
	}
	var lives []app.Life
	for _, s := range in.services {
		if s.alive() {
			lives = append(lives, app.Life{Service: s.name, ID: fmt.Sprintf("process %d since %s", s.task.pid, s.started.UTC().Format(time.RFC3339Nano))})
		}
	}
	return lives, nil
}

var _ app.Lives = (*App)(nil)

func (a *App) instance() *instance {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.up
}

func (a *App) setInstance(in *instance) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.up = in
	a.stopped = in == nil
}
