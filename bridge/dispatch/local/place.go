package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"seatrial/harness/app"
)

// tempDir is the part of an attempt's folder that must not outlive it: checkouts,
// scratch files, snapshots.
const tempDir = "tmp"

// Temp is the folder for an attempt's temporary files.
func Temp(folder string) string { return filepath.Join(folder, tempDir) }

// Place finds the temporary folders of attempts below a root. The job beside
// each, written before it, labels it.
type Place struct{ Root string }

// Objects lists them.
func (p Place) Objects(context.Context) ([]app.Object, error) {
	found, err := filepath.Glob(filepath.Join(p.Root, "*", "*", tempDir))
	if err != nil {
		return nil, fmt.Errorf("cannot list temporary folders: %w", err)
	}
	var objects []app.Object
	for _, path := range found {
		job, err := ReadJob(filepath.Dir(path))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it is being removed by somebody else
		}
		if err != nil {
			return nil, err
		}
		objects = append(objects, app.Object{Kind: "folder", ID: path, Detail: "temporary files of the harness", Labels: job.Labels()})
	}
	return objects, nil
}

// Remove removes one.
func (p Place) Remove(_ context.Context, o app.Object) error {
	inside, err := filepath.Rel(p.Root, o.ID)
	if err != nil || strings.HasPrefix(inside, "..") || filepath.Base(inside) != tempDir {
		return fmt.Errorf("cannot remove %s: it is not a temporary folder of an attempt", o.ID)
	}
	if err := os.RemoveAll(o.ID); err != nil {
		return fmt.Errorf("cannot remove the temporary files: %w", err)
	}
	return nil
}

var _ app.Place = Place{}
