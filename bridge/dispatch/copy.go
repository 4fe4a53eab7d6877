package dispatch

import (
	"fmt"
	"path/filepath"
	"strings"

	"seatrial/harness/run"
)

// CopyFolder is where the copy of a private repository lies below root; empty for code
// that everybody can read. Forges do not tell upper from lower case in names, and neither
// does the folder.
func CopyFolder(root string, code run.Code) (string, error) {
	if !code.Private {
		return "", nil
	}
	owner, name, ok := strings.Cut(strings.ToLower(code.Repo), "/")
	if ok = ok && root != "" && name != ""; ok {
		for _, part := range []string{code.Forge, owner, name + ".git"} {
			ok = ok && part != "" && part != "." && part != ".." && !strings.ContainsAny(part, "/\\\x00")
		}
	}
	if !ok {
		return "", fmt.Errorf("there is no place for a copy of the private repository %q of the forge %q", code.Repo, code.Forge)
	}
	return filepath.Join(root, code.Forge, owner, name+".git"), nil
}
