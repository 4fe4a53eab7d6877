package nomad

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch"
	"seatrial/harness/cluster"
	"seatrial/internal/atomicfile"
)

// What is copied of an attempt's results, at most.
const (
	maxFiles = 200
	maxFile  = 64 << 20 // bytes of one

	// maxGrowing bounds events and log, in bytes. A harness keeps far below it; somebody
	// else's builder need not.
	maxGrowing = 128 << 20
)

// collect reads the files of an allocation that is over to their ends, and notes that,
// or that it cannot be done.
func (d *Dispatcher) collect(ctx context.Context, k key, f facts, m *mirror) error {
	if m.since.IsZero() {
		m.since = d.Now()
	}
	if err := d.take(k, m, f.alloc.ID); err != nil {
		return err
	}
	files, err := d.list(ctx, f.alloc.ID, strings.TrimSuffix(cluster.AllocPath(""), "/"))
	if err == nil {
		err = d.fetchAll(ctx, k, m, f.alloc.ID, files)
	}
	missing := ""
	switch {
	case errors.Is(err, errNoFile): // there is no folder: it is no harness of ours, or never came to it
	case errors.Is(err, errNoFiles):
		missing = "the cluster collected its files as garbage before its last word was read"
	case err != nil && f.away() && d.givesUpOn(f, m):
		missing = fmt.Sprintf("its node %s is gone, and its files with it", f.alloc.NodeName)
	case err != nil && !outside(err) && d.Now().Sub(m.since) > collectWithin:
		missing = fmt.Sprintf("its files on node %s could not be read: %s", f.alloc.NodeName, oneLine(err.Error()))
	case err != nil:
		return cluster.Explain(fmt.Sprintf("read the last files of run %s", k.id), err)
	}
	if missing == "" {
		if err := d.answerForBuilder(ctx, k, m, f, files); err != nil {
			return err
		}
	}
	defer m.tell(false)
	return d.changeNote(k, func(n *note) { n.Collected, n.Missing = true, missing })
}

// givesUpOn says whether a node that does not answer is not waited for any longer.
func (d *Dispatcher) givesUpOn(f facts, m *mirror) bool {
	return f.node == nil || f.alloc.ClientStatus == api.AllocClientStatusLost || d.Now().Sub(m.since) > collectWithin
}

// outside says that an error is about the way to the cluster, not about the files.
func outside(err error) bool {
	for _, is := range []error{cluster.ErrUnreachable, cluster.ErrForbidden, cluster.ErrBadToken, cluster.ErrNoLeader, context.Canceled} {
		if cluster.Is(err, is) {
			return true
		}
	}
	return false
}

// fetchAll brings events and log to their ends, then whatever lies beside them.
func (d *Dispatcher) fetchAll(ctx context.Context, k key, m *mirror, alloc string, files []*api.AllocFileInfo) error {
	files = slices.DeleteFunc(slices.Clone(files), func(f *api.AllocFileInfo) bool { return !isResult(f) })
	if len(files) > maxFiles {
		d.Log.Warn("the run wrote more files than are kept", "run", k.id, "attempt", k.attempt, "files", len(files), "kept", maxFiles)
		files = files[:maxFiles]
	}
	// What the verdict needs comes first, for a node may vanish meanwhile.
	slices.SortStableFunc(files, func(a, b *api.AllocFileInfo) int { return rank(a.Name) - rank(b.Name) })
	for _, f := range files {
		ctx, cancel := context.WithTimeout(ctx, fetchWithin)
		err := d.fetch(ctx, k, m, alloc, f)
		cancel()
		if err != nil && !errors.Is(err, errNoFile) {
			return err
		}
	}
	return nil
}

// isResult says whether a file is one to keep: a plain one, with a plain name, that does
// not take the place of our own note.
func isResult(f *api.AllocFileInfo) bool {
	return !f.IsDir && f.Name != noteFile && strings.HasPrefix(f.FileMode, "-") && f.Name != "" && !strings.HasPrefix(f.Name, ".") && filepath.Base(f.Name) == f.Name && unfit(f.Name) == ""
}

func rank(name string) int {
	if i := slices.Index([]string{dispatch.EventsFile, cluster.SweptFile, dispatch.LogFile}, name); i >= 0 {
		return i
	}
	return maxFiles
}

// fetch brings one file here. What grows is gone on with; the rest is whole or not there.
func (d *Dispatcher) fetch(ctx context.Context, k key, m *mirror, alloc string, f *api.AllocFileInfo) error {
	path := filepath.Join(d.folder(k), f.Name)
	if f.Name != dispatch.EventsFile && f.Name != dispatch.LogFile {
		return d.fetchWhole(ctx, alloc, f, path)
	}
	file, offset, err := openCopy(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if offset > f.Size { // no copy of this one
		if err := file.Truncate(0); err != nil {
			return err
		}
		m.renew()
		offset = 0
	}
	if offset == f.Size || offset >= maxGrowing {
		return nil
	}
	return d.read(ctx, alloc, cluster.AllocPath(f.Name), offset, maxGrowing-offset, file)
}

func (d *Dispatcher) fetchWhole(ctx context.Context, alloc string, f *api.AllocFileInfo, path string) error {
	if f.Size > maxFile {
		d.Log.Warn("a result is too large to be kept", "file", path, "bytes", f.Size, "at_most", maxFile)
		return nil
	}
	if there, err := os.Lstat(path); err == nil && there.Size() == f.Size && there.ModTime().Equal(f.ModTime) {
		return nil
	}
	var text bytes.Buffer
	err := d.read(ctx, alloc, cluster.AllocPath(f.Name), 0, maxFile, &text)
	if err == nil {
		err = atomicfile.Write(path, text.Bytes(), 0o600)
	}
	if err == nil {
		err = os.Chtimes(path, time.Time{}, f.ModTime)
	}
	return err
}

// openCopy opens the copy of a file that grows, and says where it ends. What a crash of
// this machine left of a write that never happened is cut off.
func openCopy(path string) (*os.File, int64, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, 0, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, 0, err
	}
	size, err := file.Seek(0, io.SeekEnd)
	for last := make([]byte, 1); err == nil && size > 0; size-- {
		if _, err = file.ReadAt(last, size-1); err != nil || last[0] != 0 {
			break
		}
	}
	if err == nil {
		err = file.Truncate(size)
	}
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, size, nil
}
