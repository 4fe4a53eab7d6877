package nomadfake

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/hashicorp/nomad/api"
	"golang.org/x/sys/unix"
)

// defaultKillTimeout is Nomad's, for a task that names none.
const defaultKillTimeout = 5 * time.Second

// runTask runs a task to its end, and tells each step.
func (f *Fake) runTask(a *allocation, task *api.Task) {
	cmd, ended, err := f.startTask(a, task)
	if cmd == nil {
		if err != nil {
			f.fail(a, task.Name, err)
		}
		return
	}
	asked := a.asked
	if task.Lifecycle != nil {
		asked = nil // whoever looks after the others is not asked to stop with them
	}
	var patience <-chan time.Time
	stopped := false
	for {
		select {
		case <-asked:
			asked, stopped = nil, true
			patience = time.After(f.ask(a, task, cmd))
			continue
		case <-patience:
			killGroup(cmd.Process.Pid)
			continue
		case <-ended:
		}
		break
	}
	killGroup(cmd.Process.Pid) // what it left behind
	f.endTask(a, task.Name, cmd, stopped)
}

// startTask starts the process, unless the node is off or the task is not to start.
func (f *Fake) startTask(a *allocation, task *api.Task) (*exec.Cmd, <-chan error, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a.isOff() {
		return nil, nil, nil
	}
	select {
	case <-a.asked:
		if task.Lifecycle == nil {
			f.never(a, task.Name)
			return nil, nil, nil
		}
	default:
	}
	a.event(task.Name, &api.TaskEvent{Type: api.TaskSetup, Message: "Building Task Directory", DisplayMessage: "Building Task Directory", Details: map[string]string{"message": "Building Task Directory"}})
	if err := f.folders(a, task.Name); err != nil {
		return nil, nil, err
	}
	cmd, err := f.command(a, task)
	if err != nil {
		return nil, nil, err
	}
	logs := filepath.Join(f.shared(a), "logs", task.Name)
	stdout, err := os.OpenFile(logs+".stdout.0", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, nil, err
	}
	defer stdout.Close()
	stderr, err := os.OpenFile(logs+".stderr.0", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, nil, err
	}
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	a.pids[task.Name] = cmd.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	state := a.tasks[task.Name]
	state.State, state.StartedAt = taskRunning, time.Now().UTC()
	a.event(task.Name, &api.TaskEvent{Type: api.TaskStarted, DisplayMessage: "Task started by client"})
	f.report(a)
	return cmd, ended, nil
}

// ask asks a task to end, and says how long it may take.
func (f *Fake) ask(a *allocation, task *api.Task, cmd *exec.Cmd) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	patience := defaultKillTimeout
	if task.KillTimeout != nil {
		patience = *task.KillTimeout
	}
	a.event(task.Name, &api.TaskEvent{
		Type: api.TaskKilling, KillTimeout: patience, DisplayMessage: fmt.Sprintf("Sent interrupt. Waiting %s before force killing", patience), Details: map[string]string{"kill_timeout": patience.String()},
	})
	f.report(a)
	_ = cmd.Process.Signal(signalOf(task))
	return patience
}

// signalOf is how a task is asked to end: by an interrupt, unless it names another.
func signalOf(task *api.Task) syscall.Signal {
	if s := unix.SignalNum(task.KillSignal); s != 0 {
		return s
	}
	return syscall.SIGINT
}

func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

// endTask tells how a process ended.
func (f *Fake) endTask(a *allocation, task string, cmd *exec.Cmd, stopped bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(a.pids, task)
	code, signal := cmd.ProcessState.ExitCode(), 0
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		signal = int(status.Signal())
		code = 128 + signal
	}
	message := fmt.Sprintf("Exit Code: %d", code)
	if signal != 0 {
		message += fmt.Sprintf(", Signal: %d", signal)
	}
	a.event(task, &api.TaskEvent{
		Type: api.TaskTerminated, ExitCode: code, Signal: signal, DisplayMessage: message,
		Details: map[string]string{"exit_code": strconv.Itoa(code), "signal": strconv.Itoa(signal), "oom_killed": strconv.FormatBool(a.oom && signal == int(syscall.SIGKILL))},
	})
	switch {
	case stopped:
		a.event(task, &api.TaskEvent{Type: api.TaskKilled, DisplayMessage: "Task successfully killed"})
	case code != 0:
		a.tasks[task].Failed = true
		const why = "Policy allows no restarts"
		a.event(task, &api.TaskEvent{Type: api.TaskNotRestarting, RestartReason: why, FailsTask: true, DisplayMessage: why, Details: map[string]string{"fails_task": "true", "restart_reason": why}})
	}
	f.dead(a, task)
}

func (f *Fake) dead(a *allocation, task string) {
	a.tasks[task].State, a.tasks[task].FinishedAt = taskDead, time.Now().UTC()
	f.report(a)
}

// never ends a task that was asked to end before it started.
func (f *Fake) never(a *allocation, task string) {
	a.event(task, &api.TaskEvent{Type: api.TaskKilled, DisplayMessage: "Task successfully killed"})
	f.dead(a, task)
}

// fail ends a task whose process could not be started.
func (f *Fake) fail(a *allocation, task string, why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a.tasks[task].Failed = true
	text := fmt.Sprintf("rpc error: code = Unknown desc = failed to launch command with executor: rpc error: code = Unknown desc = %v", why)
	a.event(task, &api.TaskEvent{Type: api.TaskDriverFailure, DriverError: text, DisplayMessage: text, Details: map[string]string{"driver_error": text}})
	f.dead(a, task)
}
