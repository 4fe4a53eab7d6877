package result

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"seatrial/harness/run"
	"seatrial/internal/atomicfile"
)

// Forget takes a person out of the result in a folder, and says whether they were in it; with dry
// that is all. The run must be over.
func Forget(dir string, who run.Accounts, dry bool) (found bool, err error) {
	path := filepath.Join(dir, JSONFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	var r Result
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return false, fmt.Errorf("cannot read the result %s: %w", path, err)
	}
	if found = who.ForgetInReport(&r.Report); !found || dry {
		return found, nil
	}
	if text, err = json.MarshalIndent(r, "", "  "); err != nil {
		return false, fmt.Errorf("cannot encode the result: %w", err)
	}
	if err := atomicfile.Write(path, append(text, '\n'), mode); err != nil {
		return false, fmt.Errorf("cannot write the result: %w", err)
	}
	return true, nil
}
