package nomadfake_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/nomad/api"
)

// The test binary is what the jobs run; this variable says what it does.
const childDoes = "NOMADFAKE_TEST_CHILD"

func child(does string) {
	what, how, _ := strings.Cut(does, " ")
	asked, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	shared := os.Getenv("NOMAD_ALLOC_DIR")
	switch what {
	case "says":
		fmt.Println(how)
		fmt.Fprintln(os.Stderr, "quietly")
	case "writes":
		_ = os.WriteFile(filepath.Join(shared, "note.txt"), []byte(how), 0o644)
	case "tells": // its environment, one a line
		var lines []string
		for name := range strings.SplitSeq(how, ",") {
			v, there := os.LookupEnv(name)
			lines = append(lines, fmt.Sprintf("%s=%s %v", name, v, there))
		}
		_ = os.WriteFile(filepath.Join(shared, "note.txt"), []byte(strings.Join(lines, "\n")), 0o644)
	case "fails":
		os.Exit(3)
	case "dies":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "waits":
		_ = os.WriteFile(filepath.Join(shared, "waits"), nil, 0o644)
		<-asked.Done()
	case "ignores":
		signal.Ignore(os.Interrupt)
		_ = os.WriteFile(filepath.Join(shared, "waits"), nil, 0o644)
		time.Sleep(time.Hour)
	case "grows":
		f, err := os.Create(filepath.Join(shared, "note.txt"))
		if err != nil {
			panic(err)
		}
		for i := range 3 {
			fmt.Fprintln(f, "line", i)
			time.Sleep(300 * time.Millisecond)
		}
		<-asked.Done()
	}
}

func ptr[T any](v T) *T { return &v }

// jobThat is a parameterized job whose executor does that, and whose teardown writes a file.
func (s *scene) jobThat(does string) *api.Job {
	self, _ := os.Executable()
	task := func(name, does string) *api.Task {
		t := api.NewTask(name, "raw_exec").SetConfig("command", self)
		t.Env = map[string]string{childDoes: does, "GORACE": "atexit_sleep_ms=0"}
		t.KillTimeout = ptr(time.Second)
		t.Resources = &api.Resources{CPU: ptr(20), MemoryMB: ptr(32)}
		t.LogConfig = &api.LogConfig{MaxFiles: ptr(1), MaxFileSizeMB: ptr(5)}
		t.RestartPolicy = &api.RestartPolicy{Attempts: ptr(0), Mode: ptr("fail")}
		return t
	}
	after := task("teardown", "writes torn down")
	after.Lifecycle = &api.TaskLifecycle{Hook: api.TaskLifecycleHookPoststop}
	group := api.NewTaskGroup("runner", 1).AddTask(task("executor", does)).AddTask(after)
	group.RestartPolicy = &api.RestartPolicy{Attempts: ptr(0), Mode: ptr("fail")}
	group.ReschedulePolicy = &api.ReschedulePolicy{Attempts: ptr(0), Unlimited: ptr(false)}
	group.EphemeralDisk = &api.EphemeralDisk{SizeMB: ptr(20)}
	j := api.NewBatchJob(s.name, s.name, "global", 50)
	j.Datacenters = []string{"*"}
	j.ParameterizedJob = &api.ParameterizedJobConfig{Payload: "optional", MetaRequired: []string{"WHO"}, MetaOptional: []string{"WHY"}}
	return j.AddTaskGroup(group)
}

// register makes a job known, and forgets it when the clause is over.
func (s *scene) register(j *api.Job) {
	s.Helper()
	if _, _, err := s.Jobs().Register(j, nil); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		children, _, _ := s.Jobs().PrefixList(*j.ID)
		for _, c := range children {
			_, _, _ = s.Jobs().Deregister(c.ID, true, nil)
		}
	})
}

// dispatch registers a job that does that, and gives its child.
func (s *scene) dispatch(does string) (child string) {
	s.Helper()
	s.register(s.jobThat(does))
	return s.again("", "")
}

// again dispatches the job once more.
func (s *scene) again(token, prefix string) (child string) {
	s.Helper()
	made, _, err := s.Jobs().Dispatch(s.name, map[string]string{"WHO": "me"}, nil, prefix, &api.WriteOptions{IdempotencyToken: token})
	if err != nil {
		s.Fatal(err)
	}
	return made.DispatchedJobID
}

// allocation waits for the child's only one.
func (s *scene) allocation(child string) (found *api.Allocation) {
	s.Helper()
	s.eventually("it has an allocation", func() bool {
		list, _, err := s.Jobs().Allocations(child, true, nil)
		if err != nil {
			s.Fatal(err)
		}
		if len(list) == 0 {
			return false
		}
		found, _, err = s.Allocations().Info(list[0].ID, nil)
		if err != nil {
			s.Fatal(err)
		}
		return true
	})
	return found
}

// over waits until every task of the child's allocation has ended.
func (s *scene) over(child string) (found *api.Allocation) {
	s.Helper()
	s.eventually("it is over", func() bool {
		found = s.allocation(child)
		for _, task := range found.TaskStates {
			if task.State != "dead" {
				return false
			}
		}
		return len(found.TaskStates) > 0
	})
	return found
}

func (s *scene) eventually(what string, so func() bool) {
	s.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("gave up waiting until %s", what)
		}
	}
}

// refused fails the clause unless the error is that answer.
func (s *scene) refused(err error, code int, text string) {
	s.Helper()
	answer, ok := err.(api.UnexpectedResponseError)
	if !ok || !answer.HasStatusCode() || answer.StatusCode() != code || !strings.Contains(answer.Body(), text) {
		s.Errorf("got %v; want %d %s", err, code, text)
	}
}
