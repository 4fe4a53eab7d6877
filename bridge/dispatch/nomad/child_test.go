package nomad_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/dispatchtest"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
)

// The test binary is what the jobs run; this variable says as which task.
const (
	childTask   = "NOMAD_TEST_CHILD"
	childStarts = "NOMAD_TEST_STARTS" // the folder where each start is counted
)

// Recipes of more runs than the contract's.
const (
	leaks  = "leaks"  // finishes, but its node's teardown finds something that stays
	mute   = "mute"   // finishes; nothing is ever heard of its teardown
	chatty = "chatty" // many events, slowly, until it is asked to stop
	exits  = "exits"  // ends at once with exit code 3
	crafty = "crafty" // finishes, and leaves files that are not results
	deaf   = "deaf"   // one event, then it ignores being asked to stop
	rises  = "rises"  // dies, and its job has it placed once more

	onPier = "pier-" // before each of them: it runs on the node that comes and goes
)

// child does what its recipe's name says, as a harness in an allocation does.
func child(task string) {
	var job dispatch.Job
	if err := cluster.Unpack(os.Getenv("NOMAD_META_JOB"), &job); err != nil {
		panic(err)
	}
	folder := filepath.Join(os.Getenv("NOMAD_ALLOC_DIR"), cluster.Folder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		panic(err)
	}
	if task == cluster.Teardown {
		teardown(folder, job)
		return
	}
	asked, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	count(job)
	var seq int64
	emit := func(kind run.Kind) {
		seq++
		appendEvent(folder, run.Event{Run: job.Request.ID, Attempt: job.Attempt, Source: run.Harness, Seq: seq, At: time.Now(), Kind: kind})
	}
	recipe := strings.TrimPrefix(job.Request.Recipe, onPier)
	if recipe == exits {
		fmt.Println("cannot read the sea chart")
		os.Exit(3)
	}
	emit(run.KindStarted)
	switch recipe {
	case dispatchtest.Dies, rises:
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case dispatchtest.Waits:
		<-asked.Done()
	case deaf:
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
		time.Sleep(time.Hour)
	case chatty:
		for asked.Err() == nil {
			emit(run.KindProgress)
			time.Sleep(20 * time.Millisecond)
		}
	}
	emit(run.KindTornDown)
	write(filepath.Join(folder, "result.json"), `{"ok":true}`)
	write(filepath.Join(folder, dispatch.LogFile), "all is well\n")
	if recipe == crafty {
		write(filepath.Join(folder, "cluster.json"), `{"stopped":true}`)
		write(filepath.Join(folder, "trace.zip"), "PK")
		if err := errors.Join(os.Symlink("/etc/passwd", filepath.Join(folder, "users.txt")), os.Mkdir(filepath.Join(folder, "tmp"), 0o700)); err != nil {
			panic(err)
		}
	}
	emit(run.KindFinished)
}

func teardown(folder string, job dispatch.Job) {
	var swept run.Swept
	switch job.Request.Recipe {
	case mute:
		return
	case leaks:
		swept.Leftovers = []run.Leftover{{Kind: "mount", Name: "/srv/x"}}
	}
	text, _ := json.Marshal(swept)
	write(filepath.Join(folder, cluster.SweptFile), string(text))
}

// builder is an operator's own job: it knows nothing of events.
func builder(code string) {
	fmt.Println("building", os.Getenv("NOMAD_META_COMMIT"), "of", os.Getenv("NOMAD_META_BRANCH"))
	switch code {
	case "0":
	case "wait":
		time.Sleep(time.Hour)
	default:
		fmt.Fprintln(os.Stderr, "error: the hull leaks")
		os.Exit(3)
	}
}

func count(job dispatch.Job) {
	f, err := os.OpenFile(startsFile(os.Getenv(childStarts), job.Request.ID, job.Attempt), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	fmt.Fprintln(f, "start")
}

func startsFile(dir string, id run.ID, attempt int) string {
	return filepath.Join(dir, fmt.Sprintf("%s-%d", id, attempt))
}

func starts(dir string, id run.ID, attempt int) int {
	b, _ := os.ReadFile(startsFile(dir, id, attempt))
	return strings.Count(string(b), "start")
}

func appendEvent(folder string, e run.Event) {
	line, _ := json.Marshal(e)
	f, err := os.OpenFile(filepath.Join(folder, dispatch.EventsFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if _, err := f.Write(append(line, '\n')); err != nil {
		panic(err)
	}
}

func write(path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		panic(err)
	}
}
