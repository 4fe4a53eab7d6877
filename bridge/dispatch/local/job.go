package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"seatrial/bridge/dispatch"
	"seatrial/internal/atomicfile"
	"seatrial/internal/procs"
)

// The files of an attempt's folder.
const (
	jobFile    = "job.json"
	stampFile  = "harness.json"
	outputFile = "output.txt" // what the harness printed besides: a panic's trace
)

// ReadJob reads the job of an attempt's folder.
func ReadJob(folder string) (dispatch.Job, error) {
	var job dispatch.Job
	if err := readJSON(filepath.Join(folder, jobFile), &job); err != nil {
		return dispatch.Job{}, fmt.Errorf("cannot read the job: %w", err)
	}
	job.Complete()
	return job, nil
}

// Stamp is the child's first act: it says that the attempt runs in this process.
// The start time tells the process from a later one with the same number. It is an
// error where the attempt was begun already, or was given up: then this process must
// do nothing.
func Stamp(folder string) error {
	self, ok := procs.Read(os.Getpid())
	if !ok {
		return fmt.Errorf("cannot stamp %s: it cannot be read when this process was started", folder)
	}
	err := writeJSON(filepath.Join(folder, stampFile), process{PID: self.PID, Start: self.Start}, atomicfile.Create)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot begin the attempt in %s: it was begun by another process, or given up", folder)
	}
	if err != nil {
		return fmt.Errorf("cannot stamp %s: %w", folder, err)
	}
	return nil
}

// giveUp says that the attempt will never begin: a child that comes late finds so. It
// is fs.ErrExist where one has begun.
func giveUp(folder string) error {
	return writeJSON(filepath.Join(folder, stampFile), process{}, atomicfile.Create)
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// writeJSON writes with atomicfile.Write or Create. The file is its owner's alone: what
// the operator set for runs lies in the job.
func writeJSON(path string, v any, write func(path string, data []byte, mode os.FileMode) error) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return write(path, append(b, '\n'), 0o600)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
